"""A few particles that own several random images each, and the same images as particles of their own."""

from typing import NamedTuple

import numpy as np
import torch

from gem_plugin.gaussians.cloud import GaussianCloud, LengthUnit
from gem_plugin.heterogeneity.image_owners import ImagesOfParticles
from gem_plugin.heterogeneity.observations import Observations
from gem_plugin.imaging.ctf import CtfParameters

BOX, PIXEL_SIZE, N_GAUSSIANS = 24, 3.0, 60
COUNTS = np.array([1, 7, 3, 20, 2])


class OwnedImages(NamedTuple):
    of_particles: Observations
    of_images: Observations
    owner: torch.Tensor  # (images,)
    cloud: GaussianCloud  # one for each particle, in pixels


def owned_images(counts: np.ndarray = COUNTS, order: np.ndarray | None = None) -> OwnedImages:
    """`order` puts the images of the set into another order before they are given out; owners follow."""
    generator = torch.Generator().manual_seed(0)
    n_images = int(counts.sum())
    stack = torch.randn(n_images, BOX, BOX, generator=generator).numpy()
    rotations = torch.linalg.qr(torch.randn(n_images, 3, 3, generator=generator)).Q
    shifts = torch.randn(n_images, 2, generator=generator)
    defocus = 10_000 + 20_000 * torch.rand(n_images, generator=generator)
    levels = 0.5 + torch.rand(n_images, generator=generator)
    doses = 100 * torch.rand(n_images, generator=generator)
    order = np.arange(n_images) if order is None else order
    others = (torch.full((n_images,), value) for value in (0.0, 0.0, 0.0, 1.0, 300.0, 2.7, 0.1))
    ctf = CtfParameters(defocus[order], defocus[order], *others, doses=doses[order])

    def observations(owned: ImagesOfParticles | None) -> Observations:
        return Observations(
            stack[order],
            rotations[order],
            shifts[order],
            ctf,
            1 + torch.linspace(1, 0, BOX // 2 + 1),
            PIXEL_SIZE,
            noise_levels=levels[order],
            owned=owned,
        )

    n = len(counts)
    cloud = GaussianCloud(
        4 * torch.randn(n, N_GAUSSIANS, 3, generator=generator),
        torch.rand(n, N_GAUSSIANS, generator=generator) + 0.5,
        torch.full((N_GAUSSIANS,), 0.7),
        LengthUnit.PIXEL,
    )
    first = np.concatenate([[0], np.cumsum(counts)])
    owner = torch.from_numpy(np.repeat(np.arange(n), counts))
    return OwnedImages(observations(ImagesOfParticles(first)), observations(None), owner, cloud)
