"""The poses of a training: found again after planted errors, kept where they are right, without net movement, saved and restored."""

import math

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from gem_plugin.gaussians.cloud import GaussianCloud, LengthUnit
from gem_plugin.gaussians.projection import project_gaussians
from gem_plugin.heterogeneity.observations import Observations
from gem_plugin.heterogeneity.particle_poses import ParticlePoses, is_pose_epoch
from gem_plugin.heterogeneity.pose_refinement import PosePrior
from gem_plugin.heterogeneity.workers import Workers
from gem_plugin.imaging.ctf import CtfParameters
from gem_plugin.imaging.fourier import shift_images

N, BOX, PIXEL_SIZE = 400, 32, 4.0
CTF_VALUES = (15_000.0, 14_000.0, 20.0, 0.0, 0.0, 1.0, 300.0, 2.7, 0.1)
ANGLE, SHIFT = math.radians(4.0), 0.5  # planted errors: about each axis, pixels along each


class StaticModel:
    """Stands for a model that knows one structure."""

    def __init__(self, cloud):
        self.cloud = cloud

    def eval(self):
        return self

    def encoder(self, inputs):
        class Latents:
            means = inputs

        return Latents()

    def cloud_in_pixels(self, latents):
        return self.cloud


class Inputs:
    def batch(self, rows):
        return torch.zeros(len(rows), 1)


def all_of_model(rows, losses):
    return torch.ones(len(rows))


def make(angle=ANGLE, shift=SHIFT, seed=0):
    """A model, observations whose given poses are off, and the true errors (rotation vectors of the molecule, shifts)."""
    generator = torch.Generator().manual_seed(seed)
    cloud = GaussianCloud(
        torch.randn(60, 3, generator=generator) * torch.tensor([5.0, 3.0, 3.0]),
        8 * (torch.rand(60, generator=generator) + 0.5),
        torch.full((60,), 1.0),
        LengthUnit.PIXEL,
    )
    true = torch.from_numpy(Rotation.random(N, random_state=seed).as_matrix()).float()
    vectors = angle * torch.randn(N, 3, generator=generator)
    shifts = shift * torch.randn(N, 2, generator=generator)
    images = shift_images(project_gaussians(cloud, true, BOX), shifts)
    parameters = CtfParameters(*(torch.full((N,), value) for value in CTF_VALUES))
    zero, noise = torch.zeros(N, 2), torch.ones(BOX // 2 + 1)
    transfer = Observations(images.numpy(), true, zero, parameters, noise, PIXEL_SIZE).ctf_half_spectra(
        torch.arange(N)
    )
    seen = torch.fft.irfft2(torch.fft.rfft2(images) * transfer, s=(BOX, BOX))
    seen = seen + torch.randn(seen.shape, generator=generator)
    undo = torch.from_numpy(Rotation.from_rotvec(-vectors.double().numpy()).as_matrix()).float()
    observations = Observations(seen.numpy(), true @ undo, zero, parameters, noise, PIXEL_SIZE)
    observations.keep_in_memory()
    return StaticModel(cloud), observations, true, shifts


def refined(model, observations, passes=4):
    poses = ParticlePoses(observations, Workers(), "auto")
    for _ in range(passes):
        spread = poses.refine(model, Inputs(), torch.arange(N), all_of_model, 0.0)
    return poses, spread


def angles_between(first, second):
    return np.degrees(Rotation.from_matrix((first.transpose(1, 2) @ second).numpy()).magnitude())


@pytest.fixture(scope="module")
def found():
    model, observations, true, shifts = make()
    before = angles_between(observations.rotation_matrices, true)
    poses, spread = refined(model, observations)
    return poses, spread, observations, true, shifts, before


def test_planted_errors_are_found_and_the_prior_has_their_widths(found):
    _, spread, observations, true, shifts, before = found
    after = angles_between(observations.rotation_matrices, true)
    assert np.sqrt((after**2).mean()) < 0.5 * np.sqrt((before**2).mean())
    left = observations.shifts_in_pixels + shifts
    assert float(left.square().mean().sqrt()) < 0.4 * SHIFT
    assert spread.angle_in_degrees == pytest.approx(math.degrees(ANGLE), rel=0.15)
    assert spread.shift_in_pixels == pytest.approx(SHIFT, rel=0.15)


def test_images_in_memory_are_centred_again(found):
    _, _, observations, _, _shifts, _ = found
    rows = torch.arange(8)
    kept = observations.batch(rows).images
    observations._matched, cached = None, observations._matched
    torch.testing.assert_close(observations.batch(rows).images, kept)
    observations._matched = cached


def test_there_is_no_net_rotation_and_no_net_shift_of_the_molecule(found):
    poses, _, observations, *_ = found
    assert float(poses.offsets[:, :3].mean(0).abs().max()) < 1e-5
    views = observations.given_rotation_matrices[:, :2].reshape(-1, 3).double()
    common = torch.linalg.lstsq(views, poses.offsets[:, 3:].reshape(-1, 1).double()).solution
    assert float(common.abs().max()) < 1e-5


def test_the_state_restores_poses_and_prior(found):
    poses, _, observations, *_ = found
    _model, other, *_ = make()
    restored = ParticlePoses(other, Workers(), "auto")
    restored.load_state(poses.state())
    assert restored.prior == poses.prior
    assert torch.equal(restored.costs(torch.arange(5)), poses.costs(torch.arange(5)))
    torch.testing.assert_close(other.rotation_matrices, observations.rotation_matrices)
    torch.testing.assert_close(other.shifts_in_pixels, observations.shifts_in_pixels)
    restored.load_state({})  # of a run without refined poses: nothing to restore


def test_right_poses_stay_bit_for_bit():
    model, observations, *_ = make(angle=0.0, shift=0.0)
    poses, spread = refined(model, observations, passes=2)
    assert poses.prior.is_zero
    assert not poses.are_moved
    assert observations.rotation_matrices is observations.given_rotation_matrices
    assert spread.evidence_in_nats < 0.2


def test_poses_that_turn_out_to_be_right_go_back(found):
    model, observations, *_ = make(angle=0.0, shift=0.0)
    poses = ParticlePoses(observations, Workers(), "auto")
    poses.offsets = 0.02 * torch.randn(N, 5, generator=torch.Generator().manual_seed(1))
    poses.prior = PosePrior(0.02**2, 0.02**2)
    poses._move()
    poses.refine(model, Inputs(), torch.arange(N), all_of_model, 0.0)
    assert not poses.are_moved
    torch.testing.assert_close(observations.rotation_matrices, observations.given_rotation_matrices)


def test_a_pose_that_runs_away_is_held_and_marked():
    _model, observations, *_ = make()
    poses = ParticlePoses(observations, Workers(), "auto")
    poses.prior = PosePrior(0.01**2, 0.1**2)
    held = poses._limited(torch.tensor([[0.3, 0, 0, 0, 0], [0.01, 0, 0, 0.1, 0.0]]))
    assert float(held[0, 0]) == pytest.approx(0.05)
    assert torch.equal(held[1], torch.tensor([0.01, 0, 0, 0.1, 0.0]))
    poses.offsets[:2] = held
    assert poses.is_capped[:2].tolist() == [True, False]


def test_junk_is_not_believed():
    model, observations, *_ = make(angle=0.0, shift=0.0)
    noise = torch.randn(N, BOX, BOX, generator=torch.Generator().manual_seed(5)).numpy()
    observations.raw_images = np.where(
        (np.arange(N) % 5 == 0)[:, None, None], 6 * noise, observations.raw_images
    )
    observations.keep_in_memory()
    poses = ParticlePoses(observations, Workers(), "auto")
    weights = (torch.arange(N) % 5 != 0).float()
    poses.refine(model, Inputs(), torch.arange(N), lambda rows, losses: weights[rows], 0.0)
    assert poses.prior.is_zero


def test_passes_are_many_at_the_start_and_end_before_the_training_does():
    epochs = [epoch for epoch in range(25) if is_pose_epoch(epoch, 25)]
    assert epochs[:3] == [0, 1, 2]
    assert len(epochs) == 11
    assert max(epochs) < 24
    assert [epoch for epoch in range(2) if is_pose_epoch(epoch, 2)] == [0, 1]


def test_right_poses_cost_nothing():
    _, observations, *_ = make(angle=0.0, shift=0.0)
    poses = ParticlePoses(observations, Workers(), "auto")
    assert poses.costs(torch.arange(2)) == 0.0
