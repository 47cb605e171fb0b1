"""Poses of particles that own several images, as those of tilt series do: three angles and a shift in three dimensions each.

The molecule is rotated by R = exp([omega]x) about its own axes and then shifted by s (pixels, along the axes of the map in its given
pose), so that a point v of it is seen in image i, of given view A_i, at (A_i (R v + s))_xy. In the numbers of an image (rotation about
its axes, shift in it) a small change (d omega, d s) of the particle is J_i (d omega, d s) with
    J_i = [[A_i R, 0], [0, rows x and y of A_i]],
and gradient and curvature of the particle are the sums of J_i^T g_i and J_i^T H_i J_i. Contrast is one for all images of a particle.
"""

import torch
from scipy.spatial.transform import Rotation
from torch import Tensor

from gem_plugin.gaussians.cloud import GaussianCloud
from gem_plugin.heterogeneity.encoder.anchor_scores import EncoderInputs
from gem_plugin.heterogeneity.image_owners import clouds_of_images
from gem_plugin.heterogeneity.model import HeterogeneityModel
from gem_plugin.heterogeneity.moving_parts import pose_and_part_terms
from gem_plugin.heterogeneity.observations import MatchedBatch, Observations
from gem_plugin.heterogeneity.particle_poses import ParticlePoses
from gem_plugin.heterogeneity.pose_refinement import (
    N_ANGLES,
    N_NUMBERS,
    PoseTerms,
    pose_spectra,
    terms_of_spectra,
)
from gem_plugin.heterogeneity.workers import Workers

N_DIRECTIONS = 3
IMAGES_FOR_ONE = (
    4  # samples of particles hold so many images at most for each image of a sample of single particles
)


class TiltSeriesPoses(ParticlePoses):
    """The same offsets, prior and guards for particles that own their images."""

    n_numbers, n_directions = N_ANGLES + N_DIRECTIONS, N_DIRECTIONS

    def _at_most(self, n_particles: int) -> int:
        return min(n_particles, self.observations.rows_for(IMAGES_FOR_ONE * n_particles))

    def _terms(
        self,
        rows: Tensor,
        model: HeterogeneityModel,
        encoder_inputs: EncoderInputs,
        contrast_variance: float,
        parts: list[Tensor] | None = None,
    ) -> PoseTerms:
        cloud, batch = self._cloud(rows, model, encoder_inputs), self.observations.batch(rows)
        rotations = Rotation.from_rotvec(self.offsets[rows, :N_ANGLES].double().numpy()).as_matrix()
        of_poses = torch.from_numpy(rotations).to(batch.images)
        return terms_of_particles(cloud, batch, of_poses, self.projector, contrast_variance, parts)

    def _in_image(self, rows: Tensor) -> Tensor:  # (batch, 6): the numbers of a particle are about no image
        return self.offsets[rows].to(self.observations.device)

    def _composed(self, rows: Tensor, steps: Tensor) -> Tensor:  # (batch, 6)
        offsets, steps = self.offsets[rows].double(), steps.cpu().double()
        before, step = (Rotation.from_rotvec(part[:, :N_ANGLES].numpy()) for part in (offsets, steps))
        angles = torch.from_numpy((before * step).as_rotvec())
        return torch.cat([angles, offsets[:, N_ANGLES:] + steps[:, N_ANGLES:]], 1).float()

    def _without_net_movement(self, offsets: Tensor) -> Tensor:
        """No net rotation and no net shift of the molecule: the means of both vectors are 0."""
        return offsets - offsets.mean(0)


@torch.no_grad()
def terms_of_particles(
    cloud: GaussianCloud,  # one cloud in pixels, or one for each particle
    batch: MatchedBatch,  # all images of the particles, in their poses of now
    rotations: Tensor,  # (particles, 3, 3): R of these poses
    projector: str = "auto",
    contrast_variance: float = 0.0,
    parts: list[Tensor] | None = None,  # a shift in three dimensions and a relative amplitude more for each
) -> PoseTerms:
    """Loss, gradient and curvature of every particle, by d omega (radians), d s (pixels), shifts x, y, z of all parts, their amplitudes."""
    cloud = clouds_of_images(cloud, batch.owners)
    jacobians = _jacobians(batch, rotations)
    if parts is None:
        return terms_of_spectra(pose_spectra(cloud, batch, projector), batch, contrast_variance, jacobians)
    jacobians = _with_parts(jacobians, batch.rotation_matrices, len(parts))
    return pose_and_part_terms(cloud, batch, parts, projector, contrast_variance, jacobians)


def _jacobians(batch: MatchedBatch, rotations: Tensor) -> Tensor:  # (images, 5, 6)
    views, owners = batch.rotation_matrices, batch.owners
    assert owners is not None
    given = views @ rotations[owners.particles].transpose(1, 2)
    jacobians = views.new_zeros(len(views), N_NUMBERS, N_ANGLES + N_DIRECTIONS)
    jacobians[:, :N_ANGLES, :N_ANGLES] = views
    jacobians[:, N_ANGLES:, N_ANGLES:] = given[:, :2]
    return jacobians


def _with_parts(jacobians: Tensor, views: Tensor, n_parts: int) -> Tensor:
    """(images, 5 + 3 parts, 6 + 4 parts): parts are shifted along the axes of the molecule."""
    n_images, n_numbers, n_own = jacobians.shape
    identity = torch.eye(n_parts, dtype=views.dtype, device=views.device)
    shifts = torch.einsum("bij,pq->bipjq", views[:, :2], identity)
    whole = views.new_zeros(n_images, n_numbers + 3 * n_parts, n_own + (N_DIRECTIONS + 1) * n_parts)
    whole[:, :n_numbers, :n_own] = jacobians
    of_shifts = slice(n_numbers, n_numbers + 2 * n_parts), slice(n_own, n_own + N_DIRECTIONS * n_parts)
    whole[:, of_shifts[0], of_shifts[1]] = shifts.reshape(n_images, 2 * n_parts, N_DIRECTIONS * n_parts)
    whole[:, of_shifts[0].stop :, of_shifts[1].stop :] = identity
    return whole


def poses_for(observations: Observations, workers: Workers, projector: str) -> ParticlePoses:
    """The poses of a training, whatever its particles are."""
    kind = ParticlePoses if observations.owned is None else TiltSeriesPoses
    return kind(observations, workers, projector)
