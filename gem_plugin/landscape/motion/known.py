"""How well latents describe a known motion: the angle of each particle predicted from others with close latents."""

from typing import NamedTuple

import numpy as np
from scipy.spatial import cKDTree

N_FOLDS = 5
N_NEIGHBOURS = 20


class MotionRecovery(NamedTuple):
    """Errors of angles that were predicted for held-out particles."""

    predicted_angles_in_degrees: np.ndarray  # (n,)
    median_error_in_degrees: float
    median_error_of_guessing_in_degrees: float  # the same with the latents shuffled
    correlation: float  # mean cosine of the error: 1 perfect, near 0 for a guess on a full circle


def recover_motion(
    latents: np.ndarray,  # (n, latent_size)
    angles_in_degrees: np.ndarray,  # (n,)
    generator: np.random.Generator,
    particle_indices: np.ndarray
    | None = None,  # (n,) from 0: the particle of each view; default: each its own
) -> MotionRecovery:
    """Five-fold: each fifth is predicted as the mean direction of its nearest neighbours among the other four.

    All views of a particle are in one fifth.
    """
    particles = np.arange(len(latents)) if particle_indices is None else particle_indices
    predicted = _predict_angles(latents, angles_in_degrees, particles, generator)
    errors = angle_difference_in_degrees(predicted, angles_in_degrees)
    guessed = _predict_angles(generator.permutation(latents), angles_in_degrees, particles, generator)
    guess_errors = angle_difference_in_degrees(guessed, angles_in_degrees)
    return MotionRecovery(
        predicted,
        float(np.median(errors)),
        float(np.median(guess_errors)),
        float(np.cos(np.deg2rad(errors)).mean()),
    )


def angle_difference_in_degrees(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """The shorter way round, 0 to 180."""
    return np.abs((first - second + 180) % 360 - 180)


def mean_angle_in_degrees(angles_in_degrees: np.ndarray) -> float:
    """The direction of the sum of the unit vectors."""
    return float(np.rad2deg(np.angle(np.exp(1j * np.deg2rad(angles_in_degrees)).mean())))


def _predict_angles(
    latents: np.ndarray, angles: np.ndarray, particles: np.ndarray, generator: np.random.Generator
) -> np.ndarray:  # (n,) degrees
    n_particles = int(particles.max(initial=-1)) + 1
    fold_of = generator.permutation(np.arange(n_particles) % N_FOLDS)[particles]
    directions = np.exp(1j * np.deg2rad(angles))
    predicted = np.empty(len(latents))
    for fold in range(N_FOLDS):
        held_out, kept = np.flatnonzero(fold_of == fold), np.flatnonzero(fold_of != fold)
        n_neighbours = min(N_NEIGHBOURS, len(kept))
        neighbours = cKDTree(latents[kept]).query(latents[held_out], k=[*range(1, n_neighbours + 1)])[1]
        predicted[held_out] = np.rad2deg(np.angle(directions[kept][neighbours].mean(axis=1)))
    return predicted
