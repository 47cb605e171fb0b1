"""Names under which the explorer saves: they stay inside the run, and nothing is overwritten unless asked."""

import itertools
import re
import time
from collections.abc import Callable
from pathlib import Path

from gem_plugin.errors import InputError

NAME_PATTERN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,59}")  # page/names.js has the same
MAXIMUM_LENGTH = 60


class NameTakenError(InputError):
    """What is saved under a name would be lost; the page offers another name, or to overwrite."""

    def __init__(self, lost: list[Path], new_name: str) -> None:
        files = " and ".join(_described(path) for path in lost)
        are_there = "is there already" if len(lost) == 1 else "are there already"
        super().__init__(f"{files} {are_there} and would be lost. Save as {new_name}, or overwrite.")
        self.new_name = new_name


def checked_name(name: str) -> str:
    """A name that cannot lead out of the folder."""
    if not NAME_PATTERN.fullmatch(name):
        raise InputError(
            f"The name {name[:80]!r} cannot be used; expected letters, digits, - and _ (at most 60), such as open_state."
        )
    return name


def check_name_is_free(name: str, lost_under: Callable[[str], list[Path]], overwrite: bool) -> None:
    """Refuse a name, or let it be overwritten. lost_under(name): what saving under a name would replace."""
    lost = lost_under(checked_name(name))
    if lost and not overwrite:
        raise NameTakenError(lost, free_name(name, lambda other: bool(lost_under(other))))


def free_name(name: str, is_taken: Callable[[str], bool]) -> str:
    """The next name that is free: selection-2 after selection, selection-3 after selection-2."""
    found = re.fullmatch(r"(.+)-(\d+)", name)
    stem, first = (found[1], int(found[2]) + 1) if found else (name, 2)
    for number in itertools.count(first):
        other = f"{stem[: MAXIMUM_LENGTH - 1 - len(str(number))]}-{number}"
        if not is_taken(other):
            return other
    raise AssertionError("numbers do not end")


def _described(path: Path) -> str:
    written = time.strftime("%Y-%m-%d %H:%M", time.localtime(path.stat().st_mtime))
    return f"{path} (written {written})"
