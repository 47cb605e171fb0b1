"""A molecule of a body and an arm in a few states, small enough to score in milliseconds."""

import dataclasses

import numpy as np
from scipy.spatial.transform import Rotation
from truth.known_truth import KnownTruth

N_BODY, N_ARM = 120, 60


def truth_with_moving_arm(
    n_states: int = 4, step_in_angstroms: float = 6.0, n_images: int = 80
) -> KnownTruth:
    """The arm moves along z by equal steps; images show the states in turn."""
    generator = np.random.default_rng(0)
    body = generator.uniform(-30, 0, (N_BODY, 3))
    arm = generator.uniform((33, -12, -12), (57, 12, 12), (N_ARM, 3))
    positions = np.repeat(np.concatenate([body, arm])[None], n_states, axis=0)
    positions[:, N_BODY:, 2] += step_in_angstroms * np.arange(n_states)[:, None]
    return KnownTruth(
        which=np.arange(n_images) % n_states,
        positions_in_angstroms=positions.astype(np.float32),
        amplitudes=np.full(positions.shape[:2], 6.0, np.float32),
        widths_in_angstroms=np.full(N_BODY + N_ARM, 1.5, np.float32),
        kinds=np.zeros(n_images, np.int64),
        rotation_matrices=Rotation.random(n_images, generator).as_matrix(),
        shifts_in_angstroms=generator.uniform(-10, 10, (n_images, 2)),
        pixel_size_in_angstroms=6.0,
        box_size=32,
    )


def truth_with_absent_arm() -> KnownTruth:
    """Two states: with the arm, and without it; nothing moves."""
    truth = truth_with_moving_arm(2, 0.0)
    amplitudes = truth.amplitudes.copy()
    amplitudes[1, N_BODY:] = 0
    return dataclasses.replace(truth, amplitudes=amplitudes)


def latents_of(truth: KnownTruth) -> np.ndarray:  # (n, 2) float32
    """Latents that say the state."""
    return np.stack([truth.which, np.zeros(len(truth))], axis=1).astype(np.float32)
