"""Central slices into Fourier volumes: a compiled loop for the CPU, and tensor operations for any device.

Both add the same sums to a tensor (maps, size, size, size // 2 + 1, 3), ordered zyx, zero frequency first. The last
axis holds the real and imaginary part of CTF times image, and CTF squared: what lies together is fetched together.
"""

from dataclasses import dataclass

import numba
import numpy as np
import torch
from torch import Tensor

from gem_plugin.errors import InputError
from gem_plugin.imaging.fourier import shift_half_spectra

REAL, IMAGINARY, WEIGHT = 0, 1, 2
MAXIMUM_NORM_ERROR = 0.1  # of the rows of a view matrix: magnification stretches them by a few percent
HONEST_NUMBERS = {"contract", "arcp", "nsz", "afn", "reassoc"}  # fast mathematics that still knows NaN


@dataclass(frozen=True)
class Slices:
    """Images on their way into a volume; every tensor on one device."""

    spectra: Tensor  # (batch, size, size // 2 + 1) complex64, zero frequency first
    transfers: Tensor  # same shape, float32: CTF times the root of the image's weight
    shifts_in_pixels: Tensor  # (batch, 2), ordered xy: moves the rotation centre of the image onto pixel 0
    rotation_matrices: Tensor  # (batch, 3, 3): a point v lands on (A v)[:2]
    map_indices: Tensor  # (batch,): the map that each image goes into; below 0 for none


def insert_slices_(sums: Tensor, slices: Slices) -> None:
    """Distribute every Fourier pixel of the slices over its eight neighbours in the sums."""
    if sums.device.type != "cpu":
        insert_with_torch_(sums, slices)
        return
    norms = slices.rotation_matrices.norm(dim=-1)
    if not bool(((norms - 1).abs() < MAXIMUM_NORM_ERROR).all()):
        raise InputError(
            "A view matrix has rows far from length 1. Check the angles and the magnification of the particles."
        )
    n_maps, n_threads = len(sums), numba.get_num_threads()
    _insert_slices(
        slices.spectra.contiguous().numpy(),
        slices.transfers.contiguous().numpy(),
        slices.shifts_in_pixels.double().numpy(),
        slices.rotation_matrices.double().numpy(),
        slices.map_indices.long().numpy(),
        sums.numpy(),
        max(1, n_threads // n_maps),
    )


def insert_with_torch_(sums: Tensor, slices: Slices) -> None:
    """What the compiled loop does, in tensor operations without a wait for the device; also its reference in the tests."""
    n_maps, size = sums.shape[:2]
    flat = sums.view(-1, 3)
    inside, plane = _plane_of_slice(size)
    inside, plane = inside.to(sums.device), plane.to(sums.device)
    shifted = shift_half_spectra(slices.spectra, slices.shifts_in_pixels)
    transfers = slices.transfers.flatten(1)[:, inside]  # (batch, p)
    values = shifted.flatten(1)[:, inside] * transfers
    positions = plane.double() @ slices.rotation_matrices.double()[:, :2]  # (batch, p, 3), ordered xyz
    is_mirrored = positions[..., 0] < 0  # only half of the transform is kept: the other is its conjugate
    positions = torch.where(is_mirrored[..., None], -positions, positions)
    imaginary = torch.where(is_mirrored, -values.imag, values.imag)
    triples = torch.stack([values.real, imaginary, transfers**2], dim=-1).float()  # (batch, p, 3)
    counts = ((slices.map_indices >= 0) & (slices.map_indices < n_maps)).float()[:, None]
    first_voxel = slices.map_indices.clamp(0, n_maps - 1)[:, None] * (size**2 * (size // 2 + 1))

    def add(x: Tensor, y: Tensor, z: Tensor, fraction: Tensor, some: Tensor) -> None:
        voxel = first_voxel + ((z % size) * size + y % size) * (size // 2 + 1) + x
        flat.index_add_(0, voxel.flatten(), (some * (fraction * counts)[..., None]).reshape(-1, 3))

    floors = positions.floor()
    conjugate = torch.tensor([1.0, -1.0, 1.0], device=sums.device)
    for corner in range(8):
        offset = torch.tensor([corner & 1, corner >> 1 & 1, corner >> 2], device=sums.device)
        fraction = (1 - (positions - floors - offset).abs()).prod(-1).float()
        x, y, z = (floors + offset).long().unbind(-1)
        fraction = torch.where(x <= size // 2, fraction, 0.0)
        x = x.clamp_max(size // 2)
        add(x, y, z, fraction, triples)
        if not corner & 1:  # only these reach x = 0, the plane of a voxel and its conjugate
            on_plane = torch.where(x == 0, fraction, 0.0)
            add(x, -y, -z, on_plane, triples * conjugate)  # nothing, spread out, for all that is not there


def _plane_of_slice(size: int) -> tuple[Tensor, Tensor]:
    """Which pixels of a flat half spectrum are inserted, and their frequencies (p, 2), ordered xy."""
    ky = torch.fft.fftfreq(size, 1 / size).round()[:, None].expand(-1, size // 2 + 1)
    kx = torch.arange(size // 2 + 1.0)[None, :].expand(size, -1)
    inside = torch.nonzero(((kx**2 + ky**2 < (size // 2) ** 2) & (kx < size // 2)).flatten()).flatten()
    return inside, torch.stack([kx.flatten()[inside], ky.flatten()[inside]], dim=1)


@numba.njit(parallel=True, fastmath=HONEST_NUMBERS, cache=True)
def _insert_slices(spectra, transfers, shifts, rotations, map_indices, sums, n_parts):  # type: ignore[no-untyped-def]
    """One thread a map and part of its z planes, so no two write to one voxel, and sums do not depend on the threads."""
    n_maps, size = sums.shape[0], sums.shape[1]
    radius = size // 2
    for task in numba.prange(n_maps * n_parts):
        map_index, part = task // n_parts, task % n_parts
        for image in range(spectra.shape[0]):
            if map_indices[image] != map_index:
                continue
            rotation = rotations[image]
            phase_step_x, phase_step_y = (
                -2 * np.pi * shifts[image, 0] / size,
                -2 * np.pi * shifts[image, 1] / size,
            )
            step = complex(np.cos(phase_step_x), np.sin(phase_step_x))
            for row in range(size):
                ky = row if row < radius else row - size
                phase = complex(np.cos(phase_step_y * ky), np.sin(phase_step_y * ky))
                for kx in range(radius):
                    if kx * kx + ky * ky >= radius * radius:
                        break
                    transfer = transfers[image, row, kx]
                    value = spectra[image, row, kx] * transfer * phase
                    phase *= step
                    x = rotation[0, 0] * kx + rotation[1, 0] * ky
                    y = rotation[0, 1] * kx + rotation[1, 1] * ky
                    z = rotation[0, 2] * kx + rotation[1, 2] * ky
                    real, imaginary = np.float32(value.real), np.float32(value.imag)
                    if x < 0:  # only half of the transform is kept: the other is its conjugate
                        x, y, z, imaginary = -x, -y, -z, -imaginary
                    weight = np.float32(transfer * transfer)
                    _add_to_neighbours(real, imaginary, weight, x, y, z, sums[map_index], part, n_parts)


@numba.njit(fastmath=HONEST_NUMBERS, inline="always")
def _add_to_neighbours(real, imaginary, weight, x, y, z, target, part, n_parts):  # type: ignore[no-untyped-def]
    """Add one pixel to the eight voxels around it, of those planes that belong to this part."""
    size, one = target.shape[0], np.float32(1)
    if not (x < size // 2 and abs(y) < size // 2 and abs(z) < size // 2):  # NaN is not smaller either
        return
    x0, y0, z0 = int(np.floor(x)), int(np.floor(y)), int(np.floor(z))
    beyond_x, beyond_y, beyond_z = np.float32(x - x0), np.float32(y - y0), np.float32(z - z0)
    for dz in range(2):
        iz = (z0 + dz) if z0 + dz >= 0 else z0 + dz + size
        if min(iz, size - iz) % n_parts != part:  # a plane and its mirror have one owner
            continue
        of_z = beyond_z if dz else one - beyond_z
        for dy in range(2):
            iy = (y0 + dy) if y0 + dy >= 0 else y0 + dy + size
            of_zy = of_z * (beyond_y if dy else one - beyond_y)
            near, far = of_zy * (one - beyond_x), of_zy * beyond_x
            line = target[iz, iy]
            line[x0, 0] += near * real
            line[x0, 1] += near * imaginary
            line[x0, 2] += near * weight
            line[x0 + 1, 0] += far * real
            line[x0 + 1, 1] += far * imaginary
            line[x0 + 1, 2] += far * weight
            if x0 == 0:  # this plane holds both a voxel and its conjugate
                mirror_z, mirror_y = (size - iz) % size, (size - iy) % size
                mirror = target[mirror_z, mirror_y]
                mirror[0, 0] += near * real
                mirror[0, 1] -= near * imaginary
                mirror[0, 2] += near * weight
