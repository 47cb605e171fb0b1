"""What particles of one optics group share beyond their CTF columns: aberrations and magnification."""

from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace

import numpy as np

from gem_plugin.imaging.zernike import EVEN_COUNTS, ODD_COUNTS


@dataclass(frozen=True, eq=False)
class Optics:
    """k different optics, each shared by some particles. Coefficients as RELION's (see imaging.zernike), in radians.

    The image of a particle is F(s) = P(M s) CTF(M s) exp(i odd(M s)), with even terms inside the CTF and P the projection.
    """

    odd_zernike: np.ndarray  # (k, 20) float32; 0 in prepared images, whose odd phases are removed
    even_zernike: np.ndarray  # (k, 16) float32
    magnification: np.ndarray  # (k, 2, 2) float32: M
    removed_odd_zernike: np.ndarray = field(
        default_factory=lambda: np.zeros((0, ODD_COUNTS[-1]), np.float32)
    )  # (k, 20) float32: what prepare took off the images, at M s; 0 where not given
    is_unsettled: np.ndarray = field(
        default_factory=lambda: np.zeros(0, np.bool_)
    )  # (k,) bool: from columns that can be read in several ways (see optics_readings); False where not given

    def __post_init__(self) -> None:
        if len(self.removed_odd_zernike) != len(self):
            object.__setattr__(self, "removed_odd_zernike", np.zeros_like(self.odd_zernike))
        if len(self.is_unsettled) != len(self):
            object.__setattr__(self, "is_unsettled", np.zeros(len(self), np.bool_))

    def __len__(self) -> int:
        return len(self.magnification)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Optics) and all(
            np.array_equal(getattr(self, field.name), getattr(other, field.name)) for field in fields(self)
        )

    __hash__ = None  # type: ignore[assignment]

    def take(self, rows: np.ndarray) -> "Optics":
        """The optics of the given rows, in the given order."""
        return Optics(**{field.name: getattr(self, field.name)[rows] for field in fields(self)})

    @property
    def is_stretched(self) -> bool:
        """Whether any magnification matrix differs from the identity."""
        return not np.array_equal(
            self.magnification, np.broadcast_to(np.eye(2, dtype=np.float32), self.magnification.shape)
        )

    def of_prepared_images(self) -> "Optics":
        """The optics of images whose odd phases were removed."""
        return replace(
            self, odd_zernike=np.zeros_like(self.odd_zernike), removed_odd_zernike=self.odd_zernike
        )


def plain_optics(n_optics: int = 1) -> Optics:
    """Optics without aberrations."""
    return Optics(
        odd_zernike=np.zeros((n_optics, ODD_COUNTS[-1]), dtype=np.float32),
        even_zernike=np.zeros((n_optics, EVEN_COUNTS[-1]), dtype=np.float32),
        magnification=np.tile(np.eye(2, dtype=np.float32), (n_optics, 1, 1)),
    )


def different_optics(of_particles: Optics) -> tuple[Optics, np.ndarray]:  # (n,) int32
    """From one row a particle to the different ones, and which one each particle has."""
    columns = [getattr(of_particles, field.name).reshape(len(of_particles), -1) for field in fields(Optics)]
    first, which = different_rows([column for block in columns for column in block.T])
    return Optics(**{field.name: getattr(of_particles, field.name)[first] for field in fields(Optics)}), which


def different_rows(
    columns: Sequence[np.ndarray],  # each (n,)
) -> tuple[np.ndarray, np.ndarray]:  # (k,) int64: one row of each kind; (n,) int32: the kind of each row
    """Rows that differ in any column, numbered in the order in which they come first."""
    import pandas as pd  # not wanted by who only reads

    which = np.zeros(len(columns[0]), dtype=np.int64)
    for column in columns:
        if len(column) and not (column == column[0]).all():
            codes, values = pd.factorize(column)
            which, _ = pd.factorize(which * len(values) + codes)
    _, first = np.unique(which, return_index=True)
    return first, which.astype(np.int32)
