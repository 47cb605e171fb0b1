"""The samples of the particles as they are saved: those of joined particle files, and those that a landscape compared."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gem_plugin.io.array_files import read_arrays, write_arrays

NONE = ""  # as text: the particle is in no sample


@dataclass(frozen=True, eq=False)
class Samples:
    """The samples of n particles."""

    column: str  # by which they were distinguished, as the user wrote it
    names: tuple[str, ...]  # of samples 1, 2, ...
    numbers: np.ndarray  # (n,) int64; 0: none

    @property
    def texts(self) -> np.ndarray:  # (n,) object array of str
        """The name of the sample of each particle."""
        return np.array([*self.names, NONE], dtype=object)[self.numbers - 1]  # of 0 the last one

    @property
    def in_words(self) -> str:
        """1 apo, 2 atp."""
        return ", ".join(f"{number} {name}" for number, name in enumerate(self.names, start=1))

    def save(self, path: Path) -> None:
        """Write names, numbers and column as arrays."""
        names = np.array([name.encode("utf-8", "surrogateescape") for name in self.names])
        write_arrays(path, names=names, numbers=self.numbers, column=np.array(self.column))

    @classmethod
    def load(cls, path: Path, made_by: str) -> "Samples":
        """What save wrote; InputError names the command that makes it."""
        saved = read_arrays(path, made_by)
        names = [name.decode("utf-8", "surrogateescape") for name in saved["names"].tolist()]
        return cls(str(saved["column"]), tuple(names), saved["numbers"])
