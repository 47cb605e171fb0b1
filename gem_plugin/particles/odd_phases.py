"""Odd phases taken off the images of a table: factors are computed once for each different optics."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

import numpy as np

from gem_plugin.particles.optics import Optics
from gem_plugin.particles.table import ParticleTable

if TYPE_CHECKING:
    from torch import Tensor

MAXIMUM_BYTES_KEPT = 2**26  # of factors, where nearly every particle has optics of its own
BYTES_PER_FACTOR = 8


class OddPhaseRemoval:
    """Takes the removed_odd_zernike of the optics off images on one grid; what `before` says was taken off already."""

    def __init__(
        self, optics: Optics, box_size: int, pixel_size_in_angstroms: float, before: Optics | None = None
    ) -> None:
        self._optics, self._before = optics, before
        self._box_size, self._pixel_size = box_size, pixel_size_in_angstroms
        self._lock = threading.Lock()
        self._kept: OrderedDict[int, Tensor] = OrderedDict()
        self._n_kept = max(1, MAXIMUM_BYTES_KEPT // (BYTES_PER_FACTOR * box_size * (box_size // 2 + 1)))
        self.has_effect = not _removes_the_same(optics, before)

    def corrected(
        self,
        images: Tensor,  # (batch, box, box)
        optics_rows: np.ndarray,  # (batch,): which optics each image has
    ) -> Tensor:
        """The images without their odd phases."""
        if not self.has_effect or not len(images):
            return images
        import torch  # most images need none of this

        from gem_plugin.imaging.odd_phases import multiply_spectra

        numbers, which = np.unique(optics_rows, return_inverse=True)
        with self._lock:  # of the factors that are kept
            factors = torch.stack([self._factor(int(number)) for number in numbers])
        return multiply_spectra(images, factors[torch.from_numpy(which.reshape(-1))])

    def _factor(self, number: int) -> Tensor:  # (box, box // 2 + 1)
        if number not in self._kept:
            factor = self._factor_of(self._optics, number)
            if self._before is not None:
                factor = factor * self._factor_of(self._before, number).conj()
            self._kept[number] = factor
            if len(self._kept) > self._n_kept:
                self._kept.popitem(last=False)
        self._kept.move_to_end(number)
        return self._kept[number]

    def _factor_of(self, optics: Optics, number: int) -> Tensor:
        import torch

        from gem_plugin.imaging.odd_phases import odd_phase_factors

        coefficients = torch.from_numpy(optics.removed_odd_zernike[number : number + 1]).double()
        magnification = torch.from_numpy(optics.magnification[number : number + 1]).double()
        return odd_phase_factors(coefficients, magnification, self._box_size, self._pixel_size)[0]


def _removes_the_same(optics: Optics, before: Optics | None) -> bool:
    if before is None:
        return not optics.removed_odd_zernike.any()
    if not np.array_equal(optics.removed_odd_zernike, before.removed_odd_zernike):
        return False
    return not optics.removed_odd_zernike.any() or np.array_equal(optics.magnification, before.magnification)


class ImagesWithPhasesChanged:
    """Prepared images seen with other odd phases removed than those that prepare took off."""

    def __init__(self, images: Any, removal: OddPhaseRemoval, optics_rows: np.ndarray) -> None:
        self._images, self._removal, self._optics_rows = images, removal, optics_rows
        self.shape = images.shape

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: Any) -> np.ndarray:
        import torch

        images = np.asarray(self._images[rows])
        stack = torch.from_numpy(np.array(images, dtype=np.float32).reshape(-1, *self.shape[1:]))
        corrected = self._removal.corrected(stack, np.atleast_1d(self._optics_rows[rows]))
        return corrected.numpy().reshape(images.shape)


def without_odd_phases(
    table: ParticleTable,  # with the optics that the images are to be seen with
    images: Any,  # (n, box, box) array-like, one for each row of the table
    before: Optics,  # those with which prepare made them
) -> Any:
    """The images themselves where prepare removed the right phases."""
    removal = OddPhaseRemoval(table.optics, table.box_size, table.pixel_size_in_angstroms, before)
    return ImagesWithPhasesChanged(images, removal, table.optics_rows) if removal.has_effect else images
