"""A model that knows one structure, and images of molecules in known poses with a CTF and noise of variance 1."""

import torch
from scipy.spatial.transform import Rotation

from gem_plugin.gaussians.cloud import GaussianCloud, LengthUnit
from gem_plugin.gaussians.projection import project_gaussians
from gem_plugin.heterogeneity.observations import Observations
from gem_plugin.imaging.ctf import CtfParameters

BOX, PIXEL_SIZE = 32, 4.0
CTF_VALUES = (15_000.0, 14_000.0, 20.0, 0.0, 0.0, 1.0, 300.0, 2.7, 0.1)


class StaticModel:
    """Stands for a model that knows one structure."""

    def __init__(self, cloud: GaussianCloud):
        self.cloud = cloud

    def eval(self):
        return self

    def encoder(self, inputs):
        class Latents:
            means = inputs

        return Latents()

    def consensus(self):
        return self.cloud

    def cloud_in_pixels(self, latents):
        return self.cloud


class Inputs:
    """Encoder inputs that say nothing."""

    def batch(self, rows):
        return torch.zeros(len(rows), 1)


def long_molecule(generator: torch.Generator, n: int = 60) -> GaussianCloud:
    return GaussianCloud(
        torch.randn(n, 3, generator=generator) * torch.tensor([5.0, 3.0, 3.0]),
        8 * (torch.rand(n, generator=generator) + 0.5),
        torch.full((n,), 1.0),
        LengthUnit.PIXEL,
    )


def random_views(n: int, seed: int) -> torch.Tensor:  # (n, 3, 3)
    return torch.from_numpy(Rotation.random(n, random_state=seed).as_matrix()).float()


def with_moving_end(
    cloud: GaussianCloud, n: int, generator: torch.Generator, in_pixels: float = 2.0
) -> GaussianCloud:
    """n molecules of which the end at large x lies elsewhere in each, by so much along each axis."""
    is_end = cloud.positions[:, 0] > cloud.positions[:, 0].median()
    moves = in_pixels * torch.randn(n, 1, 3, generator=generator)
    return GaussianCloud(
        cloud.positions + is_end[:, None] * moves,
        cloud.amplitudes.expand(n, -1),
        cloud.widths,
        LengthUnit.PIXEL,
    )


def observe(
    images: torch.Tensor,  # (n, BOX, BOX) without CTF and noise
    given_views: torch.Tensor,  # (n, 3, 3)
    generator: torch.Generator,
) -> Observations:
    n = len(images)
    parameters = CtfParameters(*(torch.full((n,), value) for value in CTF_VALUES))
    zero, noise = torch.zeros(n, 2), torch.ones(BOX // 2 + 1)
    without = Observations(images.numpy(), given_views, zero, parameters, noise, PIXEL_SIZE)
    transfers = without.ctf_half_spectra(torch.arange(n))
    seen = torch.fft.irfft2(torch.fft.rfft2(images) * transfers, s=(BOX, BOX))
    seen = seen + torch.randn(seen.shape, generator=generator)
    observations = Observations(seen.numpy(), given_views, zero, parameters, noise, PIXEL_SIZE)
    observations.keep_in_memory()
    return observations


def project(cloud: GaussianCloud, views: torch.Tensor) -> torch.Tensor:
    return project_gaussians(cloud, views, BOX)
