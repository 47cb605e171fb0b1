"""How far the density of a part has to travel from one particle to another, whatever the model makes of it.

Where Gaussians follow a motion, this is their displacement. Where the model fades density here and lets it appear there, no Gaussian
moves, and the density travels all the same. The least root mean square distance by which one distribution becomes the other (the
Wasserstein-2 distance) counts both, and no true motion is shorter: a lower bound. It is computed as a Sinkhorn divergence, which is exact for
shifts, 0 for equal distributions, and below the distance otherwise (Feydy et al. 2019, AISTATS, eq. 3 and 5).
"""

import numpy as np
from scipy.spatial.distance import cdist

CLUMPS = 100  # of neighbouring Gaussians, whose centres of mass stand for them
BLUR_IN_ANGSTROMS = (
    6.0  # within which density may be exchanged for nothing; more in a part so large that numbers underflow
)
LARGEST_EXTENT = 36.0  # of a part, in blurs
ROUNDS = 100
PAIRS_AT_A_TIME = 10  # whose kernels fit the cache of a core
SMALLEST_MASS = 1e-12


def squared_transport(
    positions: np.ndarray,  # (k, n, 3)
    amplitudes: np.ndarray,  # (k, n): masses at these positions
    pairs: np.ndarray,  # (p, 2) rows to compare
    seed: int,
) -> np.ndarray:  # (p,) Å^2
    """Mean squared distance of the shortest transport between the two distributions of each pair, each of mass 1."""
    places, masses = _clumps(positions, np.maximum(amplitudes, 0), seed)
    masses = (masses + SMALLEST_MASS) / (masses + SMALLEST_MASS).sum(axis=1, keepdims=True)
    rows = np.unique(pairs)
    of_itself = np.zeros(len(positions))
    of_itself[rows] = _costs(places, masses, np.stack([rows, rows], axis=1))
    return _costs(places, masses, pairs) - of_itself[pairs].mean(axis=1)


def _costs(places: np.ndarray, masses: np.ndarray, pairs: np.ndarray) -> np.ndarray:  # (p,) Å^2
    """The entropic cost of every pair, by Sinkhorn's rounds (Cuturi 2013)."""
    extent = float(np.linalg.norm(np.ptp(places.reshape(-1, 3), axis=0)))
    scale = 2 * max(BLUR_IN_ANGSTROMS, extent / LARGEST_EXTENT) ** 2
    found = []
    for start in range(0, len(pairs), PAIRS_AT_A_TIME):
        some = pairs[start : start + PAIRS_AT_A_TIME]
        squared = np.stack([cdist(places[one], places[other], "sqeuclidean") for one, other in some])
        kernel = np.exp(-squared / scale)
        first, second = masses[some[:, 0]], masses[some[:, 1]]
        right = np.ones_like(second)
        for _ in range(ROUNDS):
            left = 1 / np.matmul(kernel, (second * right)[:, :, None])[:, :, 0]
            right = 1 / np.matmul((first * left)[:, None, :], kernel)[:, 0]
        found.append(scale * ((first * np.log(left)).sum(axis=1) + (second * np.log(right)).sum(axis=1)))
    return np.concatenate(found) if found else np.zeros(0)


def _clumps(
    positions: np.ndarray, amplitudes: np.ndarray, seed: int
) -> tuple[np.ndarray, np.ndarray]:  # (k, c, 3), (k, c)
    """Centre and mass of each group of neighbours."""
    from sklearn.cluster import KMeans

    mean = positions.mean(axis=0)
    n_clumps = min(CLUMPS, len(np.unique(mean, axis=0)))
    groups = KMeans(n_clumps, random_state=seed, n_init=1).fit_predict(mean)
    member = np.eye(n_clumps)[groups]  # (n, c)
    masses = amplitudes @ member
    even = member / member.sum(axis=0)  # where a clump has no mass, its plain middle
    weighed = np.einsum("kn,knx,nc->kcx", amplitudes, positions, member, optimize=True)
    middles = np.einsum("knx,nc->kcx", positions, even, optimize=True)
    there = masses[:, :, None] > SMALLEST_MASS
    places = np.where(there, weighed / np.where(there, masses[:, :, None], 1), middles)
    return places, masses
