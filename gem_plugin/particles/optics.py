"""What particles of one optics group share beyond their CTF columns: aberrations, magnification, size of their images."""

from dataclasses import dataclass, fields

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


def plain_optics() -> Optics:
    """One kind of optics without aberrations."""
    return Optics(
        odd_zernike=np.zeros((1, ODD_COUNTS[-1]), dtype=np.float32),
        even_zernike=np.zeros((1, EVEN_COUNTS[-1]), dtype=np.float32),
        magnification=np.eye(2, dtype=np.float32)[None],
    )


def different_optics(of_particles: Optics) -> tuple[Optics, np.ndarray]:  # (n,) int32
    """From one row a particle to the different ones, and which one each particle has."""
    columns = [getattr(of_particles, field.name).reshape(len(of_particles), -1) for field in fields(Optics)]
    _, first, which = np.unique(
        np.concatenate(columns, axis=1), axis=0, return_index=True, return_inverse=True
    )
    return (
        Optics(**{field.name: getattr(of_particles, field.name)[first] for field in fields(Optics)}),
        which.reshape(-1).astype(np.int32),
    )
