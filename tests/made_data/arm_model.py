"""A molecule with one arm that turns: the truth for the tests of the landscape. No training, no files."""

from collections.abc import Iterator

import numpy as np
import torch

from gem_plugin.gaussians.cloud import GaussianCloud
from gem_plugin.gaussians.volume import render_volumes
from gem_plugin.landscape.volume_source import VolumeSource

BOX_SIZE = 24
PIXEL_SIZE_IN_ANGSTROMS = 4.0
ARM_LENGTH_IN_ANGSTROMS = 32.0


class ArmModel:
    """A ball with an arm in the xy plane; the latents (cos a, sin a) tell its angle."""

    latent_size = 2
    box_size = BOX_SIZE
    pixel_size_in_angstroms = PIXEL_SIZE_IN_ANGSTROMS

    def gaussians_at(self, latents: torch.Tensor) -> GaussianCloud:  # (batch, 2)
        generator = torch.Generator().manual_seed(5)
        body = torch.randn(60, 3, generator=generator) * 7
        along = torch.linspace(10, ARM_LENGTH_IN_ANGSTROMS, 30)
        angles = torch.atan2(latents[:, 1], latents[:, 0])  # (batch,)
        directions = torch.stack([torch.cos(angles), torch.sin(angles), torch.zeros(len(angles))], dim=1)
        arms = directions[:, None, :] * along[None, :, None]  # (batch, 30, 3)
        positions = torch.cat([body.expand(len(latents), -1, -1), arms], dim=1)
        amplitudes = torch.linspace(0.8, 1.2, positions.shape[1]).expand(len(latents), -1)
        widths = torch.full((positions.shape[1],), 3.4)
        return GaussianCloud(positions.float(), amplitudes, widths)


def ring_latents(n_particles: int, seed: int = 0) -> np.ndarray:  # (n, 2) float32
    """Points near the unit circle, evenly spread."""
    generator = np.random.default_rng(seed)
    angles = generator.uniform(0, 2 * np.pi, n_particles)
    points = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    return (points * generator.normal(1, 0.05, (n_particles, 1))).astype(np.float32)


def arm_source(latents: np.ndarray, box_size: int = BOX_SIZE, flip: bool = False) -> VolumeSource:
    """The model as a source of maps."""
    model = ArmModel()
    pixel_size = PIXEL_SIZE_IN_ANGSTROMS * BOX_SIZE / box_size

    def clouds_at(some_latents: np.ndarray) -> GaussianCloud:
        return model.gaussians_at(torch.as_tensor(np.array(some_latents)))

    def decode(some_latents: np.ndarray) -> Iterator[np.ndarray]:
        for start in range(len(some_latents)):
            volume = render_volumes(clouds_at(some_latents[start : start + 1]), box_size, pixel_size)[
                0
            ].numpy()
            yield volume[::-1].copy() if flip else volume

    identity = f"arm {box_size} {flip}"
    return VolumeSource(latents, box_size, pixel_size, decode, clouds_at, pixel_size, flip, identity=identity)
