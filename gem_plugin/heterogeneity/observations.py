"""The images in the form that the loss needs: centred, multiplied by their CTF and divided by the noise.

For a model image P, white noise and CTF C the squared error is
    1/2 |C P - F|^2 = 1/2 P C^2 P - P (C F) + const,
so an image enters only through g = C F (the matched image) and h = C^2 (the matched filter). Both are computed once.
Images that were multiplied by their CTF or its sign before have the same g and h (imaging.processed_images).
"""

from collections.abc import Iterator
from dataclasses import fields
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from gem_plugin.heterogeneity.image_owners import ImageOwners, ImagesOfParticles, owners_of_table
from gem_plugin.heterogeneity.prefetch import send
from gem_plugin.imaging.ctf import CtfParameters, ctf_half_spectra
from gem_plugin.imaging.fourier import fourier_crop_images, ring_indices, shift_half_spectra
from gem_plugin.imaging.processed_images import matching_transfers, model_transfers

IMAGES_AT_A_TIME = 256
SMALLEST_UNIT = 1e-30  # of an image of zeros
IMAGES_OF_A_STEP = 12  # of a particle that owns more: a random choice in every training step, scaled to all


class MatchedBatch(NamedTuple):
    """Images of some particles, ready for the loss."""

    images: Tensor  # (batch, box, box): g, rotation centre on pixel box // 2
    filters: Tensor  # (batch, box, box // 2 + 1): h, zero frequency first
    rotation_matrices: Tensor  # (batch, 3, 3)
    owners: ImageOwners | None = None  # None: every particle is one image


class LoadedBatch(NamedTuple):
    """What a training step needs of some particles, on its device."""

    encoder_inputs: Tensor  # (batch, n_inputs)
    images: MatchedBatch  # for the absolute error: centred images with their CTF
    pose_costs: Tensor | float  # (batch,) nats
    any_pose: Tensor | None  # (batch,) log-likelihood of the molecule in any pose; None: not looked for


class Observations:
    """All particles of a run; images stay where they are (a memory map) unless they are kept in memory.

    A particle is one image, or owns several (tilt series): rows that are asked for are rows of particles, and batches hold all of
    their images. What is given for each image stays in the order of the images.
    """

    def __init__(
        self,
        images: Any,  # (n, box, box) array-like, float32; sliced by row numbers. n counts images here
        rotation_matrices: Tensor,  # (n, 3, 3)
        shifts_in_pixels: Tensor,  # (n, 2), ordered xy; moving an image by +shift centres it
        ctf: CtfParameters,
        noise_spectrum: Tensor,  # (box // 2 + 1,), 1 for white noise of variance 1; or (k, box // 2 + 1)
        pixel_size_in_angstroms: float,
        is_whitened: bool = True,  # divide by the noise spectrum; else by its mean
        image_indices: np.ndarray | None = None,  # (n,) int64: rows with one number show one image
        particle_indices: np.ndarray
        | None = None,  # int64, of every row of particles: views of one physical particle
        noise_rows: Tensor | None = None,  # (n,) which of the k spectra an image has; None for one
        noise_levels: Tensor | None = None,  # (n,) factors of the spectrum, of each image; None: 1
        owned: ImagesOfParticles | None = None,  # the images of each particle; None: one each
    ) -> None:
        self.raw_images = images
        self.owned, self._n_images = owned, len(rotation_matrices)
        self._n_owned = None if owned is None else owned.counts  # (n,), on the device of the batches
        own = np.arange(self._n_images)
        self.image_indices = own if image_indices is None else image_indices
        of_rows = self.image_indices if owned is None else np.arange(len(owned))
        self.particle_indices = of_rows if particle_indices is None else particle_indices
        self.given_rotation_matrices, self.given_shifts_in_pixels = (
            rotation_matrices.float(),
            shifts_in_pixels.float(),
        )
        self.rotation_matrices, self.shifts_in_pixels = (
            self.given_rotation_matrices,
            self.given_shifts_in_pixels,
        )
        self.ctf = ctf
        self.pixel_size_in_angstroms = pixel_size_in_angstroms
        self.box_size = int(images.shape[-1])
        self._inverse_noise = _inverse_noise(noise_spectrum, self.box_size, is_whitened)
        self._noise_rows = noise_rows if len(self._inverse_noise) > 1 else None
        self._inverse_levels = None if noise_levels is None else 1 / noise_levels.float()
        self.device = torch.device("cpu")  # where batches are made
        self._matched: Tensor | None = (
            None  # (n_matched, box, box), in half precision each divided by its unit
        )
        self._units: Tensor | None = None  # (n_matched, 1, 1); None for single precision
        # (n_matched, box, box // 2 + 1) in half precision, and by how much it is multiplied, (n_matched, 1, 1)
        self._squared_ctf: tuple[Tensor, Tensor] | None = None
        self._n_kept = 0  # most images that were kept in memory
        self._kept_as = torch.float32

    def move_to_(self, device: torch.device) -> None:
        """Make batches on another device from now on. Images stay where they are; keep_in_memory puts them there."""
        self.device = device
        for name in (
            "given_rotation_matrices",
            "given_shifts_in_pixels",
            "rotation_matrices",
            "shifts_in_pixels",
        ):
            setattr(self, name, getattr(self, name).to(device))
        self.ctf, self._inverse_noise = self.ctf.to(device), self._inverse_noise.to(device)
        for name in ("_noise_rows", "_inverse_levels", "_n_owned"):
            if getattr(self, name) is not None:
                setattr(self, name, getattr(self, name).to(device))

    @property
    def are_on_device(self) -> bool:
        """Whether a batch to train reads nothing that is elsewhere, on a CUDA device; its rows and chosen images may be there too."""
        return self.device.type == "cuda" and self._matched is not None

    def __len__(self) -> int:
        return self._n_images if self.owned is None else len(self.owned)

    def rows_for(self, n_images: int) -> int:
        """How many particles have about so many images together; at least one."""
        return max(1, n_images * len(self) // max(1, self._n_images))

    def move_poses_(
        self,
        rotations: Tensor,  # (n, 3, 3): of the molecule, before the given view
        shifts_in_pixels: Tensor,  # (n, 2): how far the molecule lies from the centre that was given
        progress_of: Any = iter,
    ) -> None:
        """Poses of all particles from now on, from those that were given. Images in memory are centred again.

        Particles that own their images are shifted in three dimensions, (n, 3), along the axes of the map in its given pose: s moves
        an image of given view A by (A s)_xy.
        """
        rotations, shifts = rotations.to(self.device), shifts_in_pixels.to(self.device)
        if self.owned is not None:
            rotations, shifts = self.owned.of_each_image(rotations), self.owned.of_each_image(shifts)
            shifts = (self.given_rotation_matrices[:, :2] @ shifts[..., None])[..., 0]
        self.rotation_matrices = self.given_rotation_matrices @ rotations
        self.shifts_in_pixels = self.given_shifts_in_pixels - shifts
        self._match_again(progress_of)

    def reset_poses_(self) -> None:
        """Back to the given poses."""
        if self.rotation_matrices is not self.given_rotation_matrices:
            self.rotation_matrices = self.given_rotation_matrices
            self.shifts_in_pixels = self.given_shifts_in_pixels
            self._match_again()

    def _match_again(self, progress_of: Any = iter) -> None:
        """Images in memory anew; made for each batch where views of one image no longer share one, so that memory does not grow."""
        for name in ("_rows_to_match", "_which_matched"):
            self.__dict__.pop(name, None)
        self._matched = self._units = self._squared_ctf = None
        if 0 < self.n_matched <= self._n_kept:
            self.keep_in_memory(progress_of, self._kept_as)

    @property
    def n_matched(self) -> int:
        """Matched images that differ: one for all rows of an image that have one shift, CTF and optics."""
        return len(self._rows_to_match[0])

    @cached_property
    def _rows_to_match(self) -> tuple[Tensor, Tensor | None]:
        """A row for each matched image, (m,); and the matched image of each row, (n,), None where each has its own."""
        n_rows = self._n_images
        of_image = torch.from_numpy(first_rows(self.image_indices))  # (n,)
        own = torch.arange(n_rows)
        is_same = of_image != own
        if not is_same.any():
            return own, None
        of_ctf = [getattr(self.ctf, field.name) for field in fields(self.ctf)]
        for values in (self.shifts_in_pixels, *(values for values in of_ctf if values is not None)):
            of_rows = values.cpu().reshape(n_rows, -1)
            is_same &= (of_rows == of_rows[of_image]).all(dim=1)
        needed = own[~is_same]
        which = torch.empty(n_rows, dtype=torch.int64)
        which[needed] = torch.arange(len(needed))
        which[is_same] = which[of_image[is_same]]
        return needed, which

    @cached_property
    def _which_matched(self) -> Tensor | None:  # (n,), on the device of the batches
        which = self._rows_to_match[1]
        return None if which is None else which.to(self.device)

    def keep_in_memory(self, progress_of: Any = iter, dtype: torch.dtype = torch.float32) -> None:
        """Compute all matched images and their squared CTF once, on the device of the batches.

        5 bytes a pixel, and 3 in half precision: images are divided by their largest value then, so that rounding changes a pixel
        by at most 2^-12 of it, a thousandth of its noise.
        """
        needed, _ = self._rows_to_match
        box, device = self.box_size, self.device
        matched = torch.empty(len(needed), box, box, dtype=dtype, device=device)
        self._units = None
        if dtype == torch.float16:
            self._units = torch.ones(len(needed), 1, 1, device=device)
        squared = torch.empty(len(needed), box, box // 2 + 1, dtype=torch.float16, device=device)
        units = units_in_half_precision(self.ctf.scale_factor[send(needed, device)])
        for part in progress_of(list(row_chunks(len(needed), IMAGES_AT_A_TIME))):
            here, rows = slice(int(part[0]), int(part[-1]) + 1), needed[part]
            spectra = self._ctf_of_images(rows)
            images = self._match(rows, spectra)
            if self._units is not None:
                self._units[here] = images.abs().amax((1, 2), keepdim=True).clamp_min(SMALLEST_UNIT)
                images = images / self._units[here]
            matched[here] = images
            squared[here] = spectra**2 / units[here]
        self._matched, self._squared_ctf = matched, (squared, units)
        self._n_kept, self._kept_as = max(self._n_kept, len(matched)), dtype

    def batch(self, rows: Tensor) -> MatchedBatch:
        """The given particles. Rows are on the CPU, whatever the device of the batches; those of single images may be on it."""
        return self._batch_of(*self._all_of(rows))

    def batch_to_train(self, rows: Tensor, choice: torch.Generator | Tensor) -> MatchedBatch:
        """The same with a random choice of the images of particles that own more than IMAGES_OF_A_STEP.

        The choice may have been made before: one of `images_of_steps`, (batch, width). It lies on the device then, as the rows do.
        """
        if self.owned is None or self._n_owned is None:
            return self.batch(rows)
        if isinstance(choice, Tensor):
            return self._batch_of(choice.flatten(), owners_of_table(self._n_owned[rows], choice.shape[1]))
        images, owners = self.owned.some_of(rows, IMAGES_OF_A_STEP, choice)
        return self._batch_of(images, owners.to(self.device))

    def images_of_steps(self, batches: list[Tensor], generator: torch.Generator) -> Tensor | None:
        """What batch_to_train chooses batch by batch, (steps, batch, width); None where a particle is one image."""
        if self.owned is None:
            return None
        return torch.stack([self.owned.some_as_table(rows, IMAGES_OF_A_STEP, generator) for rows in batches])

    def small_batch(self, rows: Tensor, box_size: int) -> MatchedBatch:
        """The given particles with images Fourier-cropped to a smaller box."""
        return self._batch_of(*self._all_of(rows), box_size)

    def _all_of(self, rows: Tensor) -> tuple[Tensor, ImageOwners | None]:
        """All images of some particles."""
        if self.owned is None:
            return rows, None
        images, owners = self.owned.of(rows)
        return images, owners.to(self.device)

    def _batch_of(
        self, images: Tensor, owners: ImageOwners | None, smaller_box: int | None = None
    ) -> MatchedBatch:
        matched = self._matched_images(images)
        if smaller_box is not None:
            matched = fourier_crop_images(matched, smaller_box)
        filters = self._filters_of_images(images, smaller_box or self.box_size)
        return MatchedBatch(matched, filters, self._views(images), owners)

    def centred_batch(self, rows: Tensor) -> MatchedBatch:
        """The images themselves, moved to their centres, and their CTF; for losses other than the squared error."""
        images, owners = self._all_of(rows)
        spectra = torch.fft.rfft2(self._read(images))
        centred = shift_half_spectra(spectra, self.shifts_in_pixels[send(images, self.device)])
        centred = torch.fft.irfft2(centred, s=(self.box_size, self.box_size))
        transfers = model_transfers(self._ctf_of_images(images), self._processing(images))
        return MatchedBatch(centred, transfers, self._views(images), owners)

    def ctf_half_spectra(self, rows: Tensor) -> Tensor:
        """Of all images of the given particles."""
        return self._ctf_of_images(self._all_of(rows)[0])

    def _ctf_of_images(self, rows: Tensor) -> Tensor:
        parameters = self.ctf.take(send(rows, self.device))
        return ctf_half_spectra(parameters, self.box_size, self.pixel_size_in_angstroms)

    def _filters_of_images(self, rows: Tensor, box_size: int) -> Tensor:
        """h = CTF^2 / noise at a box no larger than the images' own: (batch, box, box // 2 + 1)."""
        return self._squared_ctf_of(rows, box_size) * self._inverse_noise_of(rows, box_size)

    def _squared_ctf_of(self, rows: Tensor, box_size: int) -> Tensor:  # (batch, box, box // 2 + 1)
        if self._squared_ctf is not None and box_size == self.box_size:
            which, (squared, units) = self._matched_rows(rows), self._squared_ctf
            return squared[which] * units[which]  # in single precision, as the units are
        pixel_size = self.pixel_size_in_angstroms * self.box_size / box_size
        return ctf_half_spectra(self.ctf.take(send(rows, self.device)), box_size, pixel_size) ** 2

    def _inverse_noise_of(self, rows: Tensor, box_size: int) -> Tensor:  # (batch or 1, box, box // 2 + 1)
        inverse = self._inverse_noise
        if box_size != self.box_size:  # the same frequencies in the larger spectrum
            y = torch.fft.fftfreq(box_size, 1 / box_size, device=self.device).long()
            inverse = inverse[:, y % self.box_size][..., : box_size // 2 + 1]
        if self._noise_rows is None and self._inverse_levels is None:
            return inverse
        rows = send(rows, self.device)
        inverse = inverse if self._noise_rows is None else inverse[self._noise_rows[rows]]
        levels = self._inverse_levels
        return inverse if levels is None else inverse * levels[rows][:, None, None]

    def _processing(self, rows: Tensor) -> Tensor | None:  # (batch,)
        processing = self.ctf.image_processing
        return None if processing is None else processing[send(rows, self.device)]

    def _views(self, rows: Tensor) -> Tensor:  # (batch, 3, 3)
        return self.rotation_matrices[send(rows, self.device)]

    def _read(self, rows: Tensor) -> Tensor:  # (batch, box, box)
        return send(torch.as_tensor(self.raw_images[rows.numpy()]).float(), self.device)

    def _matched_images(self, rows: Tensor) -> Tensor:  # (batch, box, box)
        if self._matched is None:
            return self._match(rows)
        which = self._matched_rows(rows)
        return self._matched[which] if self._units is None else self._matched[which] * self._units[which]

    def _matched_rows(self, rows: Tensor) -> Tensor:  # (batch,): where they are among the matched images
        rows, which = send(rows, self.device), self._which_matched
        return rows if which is None else which[rows]

    def _match(self, rows: Tensor, ctf: Tensor | None = None) -> Tensor:  # (batch, box, box)
        shifts = self.shifts_in_pixels[send(rows, self.device)]
        spectra = shift_half_spectra(torch.fft.rfft2(self._read(rows)), shifts)
        ctf = self._ctf_of_images(rows) if ctf is None else ctf
        transfers = matching_transfers(ctf, self._processing(rows))
        matched = spectra * transfers * self._inverse_noise_of(rows, self.box_size)
        return torch.fft.irfft2(matched, s=(self.box_size, self.box_size))


def units_in_half_precision(scale_factors: Tensor) -> Tensor:  # (n,) of CTFs -> (n, 1, 1)
    """By what squared CTFs are divided where they are kept, so that none rounds to nothing or infinity; mostly 1."""
    squares = scale_factors.square().float()
    fits = ((squares > 0.25) & (squares < 4)) | (squares == 0)
    return torch.where(fits, 1.0, squares)[:, None, None]


def first_rows(numbers: np.ndarray) -> np.ndarray:  # (n,) int64 each
    """For each row the first one with its number."""
    first = np.zeros(int(numbers.max(initial=-1)) + 1, np.int64)
    first[numbers[::-1]] = np.arange(len(numbers))[::-1]  # of several values for one place the last stays
    return first[numbers]


def _inverse_noise(spectra: Tensor, box_size: int, is_whitened: bool) -> Tensor:  # (k, box, box // 2 + 1)
    spectra = spectra.float().reshape(-1, spectra.shape[-1])
    means = spectra.mean(dim=1, keepdim=True)
    noise = spectra.clamp_min(1e-3 * means) if is_whitened else means.expand_as(spectra)
    return (1 / noise)[:, ring_indices(box_size).clamp_max(spectra.shape[-1] - 1)]


def row_chunks(n_rows: int, size: int) -> Iterator[Tensor]:
    """Row numbers 0 .. n_rows - 1 in consecutive pieces."""
    for start in range(0, n_rows, size):
        yield torch.arange(start, min(start + size, n_rows))
