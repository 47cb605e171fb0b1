"""Images of a model whose latents are known."""

import torch
from scipy.spatial.transform import Rotation

from gem_plugin.gaussians.cloud import GaussianCloud, LengthUnit
from gem_plugin.gaussians.projection import project_gaussians
from gem_plugin.heterogeneity.decoders.base import CloudChange, Decoder
from gem_plugin.heterogeneity.model import HeterogeneityModel
from gem_plugin.heterogeneity.observations import MatchedBatch

BOX = 24


class StraightMotion(Decoder):
    """The first latent moves half of the Gaussians along x, the second makes the others brighter; the third does nothing."""

    def __init__(self, n_gaussians: int) -> None:
        super().__init__()
        self.n_gaussians, self.latent_size = n_gaussians, 3
        self.register_buffer("moves", (torch.arange(n_gaussians) % 2).float())

    def forward(self, latents):
        displacements = torch.zeros(len(latents), self.n_gaussians, 3)
        displacements[..., 0] = 2 * latents[:, :1] * self.moves
        return CloudChange(displacements, latents[:, 1:2] * (1 - self.moves) * 0.3, None)

    def gaussian_features(self):
        return self.moves[:, None]


def make_particles(n=16, noise=0.0, seed=0):
    generator = torch.Generator().manual_seed(seed)
    positions = torch.randn(40, 3, generator=generator) * 4
    cloud = GaussianCloud(positions, torch.full((40,), 5.0), torch.full((40,), 0.9), LengthUnit.PIXEL)
    model = HeterogeneityModel(cloud, StraightMotion(40), None, None, BOX, 2.0).eval()
    latents = torch.randn(n, 3, generator=generator) * 0.7
    latents[:, 2] = 0
    rotations = torch.tensor(Rotation.random(n, random_state=seed).as_matrix(), dtype=torch.float32)
    filters = torch.ones(n, BOX, BOX // 2 + 1)
    with torch.no_grad():
        images = project_gaussians(model.cloud_in_pixels(latents), rotations, BOX)
    images = images + noise * torch.randn(images.shape, generator=generator)
    return model, MatchedBatch(images, filters, rotations), latents
