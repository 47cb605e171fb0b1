"""Weights of particles around a point of the latent space, and the width of the neighbourhood by cross-validation."""

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from gem_plugin.errors import InputError

MINIMUM_NEIGHBOURS = 100  # fewer give no map at all
MAXIMUM_FRACTION = 0.5  # of the particles; beyond that the map is the consensus

CANDIDATES_OF_A_REFERENCE = 2000
MINIMUM_NEIGHBOURS_OF_A_REFERENCE, NEAR_FRACTION = 10, 0.01


class Neighbourhood(NamedTuple):
    """The particles that count at one latent point, for one width."""

    rows: np.ndarray  # (k,) int64, sorted
    weights: np.ndarray  # (k,) float32, 0 to 1
    width: float  # of the kernel, in typical uncertainties of one latent


def latent_distances(
    latents: np.ndarray,  # (n, latent_size)
    point: np.ndarray,  # (latent_size,)
    latents_std: np.ndarray | None,  # (n, latent_size): standard deviation of the latents given the image
) -> np.ndarray:  # (n,)
    """Distance in units of how well each latent is known; where that is unknown, of its standard deviation over the particles."""
    if point.shape != latents.shape[1:]:
        raise InputError(f"Expected {latents.shape[1]} numbers for a latent point, got {point.shape}.")
    known = latents.std(axis=0) if latents_std is None else np.sqrt((latents_std**2).mean(axis=0))
    return np.sqrt((((latents - point) / np.maximum(known, 1e-6)) ** 2).sum(axis=1))


def candidate_sizes(n_particles: int) -> list[int]:
    """How many particles the kernels to be compared take in, each twice as many as the one before."""
    sizes = [min(MINIMUM_NEIGHBOURS, n_particles)]
    while 2 * sizes[-1] <= MAXIMUM_FRACTION * n_particles:
        sizes.append(2 * sizes[-1])
    return sizes


def neighbourhood(distances: np.ndarray, n_neighbours: int) -> Neighbourhood:
    """Epanechnikov weights 1 - (d / width)^2, the width just beyond the n nearest particles."""
    width = float(np.sort(distances)[n_neighbours - 1]) * 1.0001 + 1e-9
    rows = np.flatnonzero(distances < width)
    return Neighbourhood(rows, (1 - (distances[rows] / width) ** 2).astype(np.float32), width)


def most_populated_point(
    latents: np.ndarray,  # (n, latent_size)
    generator: np.random.Generator,
) -> int:
    """The row of the particle with the nearest neighbours: a conformation that many particles have.

    The mean of all latents is none: inside a ring it is a point where no particle belongs.
    """
    from scipy.spatial import cKDTree

    candidates = np.sort(generator.permutation(len(latents))[:CANDIDATES_OF_A_REFERENCE])
    n_neighbours = min(
        len(latents), max(MINIMUM_NEIGHBOURS_OF_A_REFERENCE, round(NEAR_FRACTION * len(latents)))
    )
    distances, _ = cKDTree(latents).query(latents[candidates], k=[n_neighbours])
    return int(candidates[distances[:, 0].argmin()])


def cross_validation_errors(
    narrowest_halves: tuple[Tensor, Tensor],  # (box, box, box): half-maps of the smallest neighbourhood
    candidates: list[tuple[Tensor, Tensor]],  # half-maps of each neighbourhood, filtered
    mask: Tensor,  # (box, box, box)
) -> np.ndarray:  # (candidates,): mean squared error over the mask
    """Each half-map against the narrowest one of the other half.

    The narrowest is nearly free of bias, and its noise is independent of the other half: up to the constant that its
    noise adds, the error is the squared bias plus the noise of the candidate, and so has its minimum at the best width.
    """
    weight = mask / mask.sum().clamp_min(1e-9)
    errors = [
        sum(float((weight * (halves[half] - narrowest_halves[1 - half]) ** 2).sum()) for half in (0, 1)) / 2
        for halves in candidates
    ]
    return np.array(errors)


def best_candidate(errors: np.ndarray) -> int:
    """The index of the smallest error."""
    return int(torch.as_tensor(errors).argmin())
