"""The table of the files of a reconstruct folder. The only maps of a run that carry a resolution lie here."""

from dataclasses import dataclass
from pathlib import Path

WHOLE_NAME = "all"  # all particles together
ENDINGS = (".mrc", "_half1.mrc", "_half2.mrc", "_mask.mrc", "_local_resolution.mrc", "_fsc.csv")
CONTROL_NAME = "random_subset"  # as many particles as the smallest state has, drawn blindly


@dataclass(frozen=True)
class ReconstructFiles:
    """Paths inside RUN/reconstruct. Names: all, state_001, ..., point_001, ..., deformed, undeformed."""

    root: Path

    def half_map(self, name: str, half: int) -> Path:  # half: 1 or 2; no filter, no mask
        return self.root / f"{name}_half{half}.mrc"

    def final_map(self, name: str) -> Path:  # both halves, Wiener-filtered
        return self.root / f"{name}.mrc"

    def mask(self, name: str) -> Path:
        return self.root / f"{name}_mask.mrc"

    def local_resolution(self, name: str) -> Path:  # Angstrom in every voxel of the mask, 0 outside
        return self.root / f"{name}_local_resolution.mrc"

    def curves(self, name: str) -> Path:  # csv: shell, resolution, and the correlations
        return self.root / f"{name}_fsc.csv"

    def remove_states(self) -> None:
        """Maps of an earlier grouping would otherwise lie among the new ones."""
        self._remove("state_*", WHOLE_NAME, CONTROL_NAME)

    def remove_points(self) -> None:
        self._remove("point_*")

    def _remove(self, *names: str) -> None:
        for name in names:
            for path in {path for ending in ENDINGS for path in self.root.glob(name + ending)}:
                path.unlink()

    def names_with_half_maps(self) -> list[str]:
        return sorted(path.name.removesuffix("_half1.mrc") for path in self.root.glob("*_half1.mrc"))

    @property
    def table(self) -> Path:  # csv: one row a map
        return self.root / "maps.csv"

    @property
    def points_table(self) -> Path:  # the same for maps around latent points
        return self.root / "points.csv"

    @property
    def deformed_table(self) -> Path:  # the same for maps with and without the motion
        return self.root / "deformed.csv"

    @property
    def widths(self) -> Path:  # csv: the neighbourhoods that were compared for each latent point
        return self.root / "neighbourhoods.csv"
