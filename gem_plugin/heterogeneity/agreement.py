"""How well two models that were trained apart agree on the same particles: in their latents and in their maps."""

from typing import NamedTuple

import numpy as np
import torch
from sklearn.neighbors import KNeighborsRegressor

from gem_plugin.imaging.fourier import fourier_shell_correlation
from gem_plugin.particles.views import particles_of

NEIGHBOURS = 20
MAXIMUM_PARTICLES = 20_000  # enough for a correlation to three digits


class LatentAgreement(NamedTuple):
    """Fractions of the variance of one model's latents that the other's explain, on particles held out of the fit."""

    first_from_second: float  # 1: the same map of the particles; 0: unrelated
    second_from_first: float


def latent_agreement(
    first: np.ndarray,  # (n, latent_size)
    second: np.ndarray,  # (n, latent_size of the other model), same particles
    generator: np.random.Generator,
    particle_indices: np.ndarray | None = None,  # (n,) int64: rows of one particle are held out together
) -> LatentAgreement:
    """Predict each from the other by nearest neighbours, so that neither axes nor their curvature matter."""
    which, n_particles = particles_of(
        np.arange(len(first)), np.arange(len(first)) if particle_indices is None else particle_indices
    )
    drawn = generator.permutation(n_particles)[: MAXIMUM_PARTICLES * n_particles // max(1, len(first))]
    fitted, held_out = (_rows_of(drawn[start::2], which, n_particles) for start in (0, 1))
    return LatentAgreement(
        _explained_variance(second, first, fitted, held_out),
        _explained_variance(first, second, fitted, held_out),
    )


def _rows_of(
    particles: np.ndarray,  # (p,) int64
    which: np.ndarray,  # (n,) int64: the particle of every row
    n_particles: int,
) -> np.ndarray:  # (k,) int64
    if n_particles == len(which):
        return particles
    is_drawn = np.zeros(n_particles, dtype=bool)
    is_drawn[particles] = True
    return np.flatnonzero(is_drawn[which])


def _explained_variance(
    inputs: np.ndarray, targets: np.ndarray, fitted: np.ndarray, held_out: np.ndarray
) -> float:
    if not len(held_out):
        return float("nan")
    model = KNeighborsRegressor(min(NEIGHBOURS, len(fitted))).fit(inputs[fitted], targets[fitted])
    residual = ((model.predict(inputs[held_out]) - targets[held_out]) ** 2).sum()
    total = ((targets[held_out] - targets[held_out].mean(0)) ** 2).sum()
    return float(1 - residual / max(total, 1e-30))


def map_agreement(
    first: np.ndarray,  # (k, box, box, box): maps of k particles decoded by one model
    second: np.ndarray,  # the same particles, the other model
) -> np.ndarray:  # (box // 2,): mean Fourier shell correlation
    """Mean shell correlation of pairs of decoded maps. It measures agreement, not resolution: both models share priors."""
    curves = [
        fourier_shell_correlation(torch.as_tensor(one), torch.as_tensor(other))
        for one, other in zip(first, second, strict=True)
    ]
    return torch.stack(curves).mean(0).numpy()
