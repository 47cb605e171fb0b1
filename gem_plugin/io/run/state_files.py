"""The table of the files of a folder of states: maps, lists of particles, and the particles themselves."""

from dataclasses import dataclass
from pathlib import Path

from gem_plugin.io.run.names import STATE_NAME, state_name

PARTICLE_SUFFIXES = (".star", ".cs", ".csg")


@dataclass(frozen=True)
class StateFiles:
    """Paths inside one folder of states; states count from 1."""

    root: Path

    def mean(self, number: int) -> Path:
        return self._file(number, "_mean.mrc")

    def standard_deviation(self, number: int) -> Path:
        return self._file(number, "_std.mrc")

    def difference(self, number: int) -> Path:  # from the mean of all particles
        return self._file(number, "_difference.mrc")

    def minus(self, number: int, other: int) -> Path:  # the mean of one state less that of another
        return self._file(number, f"_minus_{state_name(other)}.mrc")

    def reference(self, number: int) -> Path:  # the mean in the box and pixel size of the original particles
        return self._file(number, "_reference.mrc")

    def rows(self, number: int) -> Path:  # text: rows of its particles, counted from 0
        return self._file(number, "_particles.txt")

    def sketch_maps(self, number: int) -> Path:  # text: positions of its sketch maps, counted from 0
        return self._file(number, "_volumes.txt")

    def particles(self, number: int, suffix: str) -> Path:  # the original rows: ".star" or ".cs"
        return self._file(number, suffix)

    def numbers_with_maps(self) -> list[int]:
        """The states whose mean map is there."""
        found = [STATE_NAME.match(path.name) for path in self.root.glob("state_*_mean.mrc")]
        return sorted(int(match[1]) for match in found if match)

    def all_particles(self, suffix: str) -> list[Path]:
        """The particle files of all states, in their order."""
        found = self.root.glob(f"state_*{suffix}")  # optimisation sets beside them have longer names
        return sorted(path for path in found if path.stem.removeprefix("state_").isdigit())

    def references(self) -> list[Path]:
        return sorted(self.root.glob("state_*_reference.mrc"))

    def remove_maps(self) -> None:
        """Maps of an earlier grouping would otherwise lie among the new ones."""
        self._remove("state_*_*.mrc")

    def remove_differences(self) -> None:
        self._remove("state_*_minus_*.mrc", "state_*_difference.mrc")

    def remove_particles(self) -> None:
        self._remove("state_*_particles.txt", *(f"state_*{suffix}" for suffix in PARTICLE_SUFFIXES))

    def remove_sketch_maps(self) -> None:
        self._remove("state_*_volumes.txt")

    def _file(self, number: int, ending: str) -> Path:
        return self.root / (state_name(number) + ending)

    def _remove(self, *patterns: str) -> None:
        for pattern in patterns:
            for path in self.root.glob(pattern):
                path.unlink()
