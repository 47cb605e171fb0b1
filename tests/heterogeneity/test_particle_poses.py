"""The poses of a training: found again after planted errors, kept where they are right, without net movement, saved and restored."""

import math

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation
from static_model import (
    BOX,
    Inputs,
    StaticModel,
    long_molecule,
    observe,
    project,
    random_views,
    with_moving_end,
)

from gem_plugin.heterogeneity import particle_poses, pose_refinement
from gem_plugin.heterogeneity.particle_poses import ParticlePoses, is_pose_epoch, movement_in_pixels
from gem_plugin.heterogeneity.pose_refinement import PosePrior
from gem_plugin.heterogeneity.workers import Workers
from gem_plugin.imaging.fourier import shift_images

N = 400
ANGLE, SHIFT = math.radians(4.0), 0.5  # planted errors: about each axis, pixels along each


def all_of_model(rows, losses):
    return torch.ones(len(rows))


def make(angle=ANGLE, shift=SHIFT, seed=0):
    """A model, observations whose given poses are off, and the true errors (rotation vectors of the molecule, shifts)."""
    generator = torch.Generator().manual_seed(seed)
    cloud, true = long_molecule(generator), random_views(N, seed)
    vectors = angle * torch.randn(N, 3, generator=generator)
    shifts = shift * torch.randn(N, 2, generator=generator)
    undo = torch.from_numpy(Rotation.from_rotvec(-vectors.double().numpy()).as_matrix()).float()
    observations = observe(shift_images(project(cloud, true), shifts), true @ undo, generator)
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


@pytest.mark.parametrize(("angle", "shift", "all_are_looked_at"), [(0.0, 0.0, False), (ANGLE, SHIFT, True)])
def test_a_first_look_ends_a_pass_where_poses_are_right_and_no_other(
    angle, shift, all_are_looked_at, monkeypatch
):
    monkeypatch.setattr(particle_poses, "PARTICLES_OF_FIRST_LOOK", N // 4)
    looked_at = []
    information = ParticlePoses._information

    def noted(self, rows, *arguments, parts=None):
        if parts is None and len(rows):
            looked_at.append(len(rows))
        return information(self, rows, *arguments, parts=parts)

    monkeypatch.setattr(ParticlePoses, "_information", noted)
    model, observations, _, _ = make(angle, shift)
    poses, _ = refined(model, observations, passes=2)
    assert poses.prior.is_zero != all_are_looked_at
    assert looked_at == 2 * ([N // 4, N - N // 4] if all_are_looked_at else [N // 4])


def test_motion_that_the_model_does_not_know_is_not_taken_for_poses():
    generator = torch.Generator().manual_seed(3)
    cloud, views = long_molecule(generator), random_views(N, 3)
    images = project(with_moving_end(cloud, N, generator), views)
    poses, spread = refined(StaticModel(cloud), observe(images, views, generator), passes=1)
    assert spread.evidence_in_nats > 1  # free poses would explain some of it
    assert poses.prior.is_zero
    assert not poses.are_moved


def test_poses_are_found_beside_motion_that_the_model_does_not_know():
    """Errors of the poses that explain most of what does not fit."""
    generator = torch.Generator().manual_seed(3)
    cloud, true = long_molecule(generator), random_views(N, 3)
    moving = with_moving_end(cloud, N, generator, in_pixels=0.3)
    vectors = ANGLE * torch.randn(N, 3, generator=generator)
    undo = torch.from_numpy(Rotation.from_rotvec(-vectors.double().numpy()).as_matrix()).float()
    _, spread = refined(StaticModel(cloud), observe(project(moving, true), true @ undo, generator))
    assert spread.angle_in_degrees == pytest.approx(math.degrees(ANGLE), rel=0.25)


def test_errors_larger_than_is_believed_are_left_alone(monkeypatch):
    monkeypatch.setattr(pose_refinement, "MAXIMUM_ANGLE_VARIANCE", (ANGLE / 2) ** 2)
    model, observations, *_ = make()
    poses, spread = refined(model, observations, passes=1)
    assert spread.evidence_in_nats > 1
    assert not poses.are_moved


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


def test_the_movement_of_poses_is_that_of_random_ones():
    generator = torch.Generator().manual_seed(0)
    positions = torch.randn(50, 3, generator=generator) * torch.tensor([8.0, 5.0, 2.0])
    positions = positions - positions.mean(0)
    prior = PosePrior(0.02**2, 0.3**2)
    omega = 0.02 * torch.randn(20_000, 3, generator=generator)
    views = torch.linalg.qr(torch.randn(20_000, 3, 3, generator=generator)).Q[:, :2]
    moved = torch.linalg.cross(omega[:, None].expand(-1, 50, 3), positions.expand(20_000, 50, 3))
    in_image = torch.einsum("bij,bnj->bni", views, moved) + 0.3 * torch.randn(
        20_000, 1, 2, generator=generator
    )
    expected = float(in_image.square().sum(2).mean().sqrt())
    assert movement_in_pixels(prior, positions + 7) == pytest.approx(expected, rel=0.02)


@pytest.mark.parametrize(
    ("moves_in_pixels", "turns", "are_poses_off"), [(3.0, 0.0, False), (0.0, ANGLE, True), (0.3, ANGLE, True)]
)
def test_whether_parts_move_is_said_by_few_particles_where_it_is_clear(
    moves_in_pixels, turns, are_poses_off, monkeypatch
):
    """And all that follow are left out: of parts always, of poses where they are right."""
    n_first, n_parts = N // 2, N // 4
    monkeypatch.setattr(particle_poses, "PARTICLES_OF_FIRST_LOOK", n_first)
    monkeypatch.setattr(particle_poses, "PARTICLES_OF_FIRST_LOOK_AT_PARTS", n_parts)
    looked_at = {"poses": 0, "parts": 0}
    information = ParticlePoses._information

    def noted(self, rows, *arguments, parts=None):
        looked_at["poses" if parts is None else "parts"] += len(rows)
        return information(self, rows, *arguments, parts=parts)

    monkeypatch.setattr(ParticlePoses, "_information", noted)
    generator = torch.Generator().manual_seed(3)
    cloud, true = long_molecule(generator), random_views(N, 3)
    moving = with_moving_end(cloud, N, generator, in_pixels=moves_in_pixels) if moves_in_pixels else cloud
    vectors = turns * torch.randn(N, 3, generator=generator)
    undo = torch.from_numpy(Rotation.from_rotvec(-vectors.double().numpy()).as_matrix()).float()
    poses, _ = refined(StaticModel(cloud), observe(project(moving, true), true @ undo, generator), passes=1)
    assert poses.prior.is_zero != are_poses_off
    assert looked_at == {"poses": N if are_poses_off else n_first, "parts": n_parts}
