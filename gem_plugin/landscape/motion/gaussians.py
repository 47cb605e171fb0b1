"""How far each Gaussian moves over the particles, how much its amplitude changes, and which ones move together."""

from dataclasses import dataclass, field

import numpy as np

MAXIMUM_PARTS = 6
N_MOTION_PATTERNS = 6  # singular vectors of the displacements that say which Gaussians move together
FULL_PERCENTILE = 95  # of the amplitudes of a Gaussian: what it has where it is all there
WEIGHT_OF_POSITION = 0.7  # of the position beside the motion, so that parts are connected


@dataclass(frozen=True)
class GaussianMotion:
    """One row a Gaussian."""

    positions_in_angstroms: np.ndarray  # (n, 3) xyz: mean over the particles
    amplitudes: np.ndarray  # (n,): mean
    displacement_in_angstroms: np.ndarray  # (n,): root mean square about the mean position
    main_displacement_in_angstroms: (
        np.ndarray
    )  # (n, 3): two standard deviations along the largest joint motion
    amplitude_change: np.ndarray  # (n,): standard deviation of the amplitude over its mean
    parts: np.ndarray  # (n,) int64 from 1: Gaussians that lie and move together, 1 moves least
    occupancy: np.ndarray = (
        field(  # (n,) 0 to 1: mean amplitude over that where it is all there; empty in older runs
            default_factory=lambda: np.zeros(0)
        )
    )


def measure_motion(
    positions_in_angstroms: np.ndarray,  # (k, n, 3): clouds of k particles
    amplitudes: np.ndarray,  # (k, n)
    seed: int,
    n_parts: int = MAXIMUM_PARTS,
) -> GaussianMotion:
    """Compare the clouds of several particles."""
    positions = positions_in_angstroms.astype(np.float64)
    mean = positions.mean(axis=0)
    moved = positions - mean  # (k, n, 3)
    displacement = np.sqrt((moved**2).sum(axis=2).mean(axis=0))
    patterns, main = _joint_motions(moved)
    mean_amplitudes = amplitudes.mean(axis=0)
    change = amplitudes.std(axis=0) / np.maximum(mean_amplitudes, np.finfo(np.float32).tiny)
    parts = _parts(mean, patterns, displacement, seed, n_parts)
    full = np.percentile(amplitudes, FULL_PERCENTILE, axis=0)
    occupancy = np.clip(mean_amplitudes / np.maximum(full, np.finfo(np.float32).tiny), 0, 1)
    return GaussianMotion(mean, mean_amplitudes, displacement, main, change, parts, occupancy)


def part_table(motion: GaussianMotion) -> dict[str, np.ndarray]:  # column -> (parts,)
    """Size, position and motion of every part, weighted by amplitude."""
    numbers = np.arange(1, motion.parts.max() + 1)
    of_part = [motion.parts == number for number in numbers]
    weights = [motion.amplitudes * member for member in of_part]

    def average(values: np.ndarray) -> np.ndarray:
        return np.array([np.average(values, weights=weight) for weight in weights])

    centres = np.stack([average(motion.positions_in_angstroms[:, axis]) for axis in range(3)], axis=1)
    return {
        "part": numbers,
        "gaussians": np.array([member.sum() for member in of_part]),
        "fraction_of_mass": np.array([weight.sum() for weight in weights]) / motion.amplitudes.sum(),
        "x_in_angstroms": centres[:, 0],
        "y_in_angstroms": centres[:, 1],
        "z_in_angstroms": centres[:, 2],
        "motion_in_angstroms": np.sqrt(average(motion.displacement_in_angstroms**2)),
        "amplitude_change": average(motion.amplitude_change),
    }


def _joint_motions(moved: np.ndarray) -> tuple[np.ndarray, np.ndarray]:  # (k, n, 3) -> (n, p), (n, 3)
    """Size of each Gaussian's part in the largest joint motions (with direction), and the largest one itself."""
    k, n, _ = moved.shape
    matrix = moved.reshape(k, 3 * n)
    eigenvalues, vectors = np.linalg.eigh(matrix @ matrix.T)
    order = np.argsort(eigenvalues)[::-1][: min(N_MOTION_PATTERNS, k)]
    # each pattern: displacement of every Gaussian for one standard deviation of the particles along it
    patterns = (vectors[:, order].T @ matrix / np.sqrt(k)).reshape(len(order), n, 3)
    return patterns.transpose(1, 0, 2).reshape(n, -1), 2 * patterns[0]


def _parts(
    mean: np.ndarray, patterns: np.ndarray, displacement: np.ndarray, seed: int, n_parts: int
) -> np.ndarray:
    """k-means of position and motion; parts are numbered from least to most mobile."""
    from sklearn.cluster import KMeans

    n_parts = min(n_parts, len(np.unique(mean, axis=0)))
    position = (mean - mean.mean(axis=0)) / max(float(mean.std()), 1e-9)
    motion = patterns / max(float(np.sqrt((patterns**2).sum(axis=1).mean())), 1e-9)
    features = np.concatenate([WEIGHT_OF_POSITION * position, motion], axis=1)
    labels = KMeans(n_parts, random_state=seed, n_init=3).fit_predict(features)
    mobility = np.array([displacement[labels == label].mean() for label in range(n_parts)])
    number = np.empty(n_parts, dtype=np.int64)
    number[np.argsort(mobility)] = np.arange(1, n_parts + 1)
    return number[labels]
