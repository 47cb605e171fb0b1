"""How well two models that were trained apart agree on the same particles: in their latents and in their maps."""

from typing import NamedTuple

import numpy as np
import torch
from sklearn.neighbors import KNeighborsRegressor

from gem_plugin.imaging.fourier import fourier_shell_correlation

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
) -> LatentAgreement:
    """Predict each from the other by nearest neighbours, so that neither axes nor their curvature matter."""
    rows = generator.permutation(len(first))[:MAXIMUM_PARTICLES]
    fitted, held_out = rows[::2], rows[1::2]
    return LatentAgreement(
        _explained_variance(second, first, fitted, held_out),
        _explained_variance(first, second, fitted, held_out),
    )


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
