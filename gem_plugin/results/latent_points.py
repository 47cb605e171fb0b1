"""Points of the latent space that a user names: particles by their rows, or latents themselves."""

from pathlib import Path

import numpy as np

from gem_plugin.errors import InputError
from gem_plugin.io.array_files import read_number_table, read_rows


def read_latent_points(
    particles: Path | None,  # text file of rows, counted from 0, one a line
    z_values: Path | None,  # text file of latents, one point a line
    latents: np.ndarray,  # (n, latent_size), of all particles
) -> np.ndarray:  # (k, latent_size) float32
    """The points of the one file that was given. Raises InputError unless it is exactly one."""
    if (particles is None) == (z_values is None):
        raise InputError("Give either --particles or --z-values: a text file of rows, or one of latents.")
    if particles is not None:
        return latents[read_rows(particles, len(latents))]
    assert z_values is not None
    return read_latent_table(z_values, latents.shape[1])


def read_latent_table(path: Path, latent_size: int) -> np.ndarray:  # (k, latent_size) float32
    """Latents from a text file."""
    points = read_number_table(path)
    if points.shape[1] != latent_size:
        raise InputError(
            f"{path}: expected {latent_size} numbers per line (the latent size), got {points.shape[1]}."
        )
    return points.astype(np.float32)
