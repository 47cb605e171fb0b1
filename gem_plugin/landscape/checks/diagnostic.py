"""What one check of a run found: a number, the threshold it is held against, and a sentence to read."""

import math
from dataclasses import asdict, dataclass
from typing import Any

GOOD, BAD, NOT_MEASURED = "good", "bad", "not measured"


@dataclass(frozen=True)
class Diagnostic:
    """One check. In diagnostics.json each is {name, value, threshold, verdict, is_bad, sentence, advice}."""

    name: str
    value: float | None  # None: not measured
    threshold: float
    is_bad: bool
    sentence: str  # what was found, with the number
    advice: str = ""  # what to do when it is bad, or how to have it measured

    @property
    def verdict(self) -> str:
        if self.value is None:
            return NOT_MEASURED
        return BAD if self.is_bad else GOOD

    def as_plain(self) -> dict[str, Any]:
        """For JSON: numbers short, and never nan, which JSON has no word for."""
        value = None if self.value is None or not math.isfinite(self.value) else round(self.value, 5)
        return {
            **asdict(self),
            "value": value,
            "threshold": round(self.threshold, 5),
            "verdict": self.verdict,
        }


def not_measured(name: str, threshold: float, why: str, advice: str) -> Diagnostic:
    """A check whose input is missing; it is no verdict."""
    return Diagnostic(name, None, threshold, False, why, advice)
