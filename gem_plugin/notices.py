"""What a user must know, and what stops no work: one place that takes it, and carries it to whoever listens.

Readers and steps call `warn` and `note`. A step that runs listens: then the sentence goes to the error stream, to run.log,
to the report and to the CryoSPARC job. Where nobody listens, as in a notebook, it is a Python warning.
"""

import contextlib
import warnings
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import NamedTuple

NOTE, WARNING = "note", "warning"  # levels: good to know; may make the results wrong or worse
LEVELS = (NOTE, WARNING)


class Notice(NamedTuple):
    """One sentence or more, complete without its context: which file, what was found, what it means, what to do."""

    level: str  # one of LEVELS
    sentence: str


class GemWarning(UserWarning):
    """A warning about the data or the results."""


class GemNote(GemWarning):
    """Something good to know."""


Listener = Callable[[Notice], None]
_listener: ContextVar[Listener | None] = ContextVar("listener of notices", default=None)


def warn(sentence: str) -> None:
    """Something may make the results wrong or worse."""
    _pass_on(Notice(WARNING, sentence))


def note(sentence: str) -> None:
    """Something was decided or found that a user would want to know."""
    _pass_on(Notice(NOTE, sentence))


def as_python_warning(notice: Notice, stacklevel: int = 2) -> None:
    """Issue a notice as a GemWarning or GemNote of Python's own warnings."""
    category = GemWarning if notice.level == WARNING else GemNote
    warnings.warn(notice.sentence, category, stacklevel=stacklevel + 1)


@contextlib.contextmanager
def listening(listener: Listener) -> Iterator[list[Notice]]:
    """Pass on to the listener what is said while the block runs; gives the growing list of it, each sentence once.

    Of blocks inside each other only the innermost hears.
    """
    heard: list[Notice] = []

    def hear(notice: Notice) -> None:
        if notice not in heard:
            heard.append(notice)
            listener(notice)

    token = _listener.set(hear)
    try:
        yield heard
    finally:
        _listener.reset(token)


def _pass_on(notice: Notice) -> None:
    listener = _listener.get()
    if listener is None:
        as_python_warning(notice, stacklevel=3)
    else:
        listener(notice)
