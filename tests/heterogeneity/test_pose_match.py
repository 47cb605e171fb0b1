"""A map matches its particles in their own poses, and neither in those of others nor turned into its mirror image."""

import dataclasses
import math

import pytest
import torch
from scipy.spatial.transform import Rotation

from gem_plugin.gaussians.cloud import GaussianCloud, LengthUnit
from gem_plugin.gaussians.projection import project_gaussians
from gem_plugin.heterogeneity.observations import Observations
from gem_plugin.heterogeneity.pose_match import PoseMatch, match_poses
from gem_plugin.imaging.ctf import CtfParameters

BOX, N_PARTICLES = 24, 60
CTF_VALUES = (15_000.0, 15_000.0, 0.0, 0.0, 0.0, 1.0, 300.0, 2.7, 0.1)


def molecule() -> GaussianCloud:
    positions = 3 * torch.randn(30, 3, generator=torch.Generator().manual_seed(5))
    return GaussianCloud(positions, torch.full((30,), 12.0), torch.full((30,), 0.9), LengthUnit.PIXEL)


def particles() -> Observations:
    """Noisy images of the molecule."""
    rotations = torch.tensor(Rotation.random(N_PARTICLES, random_state=1).as_matrix(), dtype=torch.float32)
    ctf = CtfParameters(*(torch.full((N_PARTICLES,), value) for value in CTF_VALUES))
    observations = Observations(
        torch.zeros(N_PARTICLES, BOX, BOX).numpy(),
        rotations,
        torch.zeros(N_PARTICLES, 2),
        ctf,
        torch.ones(BOX // 2 + 1),
        5.0,
    )
    spectra = torch.fft.rfft2(project_gaussians(molecule(), rotations, BOX))
    clean = torch.fft.irfft2(spectra * observations.ctf_half_spectra(torch.arange(N_PARTICLES)), s=(BOX, BOX))
    noise = torch.randn(clean.shape, generator=torch.Generator().manual_seed(2))
    observations.raw_images = (clean + noise).numpy()
    return observations


def match(cloud: GaussianCloud, observations: Observations, n: int = N_PARTICLES) -> PoseMatch:
    return match_poses(cloud, observations, torch.arange(n), torch.Generator().manual_seed(0))


def test_the_right_map_matches_in_its_own_poses() -> None:
    found = match(molecule(), particles())
    assert found.own_over_others > 5
    assert found.own > found.of_others
    assert found.flipped_over_own < 0


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_the_mirror_image_of_a_map_is_known_by_its_axis(axis: int) -> None:
    cloud = molecule()
    positions = cloud.positions.clone()
    positions[:, axis] *= -1
    found = match(dataclasses.replace(cloud, positions=positions), particles())
    assert found.flipped_axis == "xyz"[axis]
    assert found.flipped_over_own > 5


def test_poses_of_other_particles_do_not_match() -> None:
    observations = particles()
    observations.rotation_matrices = observations.rotation_matrices.roll(7, 0)
    assert match(molecule(), observations).own_over_others < 3


def test_poses_that_are_all_alike_are_no_better_than_those_of_others() -> None:
    observations = particles()
    observations.rotation_matrices = torch.eye(3).expand(N_PARTICLES, 3, 3)
    assert match(molecule(), observations).own_over_others == 0


def test_a_handful_of_particles_tells_nothing() -> None:
    found = match(molecule(), particles(), n=3)
    assert math.isnan(found.own_over_others)
    assert math.isnan(found.flipped_over_own)
