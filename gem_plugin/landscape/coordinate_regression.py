"""For models without a closed form: learn the map from latents to volume coordinates from some decoded particles.

A small network as in cryoDRGN, but with scaled inputs and targets, held-out particles that decide when to stop, and
a test error that is reported. The particles that were decoded keep their true coordinates.
"""

import warnings
from dataclasses import dataclass

import numpy as np

from gem_plugin.landscape.printed_rounds import PushedLoop, rounds_printed
from gem_plugin.progress import Track, untracked

TEST_FRACTION = 0.1
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
    rows: np.ndarray,  # (k,): the particles that were decoded
    targets: np.ndarray,  # (k, c): their coordinates
    settings: RegressionSettings,
    seed: int,
    track: Track = untracked,
) -> RegressedCoordinates:
    """Fit on nine tenths of the decoded particles, test on the rest, predict all others."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.neural_network import MLPRegressor

    generator = np.random.default_rng(seed)
    is_test = np.zeros(len(rows), dtype=bool)
    is_test[generator.choice(len(rows), max(1, round(TEST_FRACTION * len(rows))), replace=False)] = True
    inputs = (latents - latents.mean(axis=0)) / np.maximum(latents.std(axis=0), 1e-12)
    mean, standard_deviation = targets.mean(axis=0), np.maximum(targets.std(axis=0), 1e-12)
    network = MLPRegressor(
        hidden_layer_sizes=(settings.layer_size,) * settings.n_layers,
        max_iter=settings.n_epochs,
        batch_size=min(settings.batch_size, int((~is_test).sum())),
        learning_rate_init=settings.rate,
        early_stopping=bool((~is_test).sum() >= 50),
        n_iter_no_change=20,
        random_state=seed,
        verbose=True,
    )
    epochs = PushedLoop(track, "learning the coordinates", unit="epoch")
    with warnings.catch_warnings(), rounds_printed(epochs, settings.n_epochs, ends="Iteration"):
        warnings.simplefilter("ignore", ConvergenceWarning)  # the test error says how good it is
        network.fit(inputs[rows[~is_test]], ((targets - mean) / standard_deviation)[~is_test])
    parts = np.split(inputs, range(PARTICLES_AT_A_TIME, len(inputs), PARTICLES_AT_A_TIME))
    tracked = track(parts, "learned coordinates", unit="part")
    predicted = np.concatenate([network.predict(part).reshape(len(part), -1) for part in tracked])
    predicted = predicted * standard_deviation + mean
    error = np.sqrt(((predicted[rows[is_test]] - targets[is_test]) ** 2).mean(axis=0)) / standard_deviation
    predicted[rows] = targets
    return RegressedCoordinates(predicted, error)
