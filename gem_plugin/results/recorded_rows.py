"""Which rows of a particle file a run was made of, found again when results are written back."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gem_plugin.errors import InputError


@dataclass(frozen=True, eq=False)
class RecordedRows:
    """Rows by their position in the file, and by the name that each had there; names may repeat (symmetry expansion)."""

    names: np.ndarray  # (n,) object array of str
    rows: np.ndarray | None = (
        None  # (n,) int64; None: not recorded, as in version 0.1.0, which kept all in order
    )

    def find_in(self, names_in_file: np.ndarray, path: Path) -> np.ndarray:  # (n,) int64
        """Where the rows are in the file: at their positions, unless it was put in another order.

        Then names must say which row is which, so each must be there once; InputError where they cannot.
        """
        rows = np.arange(len(self.names)) if self.rows is None else self.rows
        is_inside = not len(rows) or int(rows.max()) < len(names_in_file)
        if is_inside and np.array_equal(names_in_file[rows], self.names):
            return rows
        return self._by_name(names_in_file, path)

    def _by_name(self, names_in_file: np.ndarray, path: Path) -> np.ndarray:
        row_of = {name: row for row, name in enumerate(names_in_file.tolist())}
        n_different = len(np.unique(np.arange(len(self.names)) if self.rows is None else self.rows))
        missing = [name for name in self.names.tolist() if name not in row_of]
        if missing:
            raise InputError(
                f"{path} lacks {len(missing)} of the {len(self.names)} particles of the run, first {missing[0]}. "
                "It was changed since the run began; give the file that the run was made with."
            )
        if len(row_of) < len(names_in_file) or len(set(self.names.tolist())) < n_different:
            raise InputError(
                f"{path} was changed since the run began: its rows are in another order, and several have the same image, so "
                "which is which cannot be known. Give the file that the run was made with."
            )
        return np.array([row_of[name] for name in self.names.tolist()], dtype=np.int64)
