"""The noise of tilt images: one radial shape for the set, times a level for each tilt of each tomogram.

Images of tilt series are not normalised one by one: thickness, dose and weight differ between tilts and tomograms, and that is what
they should count by. The background of an image premultiplied by its CTF C is C^2 N: its level and shape come from summed
backgrounds over summed C^2, both as they are seen through the mask of the background.
"""

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from gem_plugin.imaging.ctf import CtfParameters, ctf_half_spectra
from gem_plugin.imaging.fourier import half_spectrum_weights, ring_indices
from gem_plugin.imaging.normalisation import LOWEST_SHELLS, MINIMUM_POWER
from gem_plugin.imaging.processed_images import PREMULTIPLIED
from gem_plugin.steps.prepare.noise import MINIMUM_SQUARED_CTF, seen_through_mask

ROUNDS = 10  # of shape and levels, each from the other: more change no digit that matters


class TiltNoise(NamedTuple):
    """Power of the raw noise of image f in ring k: spectrum[k] * levels[f]."""

    spectrum: np.ndarray  # (box // 2 + 1,) float64
    levels: np.ndarray  # (m,) float32, about 1; infinite for images that cannot be used


class NoiseOfTilts:
    """Sums up the backgrounds of images, some at a time, by tilt and tomogram."""

    def __init__(
        self,
        groups: np.ndarray,  # (m,) int64 from 0: images that share their level
        ctf: CtfParameters,  # of the m images
        mask: Tensor,  # (box, box) bool: background, at the working box
        pixel_size_in_angstroms: float,
    ) -> None:
        self._groups, self._ctf, self._mask = torch.from_numpy(groups), ctf, mask
        self._pixel_size = pixel_size_in_angstroms
        box_size = len(mask)
        self._n_rings = box_size // 2 + 1
        n_groups = int(groups.max(initial=0)) + 1
        self._power = torch.zeros(n_groups, self._n_rings, dtype=torch.float64)
        self._squared_ctf = torch.zeros(n_groups, self._n_rings, dtype=torch.float64)
        self._counts = torch.zeros(n_groups, dtype=torch.float64)
        self._is_unusable = np.zeros(len(groups), dtype=bool)
        rings = ring_indices(box_size)
        weights = half_spectrum_weights(box_size).double().expand(box_size, -1)
        one_hot = torch.nn.functional.one_hot(rings.flatten(), int(rings.max()) + 1)[:, : self._n_rings]
        weighted = one_hot.double() * weights.reshape(-1, 1)
        self._pixels_of_rings = weighted.sum(0)  # (rings,)
        self._to_rings = weighted / self._pixels_of_rings  # (pixels, rings)

    def add(
        self,
        images: Tensor,  # (k, box, box): prepared
        rows: np.ndarray,  # (k,)
        is_usable: np.ndarray,  # (k,) bool
    ) -> None:
        """Learn from some images."""
        self._is_unusable[rows[~is_usable]] = True
        chosen = torch.from_numpy(np.flatnonzero(is_usable))
        if not len(chosen):
            return
        rows_here, groups = torch.from_numpy(rows)[chosen], self._groups[torch.from_numpy(rows)[chosen]]
        self._power.index_add_(0, groups, self._background_power(images[chosen]))
        self._squared_ctf.index_add_(0, groups, self._noise_transfer(rows_here))
        self._counts.index_add_(0, groups, torch.ones(len(groups), dtype=torch.float64))

    def result(self) -> TiltNoise:
        """Shape and levels of least difference from the sums: alternating ratios of sums."""
        seen = self._squared_ctf @ self._blur().T  # (groups, rings): of noise of power 1 in each image
        is_known = seen.sum(0) > MINIMUM_SQUARED_CTF * self._counts.sum()
        levels = torch.ones(len(seen), dtype=torch.float64)
        weights = self._pixels_of_rings.clone()
        weights[:LOWEST_SHELLS] = 0
        shape = torch.ones(self._n_rings, dtype=torch.float64)
        for _ in range(ROUNDS):
            expected = (levels[:, None] * seen).sum(0)
            shape = _continued(self._power.sum(0) / expected.clamp_min(1e-300), is_known)
            explained = (seen * shape * weights).sum(1)
            found = (self._power * weights).sum(1) / explained.clamp_min(1e-300)
            levels = torch.where((self._counts > 0) & (found > 0), found, levels)
            levels = levels / ((levels * self._counts).sum() / self._counts.sum().clamp_min(1))
        of_images = levels[self._groups].numpy().astype(np.float32)
        of_images[self._is_unusable] = np.inf
        return TiltNoise(shape.clamp_min(MINIMUM_POWER).numpy(), of_images)

    def _background_power(self, images: Tensor) -> Tensor:  # (k, rings) float64
        background = images * self._mask
        n_pixels = self._mask.sum()
        levels = background.sum((1, 2)) / n_pixels
        background = background - levels[:, None, None] * self._mask
        power = torch.fft.rfft2(background).abs().square().double() / n_pixels
        return power.flatten(1) @ self._to_rings

    def _noise_transfer(
        self, rows: Tensor
    ) -> Tensor:  # (k, rings) float64: C^2 of premultiplied images, else 1
        processing = self._ctf.image_processing
        ones = torch.ones(len(rows), self._n_rings, dtype=torch.float64)
        if processing is None:
            return ones
        squared = ctf_half_spectra(self._ctf.take(rows), len(self._mask), self._pixel_size).square().double()
        is_multiplied = (processing[rows] == PREMULTIPLIED)[:, None]
        return torch.where(is_multiplied, squared.flatten(1) @ self._to_rings, ones)

    def _blur(self) -> Tensor:  # (rings, rings): how rings of a power spectrum are seen through the mask
        rings = ring_indices(len(self._mask)).clamp_max(self._n_rings - 1)
        of_one_ring = torch.stack([(rings == ring).double() for ring in range(self._n_rings)])
        return seen_through_mask(of_one_ring, self._mask).T


def _continued(values: Tensor, is_known: Tensor) -> Tensor:  # (rings,)
    """Values of unknown rings are those of the last known one before them; the lowest rings lost power with the level."""
    continued = values.clone()
    continued[:LOWEST_SHELLS] = continued[LOWEST_SHELLS]
    for ring in range(LOWEST_SHELLS + 1, len(values)):
        if not is_known[ring]:
            continued[ring] = continued[ring - 1]
    return continued
