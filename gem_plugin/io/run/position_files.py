"""The files on where the states are in the tomograms, in a folder of states."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class PositionFiles:
    """Paths inside a landscape folder, or that of landscape-full. Absent where particles have no positions in tomograms."""

    root: Path

    @property
    def star(self) -> Path:  # one row a particle: tomogram, coordinates, angles, state; for ArtiaX
        return self.root / "positions.star"

    @property
    def points(self) -> Path:  # csv: the same positions as points for napari
        return self.root / "positions.csv"

    @property
    def neighbours(self) -> Path:  # csv: one row a state: how many neighbours are in the same state
        return self.root / "state_neighbours.csv"

    @property
    def distances(self) -> Path:  # csv: one row a pair of states
        return self.root / "state_distances.csv"

    def remove(self) -> None:
        """Those of an earlier call."""
        for path in (self.star, self.points, self.neighbours, self.distances):
            path.unlink(missing_ok=True)
