"""The noise of the raw images: one radial spectrum for all, or one for each kind of images in a set that has several."""

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from gem_plugin.imaging.ctf import ctf_half_spectra
from gem_plugin.imaging.fourier import half_spectrum_weights, ring_indices
from gem_plugin.imaging.normalisation import (
    background_power_spectrum,
    noise_spectrum_from_power,
    radial_mean,
)
from gem_plugin.imaging.processed_images import PREMULTIPLIED
from gem_plugin.particles.ctf_parameters import ctf_parameters_of
from gem_plugin.particles.image_sizes import has_one_size
from gem_plugin.particles.table import ParticleTable

MINIMUM_IMAGES = 20  # of a kind with a spectrum of its own; fewer take that of all
MEASURED_IMAGES = 20_000  # of a kind, spread over the set: more change no digit that matters
MINIMUM_SQUARED_CTF = 1e-3  # of a ring, averaged over the images: below, nothing of the raw noise is left


def kinds_of_noise(table: ParticleTable) -> np.ndarray:  # (n,) int32 from 0
    """Images of one size, premultiplied by the CTF or not, share their noise."""
    is_multiplied = table.image_processing == PREMULTIPLIED
    if not is_multiplied.any() and has_one_size(table):
        return np.zeros(len(table), dtype=np.int32)
    columns = np.stack([table.own_box_sizes, table.own_pixel_sizes, is_multiplied], axis=1)
    _, kinds = np.unique(columns, axis=0, return_inverse=True)
    return kinds.reshape(-1).astype(np.int32)


def _spread_over_kinds(kinds: np.ndarray) -> np.ndarray:  # (n,) -> (n,) bool
    """All images of each kind, or MEASURED_IMAGES of them at equal distances."""
    is_measured = np.ones(len(kinds), dtype=bool)
    for kind, count in enumerate(np.bincount(kinds)):
        if count > MEASURED_IMAGES:
            rows = np.flatnonzero(kinds == kind)
            is_measured[rows] = False
            is_measured[rows[np.linspace(0, count - 1, MEASURED_IMAGES).astype(np.int64)]] = True
    return is_measured


class NoiseOfSome(NamedTuple):
    """What some images of one kind add."""

    kind: int
    power: Tensor  # (box, box // 2 + 1) float64: of their backgrounds
    squared_ctf: Tensor  # (box, box // 2 + 1) float64
    n_images: int


class NoiseOfKinds:
    """Sums up the background of prepared images, some at a time.

    Premultiplied images have the background C^2 N: their N is the summed background over the summed C^2, ring by ring,
    which the rings near a zero of one image do not disturb. The C^2 is blurred as the mask blurs the background's spectrum.
    """

    def __init__(
        self, table: ParticleTable, mask: Tensor
    ) -> None:  # at the working box; mask (box, box) bool
        self._table, self._mask = table, mask
        n_kinds, n_rings = int(table.noise_rows.max(initial=0)) + 1, table.box_size // 2 + 1
        self._power = torch.zeros(n_kinds, table.box_size, n_rings, dtype=torch.float64)
        self._squared_ctf = torch.zeros(n_kinds, table.box_size, n_rings, dtype=torch.float64)
        self._counts = np.zeros(n_kinds, dtype=np.int64)
        self.is_measured = _spread_over_kinds(table.noise_rows)  # (n,): images that are worth measuring

    def measure(
        self,
        images: Tensor,
        rows: np.ndarray,
        means: Tensor | None = None,  # (rows,) of their backgrounds, where they are known
    ) -> list[NoiseOfSome]:
        """What the images of these rows of the table add, one for each kind of images; several threads may measure."""
        kinds = self._table.noise_rows[rows]
        found = []
        for kind in np.unique(kinds):
            is_kind = kinds == kind
            chosen = slice(None) if is_kind.all() else torch.from_numpy(is_kind)
            levels = None if means is None else means[chosen]
            power = background_power_spectrum(images[chosen], self._mask, levels)
            squared_ctf = self._sum_of_squared_ctf(rows[is_kind])
            found.append(NoiseOfSome(int(kind), power, squared_ctf, int(is_kind.sum())))
        return found

    def add_measured(self, measured: list[NoiseOfSome]) -> None:
        for some in measured:
            self._power[some.kind] += some.power
            self._squared_ctf[some.kind] += some.squared_ctf
            self._counts[some.kind] += some.n_images

    def spectra(
        self,
    ) -> np.ndarray:  # (box // 2 + 1,) float64 where there is one kind, else (k, box // 2 + 1)
        """Mean noise power of the raw images per shell."""
        means = self._squared_ctf / torch.from_numpy(self._counts).clamp_min(1)[:, None, None]
        of_rings = torch.stack([radial_mean(power) for power in self._power])
        power = of_rings / seen_through_mask(means, self._mask).clamp_min(MINIMUM_SQUARED_CTF)
        all_counts = int(self._counts.sum())
        of_all = noise_spectrum_from_power(power.sum(dim=0), all_counts)
        spectra = [
            noise_spectrum_from_power(of_kind, int(count)) if count >= MINIMUM_IMAGES else of_all
            for of_kind, count in zip(power, self._counts, strict=True)
        ]
        return torch.stack(spectra).numpy() if len(spectra) > 1 else of_all.numpy()

    def _sum_of_squared_ctf(self, rows: np.ndarray) -> Tensor:  # (box, box // 2 + 1); ones for raw images
        box_size = self._table.box_size
        if self._table.image_processing[rows[0]] != PREMULTIPLIED:
            return torch.full((box_size, box_size // 2 + 1), float(len(rows)), dtype=torch.float64)
        parameters = ctf_parameters_of(self._table.take(rows))
        squared = ctf_half_spectra(parameters, box_size, self._table.pixel_size_in_angstroms).square()
        return squared.sum(dim=0).double()


def seen_through_mask(
    spectra: Tensor,  # (k, box, box // 2 + 1) float64
    mask: Tensor,  # (box, box) bool
) -> Tensor:  # (k, box // 2 + 1)
    """Ring means of power spectra as background_power sees them: convolved with the spectrum of the mask."""
    box_size = len(mask)
    of_mask = torch.fft.irfft2(torch.fft.rfft2(mask.double()).abs().square(), s=(box_size, box_size))
    covariances = torch.fft.irfft2(spectra, s=(box_size, box_size)) * of_mask / of_mask[0, 0]
    blurred = torch.fft.rfft2(covariances).real
    weights = half_spectrum_weights(box_size).double().expand(box_size, -1).flatten()
    rings = ring_indices(box_size).flatten()
    counts = torch.bincount(rings, weights)
    sums = torch.stack([torch.bincount(rings, one.flatten() * weights) for one in blurred])
    return (sums / counts)[:, : box_size // 2 + 1]
