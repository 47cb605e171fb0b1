"""Reconstruct maps from images of known pose: CTF-weighted insertion of central slices, then one inverse transform.

Images pass through once, in batches; several maps (the half-maps) fill side by side.
"""

from typing import NamedTuple

import numba
import numpy as np
import torch
from torch import Tensor

from gem_plugin.errors import InputError
from gem_plugin.imaging.ctf import CtfParameters, ctf_half_spectra
from gem_plugin.imaging.fourier import fourier_shell_correlation, shift_half_spectra

PADDING = 2  # finer Fourier grid, so that linear interpolation costs little
SMALLEST_WEIGHT = 1e-2  # of the mean weight in its shell: keeps rarely seen voxels from blowing up noise
SMALLEST_GRIDDING_CORRECTION = 1e-2
RESOLVED_FSC = 0.05  # from the first shell below this on, the combined map is zero


class CombinedMap(NamedTuple):
    """Two half-maps put together, and how far they agree."""

    volume: Tensor  # (box, box, box), ordered zyx
    shell_correlation: Tensor  # (box // 2,)


class BackProjection:
    """Accumulates images into one or more maps of box^3 voxels, ordered zyx, rotation centre on box // 2."""

    def __init__(self, box_size: int, pixel_size_in_angstroms: float, n_maps: int = 2) -> None:
        if box_size % 2:
            raise InputError(
                f"Expected an even box to reconstruct in, got {box_size} pixels. Crop the images first."
            )
        self.box_size = box_size
        self.pixel_size_in_angstroms = pixel_size_in_angstroms
        self.n_maps = n_maps
        padded = PADDING * box_size
        self._numerators = np.zeros((n_maps, padded, padded, padded // 2 + 1), dtype=np.complex64)
        self._weights = np.zeros((n_maps, padded, padded, padded // 2 + 1), dtype=np.float32)

    def add_(
        self,
        images: Tensor,  # (batch, box, box)
        rotation_matrices: Tensor,  # (batch, 3, 3): a point v lands on (A v)[:2]
        shifts_in_angstroms: Tensor,  # (batch, 2), ordered xy; RELION's origin: what moves the image onto the centre
        ctf: CtfParameters,
        map_indices: Tensor,  # (batch,): the map that each image goes into; below 0 for none
    ) -> None:
        """Add images to their maps."""
        if images.shape[1:] != (self.box_size, self.box_size):
            raise InputError(f"Expected images of {self.box_size} pixels, got {tuple(images.shape[1:])}.")
        padded = PADDING * self.box_size
        margin = padded // 2 - self.box_size // 2
        centred = torch.fft.ifftshift(torch.nn.functional.pad(images.float(), (margin,) * 4), dim=(1, 2))
        spectra = shift_half_spectra(
            torch.fft.rfft2(centred), shifts_in_angstroms.float() / self.pixel_size_in_angstroms
        )
        _insert_slices(
            spectra.numpy().astype(np.complex64, copy=False),
            ctf_half_spectra(ctf, padded, self.pixel_size_in_angstroms).float().numpy(),
            rotation_matrices.double().numpy(),
            map_indices.long().numpy(),
            self._numerators,
            self._weights,
        )

    def volume(self, map_index: int) -> Tensor:  # (box, box, box) float32
        """The map of everything added so far; a projection of it has the grey scale of the images."""
        weights = torch.from_numpy(self._weights[map_index])
        floor = _shell_means(weights) * SMALLEST_WEIGHT
        transform = torch.from_numpy(self._numerators[map_index]) / (weights + floor).clamp_min(1e-20)
        padded = PADDING * self.box_size
        full = torch.fft.fftshift(torch.fft.irfftn(transform, s=(padded,) * 3))
        margin = padded // 2 - self.box_size // 2
        inside = slice(margin, margin + self.box_size)
        return full[inside, inside, inside] / self._gridding_correction()

    def _gridding_correction(self) -> Tensor:  # (box, box, box)
        """Linear interpolation in Fourier space multiplied the map by sinc^2 along each axis."""
        offsets = (torch.arange(self.box_size) - self.box_size // 2) / (PADDING * self.box_size)
        line = torch.sinc(offsets) ** 2
        product = line[:, None, None] * line[None, :, None] * line[None, None, :]
        return product.clamp_min(SMALLEST_GRIDDING_CORRECTION)


def combine_half_maps(first: Tensor, second: Tensor) -> CombinedMap:  # both (box, box, box)
    """The mean of two half-maps, each shell weighted by sqrt(2 FSC / (1 + FSC)) (Rosenthal and Henderson 2003)."""
    correlation = fourier_shell_correlation(first, second)
    shell_weights = torch.sqrt((2 * correlation / (1 + correlation)).clamp(0, 1).nan_to_num())
    unresolved = torch.nonzero(correlation < RESOLVED_FSC)
    if len(unresolved):
        shell_weights[int(unresolved[0]) :] = 0
    box_size = first.shape[-1]
    per_shell = torch.zeros(2 * box_size)
    per_shell[: len(shell_weights)] = shell_weights
    transform = torch.fft.rfftn((first + second) / 2) * per_shell[_shell_indices(box_size)]
    return CombinedMap(torch.fft.irfftn(transform, s=first.shape), correlation)


def _shell_indices(box_size: int) -> Tensor:  # (box, box, box // 2 + 1) int64
    """Nearest Fourier shell of each voxel of a half transform."""
    full = torch.fft.fftfreq(box_size, 1 / box_size)
    half = torch.arange(box_size // 2 + 1)
    squared = full[:, None, None] ** 2 + full[None, :, None] ** 2 + half[None, None, :] ** 2
    return torch.round(torch.sqrt(squared)).long()


def _shell_means(values: Tensor) -> Tensor:  # same shape as values
    shells = _shell_indices(values.shape[0])
    sums = torch.bincount(shells.flatten(), values.flatten().double())
    counts = torch.bincount(shells.flatten())
    return (sums / counts.clamp_min(1)).float()[shells]


@numba.njit(parallel=True, fastmath=True, cache=True)
def _insert_slices(spectra, ctf, rotations, map_indices, numerators, weights):  # type: ignore[no-untyped-def]
    """Spread every Fourier pixel over its eight neighbours; one thread a map, so no two write to one voxel."""
    n_maps, size = numerators.shape[0], numerators.shape[1]
    radius = size // 2
    for map_index in numba.prange(n_maps):
        for image in range(spectra.shape[0]):
            if map_indices[image] != map_index:
                continue
            rotation = rotations[image]
            for row in range(size):
                ky = row if row < radius else row - size
                for kx in range(radius):
                    if kx * kx + ky * ky >= radius * radius:
                        continue
                    transfer = ctf[image, row, kx]
                    value = spectra[image, row, kx] * transfer
                    x = rotation[0, 0] * kx + rotation[1, 0] * ky
                    y = rotation[0, 1] * kx + rotation[1, 1] * ky
                    z = rotation[0, 2] * kx + rotation[1, 2] * ky
                    if x < 0:  # only half of the transform is kept: the other is its conjugate
                        x, y, z, value = -x, -y, -z, np.conj(value)
                    _spread(value, transfer * transfer, x, y, z, numerators[map_index], weights[map_index])


@numba.njit(fastmath=True, cache=True)
def _spread(value, weight, x, y, z, numerator, total_weight):  # type: ignore[no-untyped-def]
    size = numerator.shape[0]
    x0, y0, z0 = int(np.floor(x)), int(np.floor(y)), int(np.floor(z))
    for dz in range(2):
        for dy in range(2):
            for dx in range(2):
                ix, iy, iz = x0 + dx, y0 + dy, z0 + dz
                share = (1 - abs(x - ix)) * (1 - abs(y - iy)) * (1 - abs(z - iz))
                if ix > size // 2:
                    continue
                numerator[iz % size, iy % size, ix] += share * value
                total_weight[iz % size, iy % size, ix] += share * weight
                if ix == 0:  # this plane holds both a voxel and its conjugate
                    numerator[-iz % size, -iy % size, 0] += share * np.conj(value)
                    total_weight[-iz % size, -iy % size, 0] += share * weight
