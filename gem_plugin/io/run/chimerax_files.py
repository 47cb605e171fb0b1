"""The table of the files for ChimeraX."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class ChimeraxFiles:
    """Paths inside RUN/chimerax."""

    root: Path

    @property
    def mean_map(self) -> Path:  # of the mean Gaussians
        return self.root / "mean.mrc"

    def map_of_values(self, name: str) -> Path:  # name: motion, occupancy, amplitude_change
        return self.root / f"{name}.mrc"

    def maps(self) -> list[Path]:
        """The mean map, those that colour it, and the arrows, as far as they are there."""
        maps = (self.mean_map, *map(self.map_of_values, ("motion", "occupancy", "amplitude_change")))
        return [path for path in (*maps, self.arrows) if path.is_file()]

    @property
    def arrows(self) -> Path:  # of the main motion
        return self.root / "motion_arrows.bild"

    def gaussians(self, trajectory: str) -> Path:  # one model a point of the trajectory
        return self.root / f"gaussians_{trajectory}.pdb"

    @property
    def scene_of_states(self) -> Path:  # for Mol*
        return self.root / "states.mvsx"

    @property
    def scene_of_motion(self) -> Path:
        return self.root / "colour_by_motion.mvsx"

    def scenes(self) -> list[Path]:
        return [path for path in (self.scene_of_states, self.scene_of_motion) if path.is_file()]

    def script(self, name: str) -> Path:
        return self.root / f"{name}.cxc"

    def made_by_report(self) -> list[Path]:
        """Scripts and models of a report; others that someone saved beside them are not among these."""
        scripts = ("states.cxc", "states_overlay.cxc", "movie.cxc", "figure.cxc", "arrows.cxc", "morph_*.cxc")
        patterns = (
            *scripts,
            "colour_by_*.cxc",
            "gaussians_*",
            *(path.name for path in (self.scene_of_states, self.scene_of_motion)),
        )
        return sorted(path for pattern in patterns for path in self.root.glob(pattern))

    def scripts(self) -> list[Path]:
        return sorted(self.root.glob("*.cxc"))
