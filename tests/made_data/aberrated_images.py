"""Images with all aberrations, written down from RELION's image model and nothing of the package: exact sums over points.

F(s) = P(M s) C(M s) exp(i phi(M s)) exp(2 pi i s.o); P the transform of round Gaussians, whose projection is known exactly.
"""

from dataclasses import dataclass, field

import numpy as np
from scipy.spatial.transform import Rotation

WAVELENGTH = 12.2643247 / np.sqrt(300e3 * (1 + 0.978466e-6 * 300e3))
ASYMMETRIC_MATRIX = np.array([[1.03, 0.025], [-0.015, 0.98]])


@dataclass
class Aberrations:
    """Of one optics group, in RELION's terms."""

    tilt_in_mrad: tuple[float, float] = (0.0, 0.0)
    odd: list[float] = field(default_factory=lambda: [0.0] * 6)  # where a tilt is not 0, without 3 and 4
    even: list[float] = field(default_factory=lambda: [0.0] * 9)
    matrix: np.ndarray = field(default_factory=lambda: np.eye(2))
    cs_in_mm: float = 2.7

    def star_columns(self) -> dict[str, str]:
        """Those of data_optics."""

        def text(values: list[float]) -> str:
            return "[" + ",".join(f"{value:g}" for value in values) + "]"

        columns = {"_rlnBeamTiltX": f"{self.tilt_in_mrad[0]:g}", "_rlnBeamTiltY": f"{self.tilt_in_mrad[1]:g}"}
        columns |= {"_rlnOddZernike": text(self.odd), "_rlnEvenZernike": text(self.even)}
        columns |= {f"_rlnMagMat{i}{j}": f"{self.matrix[i, j]:.6f}" for i in range(2) for j in range(2)}
        return {**columns, "_rlnSphericalAberration": f"{self.cs_in_mm:g}"}


STRONG = Aberrations(
    (1.0, -0.7), [0.5, -0.8, 60, 0, 0, -45], [0.2, 8, 3, -6, 90, 0, 40, 0, -70], ASYMMETRIC_MATRIX, -3.5
)


@dataclass
class Molecule:
    """Points in Angstrom about the centre of the box, each a Gaussian of one width."""

    positions: np.ndarray  # (n, 3), xyz
    amplitudes: np.ndarray  # (n,)
    width_in_angstroms: float

    def map(self, box: int, pixel_size: float) -> np.ndarray:  # (box, box, box), zyx, sampled
        axis = (np.arange(box) - box // 2) * pixel_size
        lines = [
            np.exp(-((axis[None] - self.positions[:, i, None]) ** 2) / (2 * self.width_in_angstroms**2))
            for i in range(3)
        ]
        return np.einsum("nz,ny,nx,n->zyx", *lines[::-1], self.amplitudes).astype(np.float32)


def molecule(radius_in_angstroms: float, n_points: int = 150, width: float = 1.2, seed: int = 4) -> Molecule:
    random = np.random.default_rng(seed)
    directions = random.normal(size=(n_points, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    radii = radius_in_angstroms * random.uniform(0.05, 1, (n_points, 1)) ** (1 / 2)
    return Molecule(directions * radii, random.uniform(0.5, 1.5, n_points), width)


@dataclass
class Views:
    """Poses and defoci of n particles, as star columns have them."""

    angles_in_degrees: np.ndarray  # (n, 3): rot, tilt, psi
    origins_in_angstroms: np.ndarray  # (n, 2)
    defoci: np.ndarray  # (n, 3): U, V in Angstrom, angle in degrees

    @property
    def rotations(self) -> np.ndarray:  # (n, 3, 3): a point v lands on (A v)[:2]
        return Rotation.from_euler("ZYZ", self.angles_in_degrees, degrees=True).as_matrix().transpose(0, 2, 1)

    def star_columns(self) -> dict[str, list[str]]:
        values = np.concatenate([self.angles_in_degrees, self.origins_in_angstroms, self.defoci], axis=1)
        labels = [f"_rlnAngle{name}" for name in ("Rot", "Tilt", "Psi")]
        labels += ["_rlnOriginXAngst", "_rlnOriginYAngst", "_rlnDefocusU", "_rlnDefocusV", "_rlnDefocusAngle"]
        return {label: [f"{value:.6f}" for value in values[:, i]] for i, label in enumerate(labels)}


def views(
    n: int,
    seed: int = 5,
    largest_shift: float = 4.0,
    defoci: tuple[float, float] = (2000, 4500),  # little, so that a small box holds what it delocalises
) -> Views:
    random = np.random.default_rng(seed)
    angles = Rotation.random(n, random).as_euler("ZYZ", degrees=True)
    u = random.uniform(*defoci, n)
    columns = np.stack([u, u - random.uniform(0, 1200, n), random.uniform(0, 180, n)], axis=1)
    return Views(
        np.round(angles, 6), np.round(random.uniform(-1, 1, (n, 2)) * largest_shift, 6), np.round(columns, 6)
    )


def aberrated_images(
    of: Molecule, seen: Views, aberrations: list[Aberrations], box: int, pixel_size: float
) -> np.ndarray:  # (n, box, box) float32; one entry of aberrations for each particle
    sx, sy = np.meshgrid(np.fft.rfftfreq(box, pixel_size), np.fft.fftfreq(box, pixel_size))
    images = np.zeros((len(seen.rotations), box, box), np.float32)
    for row, (rotation, optics) in enumerate(zip(seen.rotations, aberrations, strict=True)):
        (a, b), (c, d) = optics.matrix
        x, y = a * sx + b * sy, c * sx + d * sy
        u = np.stack([x.ravel(), y.ravel()], axis=1)
        projected = of.positions @ rotation[:2].T  # (points, 2)
        spectrum = (np.exp(-2j * np.pi * (u @ projected.T)) @ of.amplitudes).reshape(x.shape)
        spectrum *= np.exp(-2 * np.pi**2 * of.width_in_angstroms**2 * (x**2 + y**2))
        spectrum *= _ctf(x, y, seen.defoci[row], optics) * np.exp(1j * _odd(x, y, optics))
        ox, oy = seen.origins_in_angstroms[row]
        spectrum *= np.exp(2j * np.pi * (sx * ox + sy * oy))
        spectrum *= np.exp(-2j * np.pi * (box // 2) * pixel_size * (sx + sy))
        spectrum[box // 2], spectrum[:, box // 2] = 0, 0
        images[row] = np.fft.irfft2(spectrum, s=(box, box))
    return images


def _ctf(x: np.ndarray, y: np.ndarray, defocus: np.ndarray, optics: Aberrations) -> np.ndarray:
    r, t = np.hypot(x, y), np.arctan2(y, x)
    astigmatic = (defocus[0] - defocus[1]) / 2 * np.cos(2 * (t - np.deg2rad(defocus[2])))
    gamma = np.pi * WAVELENGTH * (defocus[:2].mean() + astigmatic) * r**2
    gamma -= np.pi / 2 * optics.cs_in_mm * 1e7 * WAVELENGTH**3 * r**4
    terms = [1 + 0 * r, r**2 * np.sin(2 * t), 2 * r**2 - 1, r**2 * np.cos(2 * t), r**4 * np.sin(4 * t)]
    terms += [(4 * r**4 - 3 * r**2) * np.sin(2 * t), 6 * r**4 - 6 * r**2 + 1]
    terms += [(4 * r**4 - 3 * r**2) * np.cos(2 * t), r**4 * np.cos(4 * t)]
    gamma -= sum(c * z for c, z in zip(optics.even, terms, strict=True))
    return np.sqrt(1 - 0.1**2) * np.sin(gamma) + 0.1 * np.cos(gamma)


def _odd(x: np.ndarray, y: np.ndarray, optics: Aberrations) -> np.ndarray:
    r, t = np.hypot(x, y), np.arctan2(y, x)
    terms = [y, x, r**3 * np.sin(3 * t), (3 * r**2 - 2) * y, (3 * r**2 - 2) * x, r**3 * np.cos(3 * t)]
    tx, ty = optics.tilt_in_mrad
    tilt = -2 * np.pi * optics.cs_in_mm * 1e7 * WAVELENGTH**2 * r**2 * 1e-3 * (tx * x + ty * y)
    return sum(c * z for c, z in zip(optics.odd, terms, strict=True)) + tilt
