"""The table of the files that the explorer saves."""

from dataclasses import dataclass
from pathlib import Path

SESSION_SUFFIX = ".session.json"
SUMMARY_NAME = "summary.json"


@dataclass(frozen=True)
class ReconstructionFiles:
    """Paths beside the maps of a reconstruction, in its folder."""

    root: Path

    @property
    def rows(self) -> Path:  # text: the rows of the particles, counted from 0
        return self.root / "rows.txt"

    @property
    def summary(self) -> Path:  # json: what was measured; the last file that is written
        return self.root / SUMMARY_NAME


@dataclass(frozen=True)
class ExploreFiles:
    """Paths inside RUN/explore; names are those that the user gave."""

    root: Path

    def particles(self, name: str, suffix: str) -> Path:  # the chosen rows: ".star" or ".cs"
        return self.root / f"{name}{suffix}"

    def rows(self, name: str) -> Path:  # text: their rows, counted from 0
        return self.root / f"{name}_rows.txt"

    def maps(self, name: str) -> Path:  # folder: a series of maps and their latents
        return self.root / name

    def movie(self, name: str, suffix: str) -> Path:
        return self.root / f"{name}{suffix}"

    @property
    def masks(self) -> Path:
        return self.root / "masks"

    def mask(self, name: str) -> Path:
        return self.masks / f"{name}.mrc"

    def session(self, name: str) -> Path:
        return self.root / f"{name}{SESSION_SUFFIX}"

    def session_names(self) -> list[str]:
        return sorted(path.name.removesuffix(SESSION_SUFFIX) for path in self.root.glob("*" + SESSION_SUFFIX))

    @property
    def work(self) -> Path:  # json: what the open pages of the explorer hold, so that a reload finds it again
        return self.root / "current_work.json"

    @property
    def job_list(self) -> Path:  # json: what was started from the page, and how it ended
        return self.root / "job_list.json"

    def atoms(self, name: str) -> Path:  # atomic models that a step was started with
        return self.root / "atoms" / name

    @property
    def reconstructions(self) -> Path:
        return self.root / "reconstructions"

    def reconstruction(self, name: str) -> Path:  # folder: half-maps, map, FSC and rows of a selection
        return self.reconstructions / name

    def reconstruction_names(self) -> list[str]:  # of those that are finished
        return sorted(path.parent.name for path in self.reconstructions.glob(f"*/{SUMMARY_NAME}"))

    def chimerax(self, name: str) -> Path:  # folder: maps that were compared, and the script that opens them
        return self.root / "chimerax" / name

    def job(self, name: str) -> Path:  # a folder that RELION takes for a finished External job
        return self.root / "jobs" / name
