"""Reconstruct maps from images of known pose: CTF-weighted insertion of central slices, then one inverse transform.

Images pass through once, in batches; several maps (the half-maps) fill side by side.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from gem_plugin.errors import InputError
from gem_plugin.imaging.ctf import CtfParameters, ctf_half_spectra
from gem_plugin.imaging.fourier import fourier_shell_correlation
from gem_plugin.imaging.processed_images import raw_spectra
from gem_plugin.imaging.slice_insertion import IMAGINARY, REAL, WEIGHT, Slices, insert_slices_

BYTES_OF_A_VOXEL = 12  # of the sums: real part, imaginary part, weight
PADDING = 2  # finer Fourier grid, so that linear interpolation costs little
MINIMUM_WEIGHT = 1e-2  # of the mean weight in its shell: keeps rarely seen voxels from blowing up noise
MINIMUM_GRIDDING_CORRECTION = 1e-2
MINIMUM_CORRELATION, MAXIMUM_CORRELATION = 1e-3, 0.999  # of half-maps, in the Wiener filter
MINIMUM_FSC_IN_MAP = (
    0.05  # from the first shell below on, the combined map is zero; well under RESOLUTION_FSC
)


class CombinedMap(NamedTuple):
    """Two half-maps put together, and how far they agree."""

    volume: Tensor  # (box, box, box), ordered zyx
    shell_correlation: Tensor  # (box // 2,)


class BackProjection:
    """Accumulates images into one or more maps of box^3 voxels, ordered zyx, rotation centre on box // 2."""

    def __init__(
        self,
        box_size: int,
        pixel_size_in_angstroms: float,
        n_maps: int = 2,
        device: torch.device | str = "cpu",  # where the sums lie and the images are inserted
    ) -> None:
        if box_size % 2:
            raise InputError(
                f"Expected an even box to reconstruct in, got {box_size} pixels. Crop the images first."
            )
        self.box_size = box_size
        self.pixel_size_in_angstroms = pixel_size_in_angstroms
        self.n_maps = n_maps
        padded = PADDING * box_size
        self.sums = torch.zeros(
            n_maps, padded, padded, padded // 2 + 1, 3, device=device
        )  # of slice_insertion

    def add_(
        self,
        images: Tensor,  # (batch, box, box)
        rotation_matrices: Tensor,  # (batch, 3, 3): a point v lands on (A v)[:2]
        shifts_in_angstroms: Tensor,  # (batch, 2), ordered xy; RELION's origin: what moves the image onto the centre
        ctf: CtfParameters,
        map_indices: Tensor,  # (batch,): the map that each image goes into; below 0 for none
        image_weights: Tensor | None = None,  # (batch,): how much each image counts; default 1
    ) -> None:
        """Add images to their maps; all tensors lie on the device of the sums."""
        if images.shape[1:] != (self.box_size, self.box_size):
            raise InputError(f"Expected images of {self.box_size} pixels, got {tuple(images.shape[1:])}.")
        padded = PADDING * self.box_size
        spectra = torch.fft.rfft2(images.float(), s=(padded, padded))
        transfers = ctf_half_spectra(ctf, padded, self.pixel_size_in_angstroms).float()
        spectra = raw_spectra(spectra, transfers, ctf.image_processing)
        if image_weights is not None:  # numerator and weight both carry it
            root = image_weights.float().sqrt()[:, None, None]
            spectra, transfers = spectra * root, transfers * root
        onto_pixel_0 = shifts_in_angstroms.float() / self.pixel_size_in_angstroms - self.box_size // 2
        insert_slices_(self.sums, Slices(spectra, transfers, onto_pixel_0, rotation_matrices, map_indices))

    def add_all_of_(self, other: "BackProjection") -> None:
        """Add everything that another one holds, map by map."""
        self.sums += other.sums.to(self.sums.device)

    def move_to_(self, device: torch.device | str) -> None:
        """Move the sums, and with them all that is computed from here on."""
        self.sums = self.sums.to(device)

    def volume(self, map_index: int) -> Tensor:  # (box, box, box) float32
        """The map of everything added so far; a projection of it has the grey scale of the images."""
        sums = self.sums[map_index]
        floor = _shell_means(sums[..., WEIGHT]) * MINIMUM_WEIGHT
        return self._map_of(_numerator(sums) / (sums[..., WEIGHT] + floor).clamp_min(1e-20))

    def wiener_volume(self, shell_correlation: Tensor) -> Tensor:  # (box // 2,) -> (box, box, box) float32
        """The map of both halves together, each Fourier voxel weighed against the noise that the half-maps show.

        The half-maps (maps 0 and 1) give signal over noise FSC / (1 - FSC) in each shell, and so the term that a
        Wiener filter adds to the weights (Scheres 2012, J. Mol. Biol. 415, 406). Zero beyond the resolved shells.
        """
        sums = self.sums[:2].sum(dim=0)
        weights = sums[..., WEIGHT]
        kept = (
            shell_correlation.to(sums.device).double().clamp(MINIMUM_CORRELATION, MAXIMUM_CORRELATION).float()
        )
        unresolved = torch.nonzero(shell_correlation[1:] < MINIMUM_FSC_IN_MAP)
        first_unresolved = 1 + int(unresolved[0]) if len(unresolved) else self.box_size // 2
        shells = _shell_indices(PADDING * self.box_size, sums.device)
        of_voxel = (shells.float() / PADDING).round().long()
        noise_over_signal = ((1 - kept) / kept)[of_voxel.clamp_max(len(kept) - 1)]
        added = _shell_means(weights) / 2 * noise_over_signal
        transform = _numerator(sums) / (weights + added).clamp_min(1e-20)
        return self._map_of(transform * (of_voxel < first_unresolved))

    def _map_of(self, transform: Tensor) -> Tensor:  # (padded, padded, padded // 2 + 1) -> (box, box, box)
        """The inverse transform axis by axis, each time without the margin, which nobody needs."""
        padded, half = PADDING * self.box_size, self.box_size // 2
        kept = torch.arange(-half, self.box_size - half, device=transform.device) % padded  # about pixel 0
        for axis in (0, 1):
            transform = torch.fft.ifft(transform, dim=axis).index_select(axis, kept)
        volume = torch.fft.irfft(transform, n=padded, dim=2).index_select(2, kept)
        return volume / self._gridding_correction(volume.device)

    def _gridding_correction(self, device: torch.device) -> Tensor:  # (box, box, box)
        """Linear interpolation in Fourier space multiplied the map by sinc^2 along each axis."""
        offsets = (torch.arange(self.box_size, device=device) - self.box_size // 2) / (
            PADDING * self.box_size
        )
        line = torch.sinc(offsets) ** 2
        product = line[:, None, None] * line[None, :, None] * line[None, None, :]
        return product.clamp_min(MINIMUM_GRIDDING_CORRECTION)


def bytes_of_sums(box_size: int, n_maps: int = 2) -> int:
    """Memory of the sums of a BackProjection."""
    padded = PADDING * box_size
    return n_maps * padded * padded * (padded // 2 + 1) * BYTES_OF_A_VOXEL


def combine_half_maps(first: Tensor, second: Tensor) -> CombinedMap:  # both (box, box, box)
    """The mean of two half-maps, each shell weighted by sqrt(2 FSC / (1 + FSC)) (Rosenthal and Henderson 2003)."""
    correlation = fourier_shell_correlation(first, second)
    shell_weights = torch.sqrt((2 * correlation / (1 + correlation)).clamp(0, 1).nan_to_num())
    unresolved = torch.nonzero(correlation < MINIMUM_FSC_IN_MAP)
    if len(unresolved):
        shell_weights[int(unresolved[0]) :] = 0
    box_size = first.shape[-1]
    per_shell = torch.zeros(2 * box_size, device=first.device)
    per_shell[: len(shell_weights)] = shell_weights
    transform = torch.fft.rfftn((first + second) / 2) * per_shell[_shell_indices(box_size, first.device)]
    return CombinedMap(torch.fft.irfftn(transform, s=first.shape), correlation)


def _numerator(sums: Tensor) -> Tensor:  # (..., 3) -> (...) complex
    return torch.complex(sums[..., REAL], sums[..., IMAGINARY])


def _shell_indices(
    box_size: int, device: torch.device | str = "cpu"
) -> Tensor:  # (box, box, box // 2 + 1) int64
    """Nearest Fourier shell of each voxel of a half transform."""
    full = torch.fft.fftfreq(box_size, 1 / box_size, device=device)
    half = torch.arange(box_size // 2 + 1, device=device)
    squared = full[:, None, None] ** 2 + full[None, :, None] ** 2 + half[None, None, :] ** 2
    return torch.round(torch.sqrt(squared)).long()


def _shell_means(values: Tensor) -> Tensor:  # same shape as values
    shells = _shell_indices(values.shape[0], values.device)
    sums = torch.bincount(shells.flatten(), values.flatten().double())
    counts = torch.bincount(shells.flatten())
    return (sums / counts.clamp_min(1)).float()[shells]
