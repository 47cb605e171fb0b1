"""For models without a closed form: learn the map from latents to volume coordinates from some decoded particles.

A small network as in cryoDRGN, but with scaled inputs and targets, held-out particles that decide when to stop, and
a test error that is reported. The particles that were decoded keep their true coordinates. All views of a particle are on
one side of every division.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from gem_plugin.errors import InputError
from gem_plugin.progress import Track, untracked

if TYPE_CHECKING:
    from sklearn.neural_network import MLPRegressor

TEST_FRACTION = 0.1  # of the decoded particles
STOP_FRACTION = 0.1  # of those that are learned from: they decide when to stop
MINIMUM_ROWS_TO_STOP_BY = 50  # with fewer, the training error decides
EPOCHS_WITHOUT_GAIN = 20
SMALLEST_GAIN = 1e-4  # of the fraction of the variance that is explained, or of the training error
MINIMUM_PARTICLES = 3
PARTICLES_AT_A_TIME = 10_000  # in a prediction: its layers of a million particles would fill the memory


@dataclass(frozen=True)
class RegressionSettings:
    """Size and training of the network."""

    n_layers: int = 3
    layer_size: int = 512
    n_epochs: int = 200
    batch_size: int = 64
    rate: float = 1e-3


@dataclass(frozen=True)
class RegressedCoordinates:
    """Coordinates of all particles and how far they are to be trusted."""

    coordinates: np.ndarray  # (n, c)
    test_error: (
        np.ndarray
    )  # (c,): root mean square error on held-out particles, over the standard deviation; 1 is useless


def regress_coordinates(
    latents: np.ndarray,  # (n, latent_size)
    rows: np.ndarray,  # (k,): the views that were decoded
    targets: np.ndarray,  # (k, c): their coordinates
    settings: RegressionSettings,
    seed: int,
    track: Track = untracked,
    particle_indices: np.ndarray | None = None,  # (n,): the particle of each view; default: each its own
) -> RegressedCoordinates:
    """Fit on nine tenths of the decoded particles, test on the rest, predict all others.

    Raises InputError where fewer than three different particles were decoded.
    """
    particles = rows if particle_indices is None else particle_indices[rows]
    _check_enough(particles)
    generator = np.random.default_rng(seed)
    is_test = rows_of_drawn_particles(particles, TEST_FRACTION, generator)
    inputs = (latents - latents.mean(axis=0)) / np.maximum(latents.std(axis=0), 1e-12)
    mean, standard_deviation = targets.mean(axis=0), np.maximum(targets.std(axis=0), 1e-12)
    scaled = (targets - mean) / standard_deviation
    learned = ~is_test
    network = _fit_network(
        inputs[rows[learned]], scaled[learned], particles[learned], settings, generator, track
    )
    parts = np.split(inputs, range(PARTICLES_AT_A_TIME, len(inputs), PARTICLES_AT_A_TIME))
    tracked = track(parts, "learned coordinates", unit="part")
    predicted = np.concatenate([network.predict(part).reshape(len(part), -1) for part in tracked])
    predicted = predicted * standard_deviation + mean
    error = np.sqrt(((predicted[rows[is_test]] - targets[is_test]) ** 2).mean(axis=0)) / standard_deviation
    predicted[rows] = targets
    return RegressedCoordinates(predicted, error)


def rows_of_drawn_particles(
    particles: np.ndarray,  # (k,) the particle of each row
    fraction: float,
    generator: np.random.Generator,
) -> np.ndarray:  # (k,) bool
    """All rows of a fraction of the particles, at least one of them, drawn at random."""
    different, which = np.unique(particles, return_inverse=True)
    is_drawn = np.zeros(len(different), dtype=bool)
    n_drawn = max(1, round(fraction * len(different)))
    is_drawn[generator.choice(len(different), n_drawn, replace=False)] = True
    return is_drawn[which.reshape(-1)]


def _check_enough(particles: np.ndarray) -> None:
    n_different = len(np.unique(particles))
    if n_different < MINIMUM_PARTICLES:
        raise InputError(
            f"--coordinates regress learns from the maps of {n_different} different particles; expected at least "
            f"{MINIMUM_PARTICLES}. Use --coordinates decode."
        )


def _fit_network(
    inputs: np.ndarray,  # (k, latent_size)
    targets: np.ndarray,  # (k, c)
    particles: np.ndarray,  # (k,)
    settings: RegressionSettings,
    generator: np.random.Generator,
    track: Track,
) -> "MLPRegressor":
    """Epoch by epoch until other particles are predicted no better; the weights are those of the best epoch."""
    from sklearn.neural_network import MLPRegressor

    is_held_out = np.zeros(len(inputs), dtype=bool)
    if len(inputs) >= MINIMUM_ROWS_TO_STOP_BY:
        is_held_out = rows_of_drawn_particles(particles, STOP_FRACTION, generator)
    network = MLPRegressor(
        hidden_layer_sizes=(settings.layer_size,) * settings.n_layers,
        batch_size=min(settings.batch_size, int((~is_held_out).sum())),
        learning_rate_init=settings.rate,
        random_state=np.random.RandomState(int(generator.integers(2**31))),
    )
    learned = targets[~is_held_out].squeeze(axis=1) if targets.shape[1] == 1 else targets[~is_held_out]
    best_score, best_epoch = -np.inf, 0
    best_weights: tuple[list[np.ndarray], list[np.ndarray]] = ([], [])
    for epoch in track(range(settings.n_epochs), "learning the coordinates", unit="epoch"):
        network.partial_fit(inputs[~is_held_out], learned)
        score = -network.loss_
        if is_held_out.any():
            score = _explained_variance(network.predict(inputs[is_held_out]), targets[is_held_out])
        if score > best_score + SMALLEST_GAIN:
            best_score, best_epoch = score, epoch
            best_weights = (
                [weights.copy() for weights in network.coefs_],
                [offsets.copy() for offsets in network.intercepts_],
            )
        if epoch - best_epoch >= EPOCHS_WITHOUT_GAIN:
            break
    network.coefs_, network.intercepts_ = best_weights
    return network


def _explained_variance(predicted: np.ndarray, targets: np.ndarray) -> float:
    """1 for a perfect prediction, near 0 for the mean; targets have the variance 1."""
    return 1.0 - float(((predicted.reshape(targets.shape) - targets) ** 2).mean())
