"""The images in the form that the loss needs: centred, multiplied by their CTF and divided by the noise.

For a model image P, white noise and CTF C the squared error is
    1/2 |C P - F|^2 = 1/2 P C^2 P - P (C F) + const,
so an image enters only through g = C F (the matched image) and h = C^2 (the matched filter). Both are computed once.
Images that were multiplied by their CTF or its sign before have the same g and h (imaging.processed_images).
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor

from gem_plugin.heterogeneity.prefetch import send
from gem_plugin.imaging.ctf import CtfParameters, ctf_half_spectra
from gem_plugin.imaging.fourier import fourier_crop_images, ring_indices, shift_half_spectra
from gem_plugin.imaging.processed_images import matching_transfers, model_transfers

IMAGES_AT_A_TIME = 256


class MatchedBatch(NamedTuple):
    """Some particles, ready for the loss."""

    images: Tensor  # (batch, box, box): g, rotation centre on pixel box // 2
    filters: Tensor  # (batch, box, box // 2 + 1): h, zero frequency first
    rotation_matrices: Tensor  # (batch, 3, 3)


class Observations:
    """All particles of a run; images stay where they are (a memory map) unless they are kept in memory."""

    def __init__(
        self,
        images: Any,  # (n, box, box) array-like, float32; sliced by row numbers
        rotation_matrices: Tensor,  # (n, 3, 3)
        shifts_in_pixels: Tensor,  # (n, 2), ordered xy; moving an image by +shift centres it
        ctf: CtfParameters,
        noise_spectrum: Tensor,  # (box // 2 + 1,), 1 for white noise of variance 1; or (k, box // 2 + 1)
        pixel_size_in_angstroms: float,
        is_whitened: bool = True,  # divide by the noise spectrum; else by its mean
        noise_rows: Tensor | None = None,  # (n,) which of the k spectra an image has; None for one
    ) -> None:
        self.raw_images = images
        self.rotation_matrices = rotation_matrices.float()
        self.shifts_in_pixels = shifts_in_pixels.float()
        self.ctf = ctf
        self.pixel_size_in_angstroms = pixel_size_in_angstroms
        self.box_size = int(images.shape[-1])
        self._inverse_noise = _inverse_noise(noise_spectrum, self.box_size, is_whitened)
        self._noise_rows = noise_rows if len(self._inverse_noise) > 1 else None
        self.device = torch.device("cpu")  # where batches are made
        self._matched: Tensor | None = None

    def move_to_(self, device: torch.device) -> None:
        """Make batches on another device from now on. Images stay where they are; keep_in_memory puts them there."""
        self.device = device
        self.rotation_matrices, self.shifts_in_pixels = (
            value.to(device) for value in (self.rotation_matrices, self.shifts_in_pixels)
        )
        self.ctf, self._inverse_noise = self.ctf.to(device), self._inverse_noise.to(device)

    def __len__(self) -> int:
        return len(self.rotation_matrices)

    def keep_in_memory(self, progress_of: Any = iter) -> None:
        """Compute all matched images once, on the device of the batches; 4 bytes a pixel."""
        matched = torch.empty(len(self), self.box_size, self.box_size, device=self.device)
        for rows in progress_of(list(row_chunks(len(self), IMAGES_AT_A_TIME))):
            matched[rows[0] : rows[-1] + 1] = self._match(rows)
        self._matched = matched

    def batch(self, rows: Tensor) -> MatchedBatch:
        """The given particles; rows are on the CPU, whatever the device of the batches."""
        return MatchedBatch(self._matched_images(rows), self.filters(rows, self.box_size), self._views(rows))

    def small_batch(self, rows: Tensor, box_size: int) -> MatchedBatch:
        """The same, Fourier-cropped to a smaller box."""
        images = fourier_crop_images(self._matched_images(rows), box_size)
        return MatchedBatch(images, self.filters(rows, box_size), self._views(rows))

    def centred_batch(self, rows: Tensor) -> MatchedBatch:
        """The images themselves, moved to their centres, and their CTF; for losses other than the squared error."""
        spectra = torch.fft.rfft2(self._read(rows))
        centred = shift_half_spectra(spectra, self.shifts_in_pixels[send(rows, self.device)])
        images = torch.fft.irfft2(centred, s=(self.box_size, self.box_size))
        processing = self._processing(rows)
        transfers = model_transfers(self.ctf_half_spectra(rows), processing)
        return MatchedBatch(images, transfers, self._views(rows))

    def ctf_half_spectra(self, rows: Tensor) -> Tensor:
        parameters = self.ctf.take(send(rows, self.device))
        return ctf_half_spectra(parameters, self.box_size, self.pixel_size_in_angstroms)

    def filters(self, rows: Tensor, box_size: int) -> Tensor:
        """h = CTF^2 / noise at a box no larger than the images' own: (batch, box, box // 2 + 1)."""
        pixel_size = self.pixel_size_in_angstroms * self.box_size / box_size
        squared = ctf_half_spectra(self.ctf.take(send(rows, self.device)), box_size, pixel_size) ** 2
        return squared * self._inverse_noise_of(rows, box_size)

    def _inverse_noise_of(self, rows: Tensor, box_size: int) -> Tensor:  # (batch or 1, box, box // 2 + 1)
        inverse = self._inverse_noise
        if box_size != self.box_size:  # the same frequencies in the larger spectrum
            y = torch.fft.fftfreq(box_size, 1 / box_size, device=self.device).long()
            inverse = inverse[:, y % self.box_size][..., : box_size // 2 + 1]
        return inverse if self._noise_rows is None else inverse[send(self._noise_rows[rows], self.device)]

    def _processing(self, rows: Tensor) -> Tensor | None:  # (batch,)
        processing = self.ctf.image_processing
        return None if processing is None else processing[send(rows, self.device)]

    def _views(self, rows: Tensor) -> Tensor:  # (batch, 3, 3)
        return self.rotation_matrices[send(rows, self.device)]

    def _read(self, rows: Tensor) -> Tensor:  # (batch, box, box)
        return send(torch.as_tensor(self.raw_images[rows.numpy()]).float(), self.device)

    def _matched_images(self, rows: Tensor) -> Tensor:  # (batch, box, box)
        return self._match(rows) if self._matched is None else self._matched[send(rows, self.device)]

    def _match(self, rows: Tensor) -> Tensor:  # (batch, box, box)
        shifts = self.shifts_in_pixels[send(rows, self.device)]
        spectra = shift_half_spectra(torch.fft.rfft2(self._read(rows)), shifts)
        transfers = matching_transfers(self.ctf_half_spectra(rows), self._processing(rows))
        matched = spectra * transfers * self._inverse_noise_of(rows, self.box_size)
        return torch.fft.irfft2(matched, s=(self.box_size, self.box_size))


def _inverse_noise(spectra: Tensor, box_size: int, is_whitened: bool) -> Tensor:  # (k, box, box // 2 + 1)
    spectra = spectra.float().reshape(-1, spectra.shape[-1])
    means = spectra.mean(dim=1, keepdim=True)
    noise = spectra.clamp_min(1e-3 * means) if is_whitened else means.expand_as(spectra)
    return (1 / noise)[:, ring_indices(box_size).clamp_max(spectra.shape[-1] - 1)]


def row_chunks(n_rows: int, size: int) -> Iterator[Tensor]:
    """Row numbers 0 .. n_rows - 1 in consecutive pieces."""
    for start in range(0, n_rows, size):
        yield torch.arange(start, min(start + size, n_rows))
