"""Particles that own tilt images of one structure, or of several, with given poses that are off by a rotation and a shift of the molecule."""

from typing import NamedTuple

import numpy as np
import torch
from scipy.spatial.transform import Rotation
from static_model import BOX, CTF_VALUES, PIXEL_SIZE, project, random_views

from gem_plugin.gaussians.cloud import GaussianCloud
from gem_plugin.heterogeneity.image_owners import ImagesOfParticles, clouds_of_images
from gem_plugin.heterogeneity.observations import Observations
from gem_plugin.imaging.ctf import CtfParameters
from gem_plugin.imaging.fourier import shift_images


class TiltedMolecules(NamedTuple):
    observations: Observations
    true_views: torch.Tensor  # (images, 3, 3)
    true_shifts: torch.Tensor  # (images, 2) pixels: how far the molecule lies from the centre of each image


def tilted_molecules(
    cloud: GaussianCloud,  # one, or one for each particle, in pixels
    vectors: torch.Tensor,  # (n, 3): refined view = given view exp([v]x)
    shifts: torch.Tensor,  # (n, 3) pixels, along the axes of the map in its given pose
    generator: torch.Generator,
    seed: int = 0,
    noise: float = 1.0,
) -> TiltedMolecules:
    """Particles have 3 to 9 tilts of -40 to 40 degrees."""
    n = len(vectors)
    tilts = Rotation.from_euler("y", np.arange(-40, 41, 10)[:, None], degrees=True).as_matrix()
    counts = np.array([3 + row % 7 for row in range(n)])
    which = np.concatenate(
        [np.random.default_rng(row).permutation(9)[:count] for row, count in enumerate(counts)]
    )
    owned = ImagesOfParticles(np.concatenate([[0], np.cumsum(counts)]))
    images, owners = owned.of(torch.arange(n))
    given = torch.from_numpy(tilts[which]).float() @ random_views(n, seed)[owners.particles]
    changes = torch.from_numpy(Rotation.from_rotvec(vectors.double().numpy()).as_matrix()).float()
    true_views = given @ changes[owners.particles]
    true_shifts = (given[:, :2] @ shifts[owners.particles][..., None])[..., 0]
    plain = shift_images(project(clouds_of_images(cloud, owners), true_views), true_shifts)
    parameters = CtfParameters(*(torch.full((len(images),), value) for value in CTF_VALUES))
    zero, white = torch.zeros(len(images), 2), torch.ones(BOX // 2 + 1)
    without = Observations(plain.numpy(), given, zero, parameters, white, PIXEL_SIZE)
    seen = torch.fft.irfft2(torch.fft.rfft2(plain) * without.ctf_half_spectra(images), s=(BOX, BOX))
    seen = seen + noise * torch.randn(seen.shape, generator=generator)
    observations = Observations(seen.numpy(), given, zero, parameters, white, PIXEL_SIZE, owned=owned)
    observations.keep_in_memory()
    return TiltedMolecules(observations, true_views, true_shifts)
