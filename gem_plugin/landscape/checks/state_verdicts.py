"""What the checks say of a state, in one word: the badge that stands beside it wherever a state is shown.

The words are here and nowhere else. A state that no check compared with its particles is "not tested", whatever else is known.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

SUPPORTED = "supported"  # its particles differ from the others in both half-maps alike
NOT_SUPPORTED = "not supported"  # they do not, though there would be enough of them
UNSTABLE = "unstable"  # clustering does not find it again
FEW_PARTICLES = "few particles"  # too few to show a difference of its size
NOT_TESTED = "not tested"
KINDS = (SUPPORTED, NOT_SUPPORTED, UNSTABLE, FEW_PARTICLES, NOT_TESTED)
NOISE, STABILITY, SIZE = "may be noise", "is unstable", "has too few particles"  # checks, as in checks.csv
NOTHING_KNOWN = "No check has compared this state with its particles."


class Check(Protocol):
    """A row of checks.csv."""

    @property
    def check(self) -> str: ...

    @property
    def number(self) -> float | None: ...  # None: not measured

    @property
    def is_bad(self) -> bool: ...

    @property
    def sentence(self) -> str: ...


@dataclass(frozen=True)
class StateVerdict:
    """The badge of one state, and why."""

    kind: str  # one of KINDS
    sentence: str
    z_score: float | None = None  # standard errors by which its particles differ; None: not measured

    @property
    def badge(self) -> str:
        """supported (12 sigma)"""
        if self.kind in (SUPPORTED, NOT_SUPPORTED) and self.z_score is not None:
            return f"{self.kind} ({self.z_score:.0f} sigma)"
        return self.kind


UNKNOWN = StateVerdict(NOT_TESTED, NOTHING_KNOWN)


def verdict_of_state(checks: Iterable[Check]) -> StateVerdict:
    """The verdict by the checks of one state; each kind of check at most once.

    A state whose half-maps agree is supported, unless clustering does not find it again. One whose half-maps do not agree has few
    particles where more would be needed, and is not supported where there are enough.
    """
    rows = {row.check: row for row in checks if row.check in (NOISE, STABILITY, SIZE)}
    measured = {name: row for name, row in rows.items() if row.number is not None}
    is_bad = {name for name, row in measured.items() if row.is_bad}
    sentence = " ".join(row.sentence for row in rows.values())
    z_score = measured[NOISE].number if NOISE in measured else None
    if z_score is None:
        kind = FEW_PARTICLES if SIZE in is_bad else UNSTABLE if STABILITY in is_bad else NOT_TESTED
        return StateVerdict(kind, sentence or NOTHING_KNOWN)
    if NOISE in is_bad:
        return StateVerdict(FEW_PARTICLES if SIZE in is_bad else NOT_SUPPORTED, sentence, z_score)
    return StateVerdict(UNSTABLE if STABILITY in is_bad else SUPPORTED, sentence, z_score)
