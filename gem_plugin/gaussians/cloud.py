"""The molecule: a cloud of isotropic 3D Gaussians, in Angstrom or in pixels. The only place where one becomes the other."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from typing import TYPE_CHECKING

from gem_plugin.errors import InputError

if TYPE_CHECKING:
    from torch import Tensor


class LengthUnit(Enum):
    """What the positions and widths of a cloud are measured in."""

    ANGSTROM = "angstrom"
    PIXEL = "pixel"  # of the images or maps that the cloud belongs to


@dataclass(frozen=True)
class GaussianCloud:
    """n Gaussians, or a batch of clouds with the same n. An amplitude is the integral of its Gaussian."""

    positions: Tensor  # (n, 3) or (batch, n, 3), ordered xyz, relative to the rotation centre
    amplitudes: Tensor  # (n,) or (batch, n)
    widths: Tensor  # (n,) or (batch, n), standard deviation
    unit: LengthUnit = LengthUnit.ANGSTROM  # of positions and widths

    def __len__(self) -> int:
        return self.positions.shape[-2]

    def in_pixels(self, pixel_size_in_angstroms: float | None = None) -> GaussianCloud:
        """The same cloud in pixels of this size; a cloud that is in pixels already needs no size and stays as it is."""
        if self.unit is LengthUnit.PIXEL:
            return self
        size = _checked(pixel_size_in_angstroms, "Angstrom", "pixels")
        return replace(
            self, positions=self.positions / size, widths=self.widths / size, unit=LengthUnit.PIXEL
        )

    def in_angstroms(self, pixel_size_in_angstroms: float | None = None) -> GaussianCloud:
        """The same cloud in Angstrom; a cloud that is in Angstrom already stays as it is."""
        if self.unit is LengthUnit.ANGSTROM:
            return self
        size = _checked(pixel_size_in_angstroms, "pixels", "Angstrom")
        return replace(
            self, positions=self.positions * size, widths=self.widths * size, unit=LengthUnit.ANGSTROM
        )


def _checked(pixel_size_in_angstroms: float | None, given: str, needed: str) -> float:
    if pixel_size_in_angstroms is None or not pixel_size_in_angstroms > 0:
        raise InputError(
            f"The cloud of Gaussians is in {given} and is needed in {needed}; expected a positive pixel size in Angstrom "
            f"to convert it, got {pixel_size_in_angstroms}. Give pixel_size_in_angstroms."
        )
    return pixel_size_in_angstroms
