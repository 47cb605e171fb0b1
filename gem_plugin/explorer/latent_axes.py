"""Columns that are linear functions of the latents, so that every point of a trajectory has its own position on them.

On other columns (UMAP, volume components, poses) only particles have positions.
"""

from typing import Any

import numpy as np

from gem_plugin.landscape.latents.components import fit_latent_components


def latent_axes(latents: np.ndarray) -> dict[str, dict[str, Any]]:  # (n, latent_size)
    """Offset and weights of each such column: its value is the offset plus the sum of weights times latents."""
    components = fit_latent_components(latents)
    latent_size = latents.shape[1]
    axes = {f"latent_{axis + 1}": _axis(0.0, np.eye(latent_size)[axis]) for axis in range(latent_size)}
    for index, weights in enumerate(components.axes):
        axes[f"latent_pc_{index + 1}"] = _axis(-float(components.mean @ weights), weights)
    return axes


def _axis(offset: float, weights: np.ndarray) -> dict[str, Any]:
    return {"offset": offset, "weights": weights.tolist()}
