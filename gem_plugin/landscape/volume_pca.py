"""Principal components of masked maps, weighted by the particles that each map stands for.

There are far fewer maps than voxels, so everything follows from the small matrix of their inner products.
The result is exact and the same every time: no random numbers. Sums over voxels are taken where the matrix of the maps lies.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from gem_plugin.errors import InputError
from gem_plugin.progress import Track, untracked

EQUAL_MAPS = 1e-12  # variance over squared mean that is nothing but rounding of single precision
VOXELS_PER_BLOCK = 8192  # keeps the float64 copies of a block small


@dataclass(frozen=True)
class VolumePca:
    """A linear map from masked voxels to coordinates."""

    mean: np.ndarray  # (v,) float32: weighted mean of the masked voxels
    components: np.ndarray  # (c, v) float32, orthonormal rows
    scores: np.ndarray  # (k, c) float64: coordinates of the maps it was made from
    explained_variance: np.ndarray  # (c,) float64
    explained_variance_ratio: np.ndarray  # (c,) float64, of the total variance

    def project(self, masked_voxels: np.ndarray) -> np.ndarray:  # (k, v) -> (k, c)
        """Coordinates of further maps, given as masked voxels."""
        return (masked_voxels - self.mean) @ self.components.T


def select_masked_voxels(
    volume: np.ndarray,  # (d, d, d)
    mask: np.ndarray,  # (d, d, d), 0 to 1
    clip_negatives: bool = True,
) -> np.ndarray:  # (v,) float32, voxels with mask > 0 in array order
    """Masked voxels times their mask value; negative ones are set to 0, as cryoDRGN does."""
    inside = mask > 0
    values = volume[inside] * mask[inside]
    return np.maximum(values, 0, out=values) if clip_negatives else values


def collect_masked_voxels(
    volumes: Iterable[Tensor],  # k maps, all on one device
    mask: np.ndarray,
    matrix: Tensor,  # (k, v) float32, filled here; there, or on the CPU in memory or a file
    clip_negatives: bool = True,
) -> float:
    """Fill one row per map; return the most negative masked value that was met (0 if there was none)."""
    inside = torch.from_numpy(np.flatnonzero(mask.ravel() > 0))
    mask_values = torch.from_numpy(mask.ravel())[inside]
    lowest = torch.zeros(())
    for row, volume in zip(matrix, volumes, strict=True):
        inside, mask_values, lowest = (one.to(volume.device) for one in (inside, mask_values, lowest))
        values = volume.flatten()[inside] * mask_values
        lowest = torch.minimum(lowest, values.min())
        row.copy_(values.clamp_min(0) if clip_negatives else values)
    return float(lowest)


def weighted_mean(
    matrix: np.ndarray | Tensor, weights: np.ndarray
) -> np.ndarray:  # (k, v), (k,) -> (v,) float64
    """Mean row, each row counted `weights` times."""
    rows = torch.as_tensor(matrix)
    fractions = torch.as_tensor(weights / weights.sum(), device=rows.device)
    return torch.cat([fractions @ rows[:, block].double() for block in _voxel_blocks(rows)]).cpu().numpy()


def inner_products(
    matrix: np.ndarray | Tensor,  # (k, v)
    centre: np.ndarray,  # (v,)
    track: Track = untracked,
) -> np.ndarray:  # (k, k) float64
    """Inner products of the rows after subtraction of `centre`, summed in float64."""
    rows = torch.as_tensor(matrix)
    products = torch.zeros(len(rows), len(rows), dtype=torch.float64, device=rows.device)
    for block in track(_voxel_blocks(rows), "inner products of maps", unit="block"):
        products += _products(_centred(rows, centre, block))
    return products.cpu().numpy()


def _centred(rows: Tensor, centre: np.ndarray, block: slice) -> Tensor:  # (k, voxels of the block) float64
    return rows[:, block].double() - torch.as_tensor(centre[block], device=rows.device)


def _products(rows: Tensor) -> Tensor:  # (k, v) -> (k, k)
    if rows.device.type != "cpu":
        return rows @ rows.T
    array = rows.numpy()
    return torch.from_numpy(array @ array.T)  # NumPy sees that these are one matrix, and does half the work


def distances_from_products(products: np.ndarray) -> np.ndarray:  # (k, k) -> (k, k)
    """Euclidean distances between the rows that gave the inner products."""
    squares = np.diag(products)
    squared = squares[:, None] + squares[None, :] - 2 * products
    np.fill_diagonal(squared, 0)
    return np.sqrt(np.maximum(squared, 0))


def fit_volume_pca(
    matrix: np.ndarray | Tensor,  # (k, v) float32, masked voxels
    weights: np.ndarray,  # (k,), particles per map; all equal for cryoDRGN's unweighted form
    n_components: int,
    products: np.ndarray | None = None,  # inner_products(matrix, weighted mean) where already at hand
    track: Track = untracked,
) -> VolumePca:
    """Weighted principal components: the directions of largest variance over particles.

    The sign is chosen such that the largest entry of each component is positive.
    The variance divides by the sum of the weights less one mean weight, which is k - 1 for equal weights.
    """
    if len(matrix) < 2:
        raise InputError(f"A landscape needs at least two maps, got {len(matrix)}.")
    mean = weighted_mean(matrix, weights)
    if products is None:
        products = inner_products(matrix, mean)
    relative = weights / weights.mean()
    roots = np.sqrt(relative)
    eigenvalues, vectors = np.linalg.eigh(products * roots[:, None] * roots[None, :])
    total = np.trace(products * relative[:, None])
    if total <= EQUAL_MAPS * relative.sum() * np.square(mean).sum():
        raise InputError("All maps are equal inside the mask: there is no landscape. Did training collapse?")
    kept = _components_to_keep(eigenvalues[::-1], total, n_components)
    eigenvalues, vectors = eigenvalues[::-1][:kept], vectors[:, ::-1][:, :kept]
    row_factors = roots[:, None] * vectors / np.sqrt(eigenvalues)  # (k, c): components = factors.T @ centred
    components = _combine_rows(matrix, mean, row_factors, track)
    largest = np.abs(components).argmax(axis=1)
    signs = np.sign(components[np.arange(kept), largest])
    variance = eigenvalues / (relative.sum() - 1)
    return VolumePca(
        mean=mean.astype(np.float32),
        components=(components * signs[:, None]).astype(np.float32),
        scores=products @ row_factors * signs,
        explained_variance=variance,
        explained_variance_ratio=eigenvalues / total,
    )


def _components_to_keep(eigenvalues: np.ndarray, total: float, requested: int) -> int:
    """As many as requested, but none that only holds rounding noise."""
    significant = int((eigenvalues > 1e-10 * total).sum())
    return max(1, min(requested, significant, len(eigenvalues) - 1))


def _combine_rows(
    matrix: np.ndarray | Tensor, centre: np.ndarray, factors: np.ndarray, track: Track
) -> np.ndarray:  # (c, v)
    rows = torch.as_tensor(matrix)
    to_components = torch.as_tensor(factors.T, device=rows.device)
    blocks = track(_voxel_blocks(rows), "components of maps", unit="block")
    return torch.cat([to_components @ _centred(rows, centre, block) for block in blocks], dim=1).cpu().numpy()


def _voxel_blocks(rows: Tensor) -> list[slice]:
    return [slice(start, start + VOXELS_PER_BLOCK) for start in range(0, rows.shape[1], VOXELS_PER_BLOCK)]
