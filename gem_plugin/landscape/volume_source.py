"""What a landscape is made from: latents of all particles, and a way to turn latents into maps or Gaussians."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from gem_plugin.gaussians.cloud import GaussianCloud

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class VolumeSource:
    """The latents of n particles and the decoder that knows what they mean."""

    latents: np.ndarray  # (n, latent_size) float32, in the row order of the particles
    box_size: int  # voxels along one side of every decoded map
    pixel_size_in_angstroms: float
    decode: Callable[[np.ndarray], Iterator[np.ndarray]]  # latents (k, latent_size) -> k maps zyx float32
    clouds_at: Callable[[np.ndarray], GaussianCloud] | None = None  # only for models made of Gaussians
    cloud_pixel_size_in_angstroms: float = (
        0.0  # of the grid that clouds are rendered on; --Apix does not change it
    )
    is_flipped: bool = False  # decoded maps are mirrored along z, clouds are not
    decoding_is_slow: bool = False  # then every map is decoded once and kept in a temporary file
    identity: str = ""  # changes whenever the decoder changes; decides what a re-run may reuse
    decode_for_files: Callable[[np.ndarray], Iterator[np.ndarray]] | None = None  # see maps_for_files
    decode_on_device: Callable[[np.ndarray], Iterator[Tensor]] | None = None  # see maps_on_device
    device: str = "cpu"  # where those lie

    @property
    def n_particles(self) -> int:
        return len(self.latents)

    def maps_for_files(self, latents: np.ndarray) -> Iterator[np.ndarray]:  # (k, latent_size) -> k maps
        """Maps that are looked at and compared with others: without aliasing, where the decoder knows how.

        The maps of `decode` are sums of the Gaussians over voxels, exact for the linear sums of the landscape and never negative.
        """
        return (self.decode_for_files or self.decode)(latents)

    def maps_on_device(self, latents: np.ndarray) -> Iterator[Tensor]:  # (k, latent_size) -> k maps
        """The maps of `decode`, left where they were decoded: copying them from a card takes longer than decoding them."""
        if self.decode_on_device is not None:
            return self.decode_on_device(latents)
        import torch

        return (torch.from_numpy(volume) for volume in self.decode(latents))
