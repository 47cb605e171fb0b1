"""Principal components of the latent space, and straight lines along them."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class LatentComponents:
    """Principal axes of the latents, largest variance first."""

    mean: np.ndarray  # (latent_size,)
    axes: np.ndarray  # (c, latent_size), orthonormal rows
    scores: np.ndarray  # (n, c)
    explained_variance_ratio: np.ndarray  # (c,)


def fit_latent_components(latents: np.ndarray) -> LatentComponents:  # (n, latent_size)
    """All components; the largest entry of every axis is positive, so that signs do not depend on chance."""
    values = latents.astype(np.float64)
    mean = values.mean(axis=0)
    covariance = (values - mean).T @ (values - mean)
    eigenvalues, vectors = np.linalg.eigh(covariance)
    eigenvalues, axes = np.maximum(eigenvalues[::-1], 0), vectors[:, ::-1].T
    largest = np.abs(axes).argmax(axis=1)
    axes = axes * np.sign(axes[np.arange(len(axes)), largest])[:, None]
    total = eigenvalues.sum() or 1.0
    return LatentComponents(mean, axes, (values - mean) @ axes.T, eigenvalues / total)


def trajectory_along_component(
    components: LatentComponents,
    number: int,  # 0: the first component
    n_points: int,
    percentiles: tuple[float, float],  # where the line starts and ends among the particles
) -> np.ndarray:  # (n_points, latent_size) float32
    """Evenly spaced latents on a straight line through the mean, along one component."""
    start, end = np.percentile(components.scores[:, number], percentiles)
    amounts = np.linspace(start, end, n_points)
    return (components.mean + amounts[:, None] * components.axes[number]).astype(np.float32)
