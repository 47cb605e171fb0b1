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
SMALLEST_CORRELATION, LARGEST_CORRELATION = 1e-3, 0.999  # of half-maps, in the Wiener filter
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
        image_weights: Tensor | None = None,  # (batch,): how much each image counts; default 1
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
        transfers = ctf_half_spectra(ctf, padded, self.pixel_size_in_angstroms).float()
        if image_weights is not None:  # numerator and weight both carry it
            root = image_weights.float().sqrt()[:, None, None]
            spectra, transfers = spectra * root, transfers * root
        if spectra.device.type != "cpu":
            self._add_on_device_(spectra, transfers, rotation_matrices, map_indices)
            return
        _insert_slices(
            spectra.numpy().astype(np.complex64, copy=False),
            transfers.numpy(),
            rotation_matrices.double().numpy(),
            map_indices.long().numpy(),
            self._numerators,
            self._weights,
        )

    def add_all_of_(self, other: "BackProjection") -> None:
        """Add everything that another one holds, map by map."""
        self._numerators += other._numerators
        self._weights += other._weights

    def _add_on_device_(
        self, spectra: Tensor, transfers: Tensor, rotation_matrices: Tensor, map_indices: Tensor
    ) -> None:
        """The same sums with torch on the device of the images; the maps themselves stay in main memory."""
        for index in range(self.n_maps):
            member = map_indices == index
            if not bool(member.any()):
                continue
            numerator, weight = insert_slices_with_torch(
                spectra[member], transfers[member], rotation_matrices[member]
            )
            self._numerators[index] += numerator.cpu().numpy()
            self._weights[index] += weight.cpu().numpy()

    def volume(self, map_index: int) -> Tensor:  # (box, box, box) float32
        """The map of everything added so far; a projection of it has the grey scale of the images."""
        weights = torch.from_numpy(self._weights[map_index])
        floor = _shell_means(weights) * SMALLEST_WEIGHT
        return self._map_of(
            torch.from_numpy(self._numerators[map_index]) / (weights + floor).clamp_min(1e-20)
        )

    def wiener_volume(self, shell_correlation: Tensor) -> Tensor:  # (box // 2,) -> (box, box, box) float32
        """The map of both halves together, each Fourier voxel weighed against the noise that the half-maps show.

        The half-maps (maps 0 and 1) give signal over noise FSC / (1 - FSC) in each shell, and so the term that a
        Wiener filter adds to the weights (Scheres 2012, J. Mol. Biol. 415, 406). Zero beyond the resolved shells.
        """
        weights = torch.from_numpy(self._weights[:2].sum(axis=0))
        kept = shell_correlation.double().clamp(SMALLEST_CORRELATION, LARGEST_CORRELATION).float()
        unresolved = torch.nonzero(shell_correlation[1:] < RESOLVED_FSC)
        first_unresolved = 1 + int(unresolved[0]) if len(unresolved) else self.box_size // 2
        shells = _shell_indices(PADDING * self.box_size)
        of_voxel = (shells.float() / PADDING).round().long()
        noise_over_signal = ((1 - kept) / kept)[of_voxel.clamp_max(len(kept) - 1)]
        added = _shell_means(weights) / 2 * noise_over_signal
        transform = torch.from_numpy(self._numerators[:2].sum(axis=0)) / (weights + added).clamp_min(1e-20)
        return self._map_of(transform * (of_voxel < first_unresolved))

    def _map_of(self, transform: Tensor) -> Tensor:  # (padded, padded, padded // 2 + 1) -> (box, box, box)
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


def insert_slices_with_torch(
    spectra: Tensor,  # (batch, size, size // 2 + 1) complex, zero frequency first
    transfers: Tensor,  # same shape: CTF times the root of the image's weight
    rotation_matrices: Tensor,  # (batch, 3, 3)
) -> tuple[Tensor, Tensor]:  # numerator (complex64) and weight, (size, size, size // 2 + 1) each
    """What the compiled loop below does, in tensor operations for any device; also its reference in the tests."""
    size = spectra.shape[1]
    device = spectra.device
    ky = torch.fft.fftfreq(size, 1 / size, device=device).round()[:, None]
    kx = torch.arange(size // 2 + 1, device=device)[None, :]
    inside = (kx**2 + ky**2 < (size // 2) ** 2) & (kx < size // 2)
    plane = torch.stack([kx.expand(size, -1)[inside], ky.expand(-1, size // 2 + 1)[inside]], 1)  # (p, 2)
    places = plane.double() @ rotation_matrices.double()[:, :2]  # (batch, p, 3), ordered xyz
    values = (spectra * transfers)[:, inside]
    weights = (transfers**2)[:, inside]
    is_mirrored = places[..., 0] < 0
    places = torch.where(is_mirrored[..., None], -places, places)
    values = torch.where(is_mirrored, values.conj(), values)
    numerator = torch.zeros(size**2 * (size // 2 + 1), 2, device=device)
    weight = torch.zeros(size**2 * (size // 2 + 1), device=device)

    def add(index_zyx: list[Tensor], share: Tensor, some_values: Tensor) -> None:
        z, y, x = index_zyx
        flat = ((z % size) * size + y % size) * (size // 2 + 1) + x
        numerator.index_add_(0, flat, torch.view_as_real(some_values * share).float())
        weight.index_add_(0, flat, (weights.flatten() * share.flatten()).float())

    floors = places.floor()
    for corner in range(8):
        offset = torch.tensor([corner & 1, corner >> 1 & 1, corner >> 2], device=device)
        share = (1 - (places - floors - offset).abs()).prod(-1)
        x, y, z = (floors + offset).long().reshape(-1, 3).T
        share = torch.where(x <= size // 2, share.flatten(), 0).float()
        x = x.clamp_max(size // 2)
        add([z, y, x], share, values.flatten())
        on_plane = torch.where(x == 0, share, 0)  # this plane holds both a voxel and its conjugate
        add([-z, -y, 0 * x], on_plane, values.flatten().conj())
    shape = (size, size, size // 2 + 1)
    return torch.view_as_complex(numerator).reshape(shape), weight.reshape(shape)


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
