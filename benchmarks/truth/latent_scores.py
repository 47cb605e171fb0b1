"""What the latents know: neighbourhoods, information imbalance, states, and how much is in each dimension.

Formulas: information imbalance by Glielmo, Zeni, Cheng, Csanyi and Laio (2022), PNAS Nexus 1, pgac039, as dadapy has it;
neighbourhood similarity by CryoBench, with the neighbours as fractions of the points so that small sets can be scored.
"""

import numpy as np
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score
from sklearn.mixture import GaussianMixture

from truth.known_truth import KnownTruth

N_SUBSETS = 5  # interleaved
MAXIMUM_POINTS = 3000  # of a subset: all distances are held at once
NEIGHBOUR_FRACTIONS = np.arange(1, 21) / 100  # 200, 400, ... 4,000 of CryoBench's subsets of 20,000
TIE_DECIMALS = 10  # squared distances, relative to the largest radius, that agree so far are equal
POINTS_OF_IMBALANCE = 2000
MAXIMUM_COORDINATES = 10
LENGTH_OF_ABSENCE_IN_ANGSTROMS = 20.0  # an atom that is absent counts as one that moved this far
MAXIMUM_DISCRETE_STATES = 10


def neighbour_ranks(points: np.ndarray, generator: np.random.Generator) -> np.ndarray:  # (m, m) int64
    """Rank of point j among the neighbours of point i, the point itself 0; equal distances in random order."""
    values = np.asarray(points, dtype=np.float64)
    values = values - values.mean(axis=0)
    squares = (values**2).sum(axis=1)
    distances = squares[:, None] + squares[None, :] - 2 * values @ values.T
    distances /= max(squares.max(), np.finfo(np.float64).tiny)
    distances = (
        np.round(distances, TIE_DECIMALS) + 10.0**-TIE_DECIMALS * generator.random(distances.shape) / 2
    )
    np.fill_diagonal(distances, -1.0)
    ranks = np.empty(distances.shape, np.int64)
    np.put_along_axis(ranks, distances.argsort(axis=1), np.arange(len(values))[None, :], axis=1)
    return ranks


def neighbourhood_similarity(
    first: np.ndarray, second: np.ndarray, generator: np.random.Generator
) -> tuple[float, float]:  # mean over subsets and numbers of neighbours, standard deviation over subsets
    """The fraction of the k + 1 nearest neighbours (each point is its own) that two descriptions have in common."""
    means = []
    for start in range(N_SUBSETS):
        rows = np.arange(start, len(first), N_SUBSETS)
        rows = rows[:: int(np.ceil(len(rows) / MAXIMUM_POINTS))]
        a, b = (neighbour_ranks(points[rows], generator) for points in (first, second))
        numbers = np.unique(np.maximum(1, np.round(NEIGHBOUR_FRACTIONS * len(rows)).astype(int)))
        common = [((a <= k) & (b <= k)).sum() / ((k + 1) * len(rows)) for k in numbers]
        means.append(np.mean(common))
    return float(np.mean(means)), float(np.std(means))


def information_imbalance(first: np.ndarray, second: np.ndarray, generator: np.random.Generator) -> float:
    """2 / N times the mean rank, in the second description, of the nearest neighbour in the first.

    Near 0 where the first says all of the second, 1 where it says nothing.
    """
    a, b = (neighbour_ranks(points, generator) for points in (first, second))
    nearest = a == 1
    return float(2 / len(a) * b[nearest].mean())


def state_coordinates(truth: KnownTruth) -> np.ndarray:  # (k, at most 10)
    """States as points whose distances are the root mean square displacement of the atoms between them, in Angstrom."""
    weights = truth.amplitudes.mean(axis=0)
    weights = np.sqrt(weights / weights.sum())
    moved = truth.positions_in_angstroms * weights[None, :, None]
    presence = truth.amplitudes / np.maximum(truth.amplitudes.max(axis=0), np.finfo(np.float32).tiny)
    absent = LENGTH_OF_ABSENCE_IN_ANGSTROMS * presence * weights
    features = np.concatenate([moved.reshape(truth.n_states, -1), absent], axis=1).astype(np.float64)
    features -= features.mean(axis=0)
    left, singular, _ = np.linalg.svd(features, full_matrices=False)
    return (left * singular)[:, :MAXIMUM_COORDINATES]


def score_latents(
    truth: KnownTruth,
    latents: np.ndarray,  # (n, latent_size)
    standard_deviations: np.ndarray,  # (n, latent_size)
    defocus_in_angstroms: np.ndarray,  # (n, 2): u and v, as written
    seed: int,
) -> dict[str, float | None]:
    """Every score of the latents, over the images of the molecule; None where a set has no such truth."""
    generator = np.random.default_rng(seed)
    rows = np.flatnonzero(truth.is_molecule)
    some = generator.permutation(rows)[:POINTS_OF_IMBALANCE]
    poses = truth.rotation_matrices.reshape(-1, 9)
    scores: dict[str, float | None] = {
        **divergence(latents[rows], standard_deviations[rows]),
        "imbalance_latents_to_pose": information_imbalance(latents[some], poses[some], generator),
        "imbalance_pose_to_latents": information_imbalance(poses[some], latents[some], generator),
        "imbalance_latents_to_ctf": information_imbalance(
            latents[some], defocus_in_angstroms[some], generator
        ),
        "imbalance_ctf_to_latents": information_imbalance(
            defocus_in_angstroms[some], latents[some], generator
        ),
    }
    names = (
        "neighbourhood_similarity",
        "neighbourhood_similarity_std",
        "imbalance_latents_to_truth",
        "imbalance_truth_to_latents",
    )
    scores |= dict.fromkeys(names)
    if truth.n_states > 1:
        coordinates = state_coordinates(truth)[truth.which]
        values = (
            *neighbourhood_similarity(coordinates[rows], latents[rows], generator),
            information_imbalance(latents[some], coordinates[some], generator),
            information_imbalance(coordinates[some], latents[some], generator),
        )
        scores |= dict(zip(names, values, strict=True))
    return scores | states_found(truth.which[rows], latents[rows], truth.n_states, seed)


def states_found(which: np.ndarray, latents: np.ndarray, n_states: int, seed: int) -> dict[str, float | None]:
    """Adjusted Rand index of k-means and of a Gaussian mixture with the true number; None for one state or many."""
    if not 1 < n_states <= MAXIMUM_DISCRETE_STATES:
        return {"ari_kmeans": None, "ari_mixture": None}
    by_means = KMeans(n_states, n_init=10, random_state=seed).fit_predict(latents)
    mixture = GaussianMixture(n_states, n_init=5, reg_covar=1e-4, random_state=seed)
    return {
        "ari_kmeans": float(adjusted_rand_score(which, by_means)),
        "ari_mixture": float(adjusted_rand_score(which, mixture.fit_predict(latents))),
    }


def divergence(latents: np.ndarray, standard_deviations: np.ndarray) -> dict[str, float]:
    """KL divergence of the posteriors from the standard normal prior, in nats: the largest dimension, and all together."""
    means, deviations = latents.astype(np.float64), standard_deviations.astype(np.float64)
    per_dimension = ((means**2 + deviations**2 - 1) / 2 - np.log(np.maximum(deviations, 1e-12))).mean(axis=0)
    return {"kl_largest_dimension": float(per_dimension.max()), "kl_in_all": float(per_dimension.sum())}
