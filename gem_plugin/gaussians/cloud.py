"""The molecule: a cloud of isotropic 3D Gaussians."""

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class GaussianCloud:
    """n Gaussians, or a batch of clouds with the same n. An amplitude is the integral of its Gaussian."""

    positions_in_angstroms: Tensor  # (n, 3) or (batch, n, 3), ordered xyz, relative to the rotation centre
    amplitudes: Tensor  # (n,) or (batch, n)
    widths_in_angstroms: Tensor  # (n,) or (batch, n), standard deviation

    def __len__(self) -> int:
        return self.positions_in_angstroms.shape[-2]
