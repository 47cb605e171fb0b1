"""The files on the subunits of each particle, in a folder of states."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class SubunitFiles:
    """Paths inside a landscape folder, or that of landscape-full. Absent where every particle has one view."""

    root: Path

    @property
    def table(self) -> Path:  # csv: one row a physical particle, its subunits in each state
        return self.root / "subunits.csv"

    @property
    def patterns(self) -> Path:  # csv: combinations of states, observed and expected
        return self.root / "subunit_patterns.csv"

    @property
    def cooperativity(self) -> Path:  # JSON: subunits of a particle, and whether they are independent
        return self.root / "subunit_cooperativity.json"

    def remove(self) -> None:
        """Those of an earlier call."""
        for path in (self.table, self.patterns, self.cooperativity):
            path.unlink(missing_ok=True)
