"""Free energy on a plane: how populated each cell is, as -ln p in units of kT, with an error.

The density is a Gaussian kernel estimate on a grid. The bandwidth is Scott's, n^(-1/6) times the standard deviation along each
axis (D. W. Scott, Multivariate Density Estimation, 1992), times a factor that the user may set. The error is the
standard deviation over bootstrap samples of the particles. Populations of a frozen sample are read as if they were
those of an ensemble in equilibrium; whether they are is for the reader to judge.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter

from gem_plugin.errors import InputError
from gem_plugin.particles.views import particles_of
from gem_plugin.progress import Track, untracked

MARGIN_IN_BANDWIDTHS = 3.0
MINIMUM_PARTICLES = 2.0  # cells whose kernel holds fewer particles than this are left undefined
MINIMUM_ROWS = 10
TOO_FEW_FOR_ENERGIES = (
    f"no place of the landscape holds {MINIMUM_PARTICLES:.0f} particles within the width of the kernel"
)


@dataclass(frozen=True)
class FreeEnergy:
    """Energies on a grid over two coordinates, the lowest being zero."""

    energy_in_kt: np.ndarray  # (ny, nx) float64, NaN where too few particles were seen
    error_in_kt: np.ndarray  # (ny, nx): bootstrap standard deviation
    density: np.ndarray  # (ny, nx): particles per unit area, over all particles: integrates to 1
    x_centres: np.ndarray  # (nx,)
    y_centres: np.ndarray  # (ny,)
    bandwidths: np.ndarray  # (2,), along x and y

    @property
    def has_energies(self) -> bool:
        """Whether the energy of any cell is known; all are NaN where no cell holds enough particles."""
        return bool(np.isfinite(self.energy_in_kt).any())

    def cell_of(self, point: np.ndarray) -> tuple[int, int]:
        """The (row, column) of the grid nearest to a point (x, y)."""
        column = int(np.abs(self.x_centres - point[0]).argmin())
        row = int(np.abs(self.y_centres - point[1]).argmin())
        return row, column


def estimate_free_energy(
    points: np.ndarray,  # (n, 2)
    generator: np.random.Generator,
    n_cells: int = 100,  # along each axis
    bandwidth_factor: float = 1.0,  # times Scott's
    n_bootstrap: int = 100,
    track: Track = untracked,
    particle_indices: np.ndarray | None = None,  # (n,) int64: rows of one particle are drawn together
) -> FreeEnergy:
    """Density, energy and its error on a grid that covers all points with a margin.

    Without energies where no cell holds MINIMUM_PARTICLES; InputError for fewer than 10 rows, or where all are equal.
    """
    check_number_of_particles(len(points))
    standard_deviation = points.std(axis=0)
    if not (standard_deviation > 0).all():
        raise InputError("All particles have the same coordinate: there is no free-energy map along it.")
    bandwidths = bandwidth_factor * standard_deviation * len(points) ** (-1 / 6)
    edges = _grid_edges(points, bandwidths, n_cells)
    counts, _, _ = np.histogram2d(points[:, 1], points[:, 0], bins=(edges[1], edges[0]))
    cell_sizes = np.array([edges[0][1] - edges[0][0], edges[1][1] - edges[1][0]])
    sigmas = (bandwidths / cell_sizes)[::-1]  # rows are y
    smooth = gaussian_filter(counts, sigmas, mode="constant")
    seen_per_kernel = smooth * 2 * np.pi * sigmas.prod() * _particles_per_row(particle_indices)
    energy = _energy(smooth, seen_per_kernel >= MINIMUM_PARTICLES)
    draw = _drawing(points[:, ::-1], edges[::-1], counts, particle_indices, generator)
    error = _bootstrap_error(draw, sigmas, energy, n_bootstrap, track)
    density = smooth / (len(points) * cell_sizes.prod())
    centres = [(edge[1:] + edge[:-1]) / 2 for edge in edges]
    return FreeEnergy(energy, error, density, centres[0], centres[1], bandwidths)


def check_number_of_particles(n_particles: int) -> None:
    """InputError where there are too few for a density."""
    if n_particles < MINIMUM_ROWS:
        raise InputError(f"A free energy needs at least {MINIMUM_ROWS} particles, got {n_particles}.")


def energy_along(
    values: np.ndarray,  # (n,)
    generator: np.random.Generator,
    n_cells: int = 200,
    bandwidth_factor: float = 1.0,
    n_bootstrap: int = 100,
    track: Track = untracked,
    particle_indices: np.ndarray | None = None,  # (n,) int64: rows of one particle are drawn together
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:  # centres, energy in kT, error in kT
    """Free energy along one coordinate; Scott's bandwidth in one dimension is n^(-1/5) times the standard deviation."""
    standard_deviation = values.std()
    if not standard_deviation > 0:
        raise InputError("All particles have the same coordinate: there is no free-energy curve along it.")
    bandwidth = bandwidth_factor * standard_deviation * len(values) ** (-1 / 5)
    low, high = (
        values.min() - MARGIN_IN_BANDWIDTHS * bandwidth,
        values.max() + MARGIN_IN_BANDWIDTHS * bandwidth,
    )
    edges = np.linspace(low, high, n_cells + 1)
    counts, _ = np.histogram(values, bins=edges)
    sigma = np.array([bandwidth / (edges[1] - edges[0])])
    smooth = gaussian_filter(counts.astype(float), sigma, mode="constant")
    seen_per_kernel = smooth * np.sqrt(2 * np.pi) * sigma[0] * _particles_per_row(particle_indices)
    energy = _energy(smooth, seen_per_kernel >= MINIMUM_PARTICLES)
    draw = _drawing(values[:, None], [edges], counts, particle_indices, generator)
    error = _bootstrap_error(draw, sigma, energy, n_bootstrap, track)
    return (edges[1:] + edges[:-1]) / 2, energy, error


def _grid_edges(points: np.ndarray, bandwidths: np.ndarray, n_cells: int) -> list[np.ndarray]:
    low = points.min(axis=0) - MARGIN_IN_BANDWIDTHS * bandwidths
    high = points.max(axis=0) + MARGIN_IN_BANDWIDTHS * bandwidths
    return [np.linspace(low[axis], high[axis], n_cells + 1) for axis in range(2)]


def _energy(smooth: np.ndarray, is_known: np.ndarray) -> np.ndarray:
    energy = np.full(smooth.shape, np.nan)
    energy[is_known] = -np.log(smooth[is_known] / smooth.max())
    return energy


def _particles_per_row(particle_indices: np.ndarray | None) -> float:
    """1 unless rows are several views of a particle."""
    if particle_indices is None:
        return 1.0
    return particles_of(np.arange(len(particle_indices)), particle_indices)[1] / len(particle_indices)


def _drawing(
    values: np.ndarray,  # (n, d), in the order of the axes of the grid
    edges: list[np.ndarray],  # d times (cells + 1,)
    counts: np.ndarray,  # (cells, ...): rows per cell
    particle_indices: np.ndarray | None,
    generator: np.random.Generator,
) -> Callable[[], np.ndarray]:  # gives counts as of particles drawn again with replacement
    """Drawing n rows and counting them per cell is one multinomial draw of the cells; particles of several rows are drawn whole."""
    fractions = counts.ravel() / counts.sum()
    which, n_particles = particles_of(
        np.arange(len(values)), np.arange(len(values)) if particle_indices is None else particle_indices
    )
    if n_particles == len(values):
        return lambda: generator.multinomial(int(counts.sum()), fractions).reshape(counts.shape)
    cells = [
        np.clip(np.searchsorted(edge, values[:, axis], side="right") - 1, 0, len(edge) - 2)
        for axis, edge in enumerate(edges)
    ]
    cell_of_row = np.ravel_multi_index(cells, counts.shape)
    equal = np.full(n_particles, 1 / n_particles)

    def draw() -> np.ndarray:
        times = generator.multinomial(n_particles, equal)
        return np.bincount(cell_of_row, times[which], counts.size).reshape(counts.shape)

    return draw


def _bootstrap_error(
    draw: Callable[[], np.ndarray], sigmas: np.ndarray, energy: np.ndarray, n_samples: int, track: Track
) -> np.ndarray:
    """Spread of the energy when particles are drawn again with replacement.

    Each sample is shifted to the same mean energy over the known cells, since only differences have a meaning.
    """
    is_known = np.isfinite(energy)
    error = np.full(energy.shape, np.nan)
    if not is_known.any():
        return error
    samples = np.empty((n_samples, int(is_known.sum())))
    for sample in track(samples, "bootstrap samples", unit="sample"):
        smooth = gaussian_filter(draw().astype(float), sigmas, mode="constant")
        sample[:] = -np.log(np.maximum(smooth[is_known], 1e-12 * smooth.max()))
        sample -= sample.mean()
    error[is_known] = samples.std(axis=0)
    return error
