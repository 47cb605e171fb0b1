"""Poses of particles that own several images: sums of their derivatives, planted errors found again, right poses left alone."""

import math

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation
from static_model import BOX, Inputs, StaticModel, long_molecule, with_moving_end
from tilted_molecules import tilted_molecules

from gem_plugin.gaussians.cloud import GaussianCloud, LengthUnit
from gem_plugin.gaussians.projection_reference import project_reference
from gem_plugin.heterogeneity.image_owners import ImageOwners
from gem_plugin.heterogeneity.losses.image import ImageAgreement, error_of_agreement, image_agreement
from gem_plugin.heterogeneity.observations import MatchedBatch
from gem_plugin.heterogeneity.particle_poses import ParticlePoses
from gem_plugin.heterogeneity.pose_refinement import PosePrior
from gem_plugin.heterogeneity.tilt_series_poses import TiltSeriesPoses, poses_for, terms_of_particles
from gem_plugin.heterogeneity.workers import Workers

N = 150
ANGLE, SHIFT = math.radians(4.0), 0.5  # planted errors: about each axis, pixels along each
COUNTS = torch.tensor([4, 1, 6])


def matrices(vectors: torch.Tensor) -> torch.Tensor:  # (n, 3) -> (n, 3, 3)
    return torch.from_numpy(Rotation.from_rotvec(vectors.double().numpy()).as_matrix())


class Summed:
    """Three particles of several random images, and their loss by a plain reference in double precision."""

    def __init__(self) -> None:
        generator = torch.Generator().manual_seed(1)
        n_images = int(COUNTS.sum())
        self.owner = torch.arange(len(COUNTS)).repeat_interleave(COUNTS)
        self.cloud = GaussianCloud(
            4 * torch.randn(len(COUNTS), 40, 3, generator=generator),
            torch.rand(len(COUNTS), 40, generator=generator) + 0.5,
            torch.full((40,), 1.3),
            LengthUnit.PIXEL,
        )
        views = torch.linalg.qr(torch.randn(n_images, 3, 3, generator=generator)).Q
        self.given = (views * torch.det(views)[:, None, None].sign()).double()
        half = torch.rand(n_images, BOX, BOX // 2 + 1, generator=generator) + 0j
        self.filters = torch.fft.rfft2(torch.fft.irfft2(half, s=(BOX, BOX))).real.abs()
        self.images = torch.randn(n_images, BOX, BOX, generator=generator)
        self.offsets = 0.1 * torch.randn(len(COUNTS), 6, generator=generator).double()
        self.rotations = matrices(self.offsets[:, :3])

    def projections(self, steps: torch.Tensor, of_parts: torch.Tensor | None = None) -> torch.Tensor:
        """After steps (3, 6): about the axes of the molecule as it is now, along those of its given pose. Moves of parts (3, 40, 3)."""
        rotations = self.rotations @ matrices(steps[:, :3])
        positions = self.cloud.positions.double()
        if of_parts is not None:
            positions = positions + of_parts
        points = positions @ rotations.transpose(1, 2) + (self.offsets + steps)[:, None, 3:]
        points = points[self.owner] @ self.given.transpose(1, 2)
        identity = torch.eye(3, dtype=torch.float64).expand(len(self.owner), 3, 3)
        amplitudes, widths = self.cloud.amplitudes[self.owner].double(), self.cloud.widths.double()[None]
        return project_reference(points, amplitudes, widths, identity, BOX)

    def loss(self, projections: torch.Tensor, contrast_variance: float) -> torch.Tensor:  # (3,)
        of_images = image_agreement(projections, self.images.double(), self.filters.double())
        sums = (torch.zeros(3).double().index_add(0, self.owner, values) for values in of_images)
        return error_of_agreement(ImageAgreement(*sums), contrast_variance)

    def batch(self) -> MatchedBatch:
        """Images centred again, as Observations has them in moved poses."""
        moved = self.offsets[self.owner][:, 3:]
        shifts = (self.given[:, :2] @ moved[..., None])[..., 0]
        frequencies = torch.fft.fftfreq(BOX).double()
        phase = (
            shifts[:, 1, None, None] * frequencies[:, None]
            + shifts[:, 0, None, None] * frequencies[: BOX // 2 + 1].abs()
        )
        spectra = torch.fft.rfft2(self.images.double()) * torch.exp(2j * torch.pi * phase)
        images = torch.fft.irfft2(spectra, s=(BOX, BOX)).float()
        views = (self.given @ self.rotations[self.owner]).float()
        return MatchedBatch(images, self.filters, views, ImageOwners(self.owner, len(COUNTS)))


def slopes_of(function, n: int, step: float = 1e-4) -> torch.Tensor:
    steps = step * torch.eye(n, dtype=torch.float64)
    zeros = torch.zeros(len(COUNTS), n, dtype=torch.float64)
    return torch.stack([(function(zeros + one) - function(zeros - one)) / (2 * step) for one in steps], 1)


@pytest.mark.parametrize("contrast_variance", [0.0, 0.04])
def test_the_gradient_of_a_particle_is_that_of_the_sum_over_its_images(contrast_variance):
    summed = Summed()
    terms = terms_of_particles(
        summed.cloud, summed.batch(), summed.rotations.float(), contrast_variance=contrast_variance
    )
    zero = torch.zeros(len(COUNTS), 6, dtype=torch.float64)
    expected = summed.loss(summed.projections(zero), contrast_variance)
    torch.testing.assert_close(terms.losses, expected.float(), atol=0.05, rtol=1e-3)
    slopes = slopes_of(lambda steps: summed.loss(summed.projections(steps), contrast_variance), 6).float()
    torch.testing.assert_close(terms.gradients, slopes, atol=0.05, rtol=0.01)


def test_the_curvature_of_a_particle_is_the_sum_of_those_of_its_images():
    summed = Summed()
    curvatures = terms_of_particles(summed.cloud, summed.batch(), summed.rotations.float()).curvatures
    # a step of all particles at once moves each image by that of its own
    steps = 1e-4 * torch.eye(6, dtype=torch.float64)[:, None].expand(6, 3, 6)
    slopes = torch.stack([summed.projections(one) - summed.projections(-one) for one in steps], 1) / 2e-4
    filtered = torch.fft.irfft2(torch.fft.rfft2(slopes) * summed.filters.double()[:, None], s=(BOX, BOX))
    of_images = torch.einsum("bkyx,blyx->bkl", slopes, filtered)
    expected = torch.zeros(3, 6, 6).double().index_add(0, summed.owner, of_images).float()
    torch.testing.assert_close(curvatures, expected, rtol=0.02, atol=0.01 * float(expected.abs().max()))


def test_parts_are_shifted_in_three_dimensions_and_get_fainter():
    summed = Summed()
    parts = [torch.arange(0, 15), torch.arange(15, 40)]
    terms = terms_of_particles(
        summed.cloud, summed.batch(), summed.rotations.float(), contrast_variance=0.04, parts=parts
    )
    assert terms.gradients.shape == (3, 6 + 4 * 2)
    is_of_part = torch.zeros(2, 40, 1, dtype=torch.float64)
    for number, part in enumerate(parts):
        is_of_part[number, part] = 1

    def loss(numbers):  # x of both parts, y of both, z of both
        moves = (numbers.view(-1, 3, 2).transpose(1, 2)[:, :, None] * is_of_part).sum(1)
        return summed.loss(summed.projections(torch.zeros(3, 6).double(), moves), 0.04)

    torch.testing.assert_close(terms.gradients[:, 6:12], slopes_of(loss, 6).float(), atol=0.05, rtol=0.01)
    whole = terms.gradients[:, 12:].sum(1)  # both parts fainter are an image fainter
    plain = summed.projections(torch.zeros(3, 6).double())
    fainter = (summed.loss(1.0001 * plain, 0.04) - summed.loss(0.9999 * plain, 0.04)) / 2e-4
    torch.testing.assert_close(whole, fainter.float(), atol=0.1, rtol=0.01)


def make(angle=ANGLE, shift=SHIFT, cloud=None, noise=1.0):
    generator = torch.Generator().manual_seed(0)
    molecule = long_molecule(generator)
    vectors = angle * torch.randn(N, 3, generator=generator)
    shifts = shift * torch.randn(N, 3, generator=generator)
    made = tilted_molecules(cloud or molecule, vectors, shifts, generator, noise=noise)
    return StaticModel(molecule), made


def all_of_model(rows, losses):
    assert len(rows) == len(losses)
    return torch.ones(len(rows))


def refined(model, observations, passes=4, contrast_variance=0.0):
    poses = poses_for(observations, Workers(), "auto")
    assert isinstance(poses, TiltSeriesPoses)
    for _ in range(passes):
        spread = poses.refine(model, Inputs(), torch.arange(N), all_of_model, contrast_variance)
    return poses, spread


def angles_between(first, second):
    return np.degrees(Rotation.from_matrix((first.transpose(1, 2) @ second).numpy()).magnitude())


def rms(values):
    return float(np.sqrt((np.asarray(values) ** 2).mean()))


@pytest.fixture(scope="module")
def found():
    model, made = make()
    return (*refined(model, made.observations), made)


def test_planted_errors_are_found_and_the_prior_has_their_widths(found):
    _, spread, made = found
    before = rms(angles_between(made.observations.given_rotation_matrices, made.true_views))
    assert rms(angles_between(made.observations.rotation_matrices, made.true_views)) < 0.4 * before
    left = made.observations.shifts_in_pixels + made.true_shifts
    assert rms(left) < 0.3 * rms(made.true_shifts)
    assert spread.angle_in_degrees == pytest.approx(math.degrees(ANGLE), rel=0.15)
    assert spread.shift_in_pixels == pytest.approx(SHIFT, rel=0.15)


def test_poses_are_off_by_one_rotation_and_one_shift_for_all_images_of_a_particle(found):
    poses, _, made = found
    observations = made.observations
    _, owners = observations.owned.of(torch.arange(N))
    changes = observations.given_rotation_matrices.transpose(1, 2) @ observations.rotation_matrices
    expected = matrices(poses.offsets[:, :3]).float()[owners.particles]
    torch.testing.assert_close(changes, expected, atol=1e-5, rtol=0)
    moved = (observations.given_rotation_matrices @ poses.offsets[owners.particles][:, 3:, None])[:, :2, 0]
    torch.testing.assert_close(observations.shifts_in_pixels, -moved, atol=1e-5, rtol=0)


def test_images_in_memory_are_centred_again(found):
    observations = found[-1].observations
    rows = torch.arange(8)
    kept = observations.batch(rows).images
    observations._matched, cached = None, observations._matched
    torch.testing.assert_close(observations.batch(rows).images, kept)
    observations._matched = cached


def test_there_is_no_net_rotation_and_no_net_shift(found):
    assert float(found[0].offsets.mean(0).abs().max()) < 1e-5


def test_the_state_restores_poses_prior_and_images(found):
    poses, _, made = found
    _, other = make()
    restored = poses_for(other.observations, Workers(), "auto")
    restored.load_state(poses.state())
    assert restored.prior == poses.prior
    assert torch.equal(restored.costs(torch.arange(5)), poses.costs(torch.arange(5)))
    torch.testing.assert_close(other.observations.rotation_matrices, made.observations.rotation_matrices)
    torch.testing.assert_close(other.observations.shifts_in_pixels, made.observations.shifts_in_pixels)
    other.observations.reset_poses_()
    assert other.observations.rotation_matrices is other.observations.given_rotation_matrices


def test_right_poses_stay_bit_for_bit():
    model, made = make(angle=0.0, shift=0.0)
    poses, spread = refined(model, made.observations, passes=2)
    assert poses.prior.is_zero
    assert not poses.are_moved
    assert made.observations.rotation_matrices is made.observations.given_rotation_matrices
    assert spread.evidence_in_nats < 1


def test_motion_that_the_model_does_not_know_is_not_explained_by_poses():
    generator = torch.Generator().manual_seed(3)
    molecule = long_molecule(generator)
    zero = torch.zeros(N, 3)
    made = tilted_molecules(with_moving_end(molecule, N, generator), zero, zero, generator)
    poses, _ = refined(StaticModel(molecule), made.observations, passes=1)
    assert not poses.are_moved


def test_poses_that_run_away_are_held_in_all_three_directions():
    _, made = make()
    poses = poses_for(made.observations, Workers(), "auto")
    poses.prior = PosePrior(0.01**2, 0.1**2)
    held = poses._limited(torch.tensor([[0.01, 0, 0, 0, 0, 3.0], [0.01, 0, 0, 0.1, 0.1, 0.1]]))
    assert held[0].tolist() == pytest.approx([0.01, 0, 0, 0, 0, 0.5])
    poses.offsets[:2] = held
    assert poses.is_capped[:2].tolist() == [True, False]


def test_samples_hold_a_bounded_number_of_images():
    _, made = make()
    poses, per_particle = poses_for(made.observations, Workers(), "auto"), len(made.true_views) / N
    assert poses._at_most(30) * per_particle <= 4 * 30
    assert poses._at_most(30) == 4 * 30 * N // len(made.true_views)


def test_single_particles_keep_their_five_numbers():
    _, made = make()
    made.observations.owned = None
    assert type(poses_for(made.observations, Workers(), "auto")) is ParticlePoses
