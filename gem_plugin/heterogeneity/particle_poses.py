"""The refined poses of all particles of a training: when they are refined, how far they are from the given ones."""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from scipy.spatial.transform import Rotation
from torch import Tensor

from gem_plugin.gaussians.cloud import GaussianCloud
from gem_plugin.heterogeneity.encoder.anchor_scores import EncoderInputs
from gem_plugin.heterogeneity.model import HeterogeneityModel
from gem_plugin.heterogeneity.moving_parts import (
    evidence_of_motion,
    likeliest_motion,
    parts_of,
    pose_and_part_terms,
)
from gem_plugin.heterogeneity.observations import Observations
from gem_plugin.heterogeneity.pose_refinement import (
    N_ANGLES,
    N_NUMBERS,
    PosePrior,
    PoseTerms,
    better_prior,
    cost_of_offsets,
    evidence_of_prior,
    pose_steps,
    pose_terms,
)
from gem_plugin.heterogeneity.prefetch import send
from gem_plugin.heterogeneity.workers import Workers

FIRST_EPOCHS = 2
PARTS_OF_TRAINING = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
PARTICLES_FOR_PRIOR = 3000
PARTICLES_OF_FIRST_LOOK = 500  # of them; the others only where these leave it open that poses are off
PART_OF_WHAT_IS_NEEDED = 0.8  # of evidence and of movement: a first look that finds less has found nothing
PARTICLES_FOR_PARTS = 500
PARTICLES_OF_FIRST_LOOK_AT_PARTS = 250  # of them; the others only where these do not say it clearly
CLEAR_IN_STANDARD_ERRORS = 4.0
MINIMUM_OF_PARTS = 0.9  # of the evidence of moving parts: with less, the model is not there yet
STEPS_OF_NOTHING_LEARNED = 30  # of the optimiser: in a training of fewer, poses must explain all of it
MINIMUM_EVIDENCE_IN_NATS = 0.2  # per particle; poses that gain less are left as they are
MINIMUM_EVIDENCE_OF_ALL_IN_NATS = 10.0  # of the particles that the prior is found from
SMALLEST_MOVEMENT_IN_PIXELS = (
    0.3  # root mean square, of the density: less is within what the model itself misses
)
LARGEST_OFFSET_IN_SPREADS = 5.0  # poses that would go farther stay there and are marked
IMAGES_AT_A_TIME = 64  # on a CPU
IMAGES_AT_A_TIME_ON_CUDA = 512  # of 128 pixels; a gigabyte with all derivatives
IMAGES_AT_A_TIME_WITH_PARTS = 16


class PoseSpread(NamedTuple):
    """What a pass found."""

    angle_in_degrees: float  # standard deviation of the error of the given poses, about each axis
    shift_in_pixels: float
    evidence_in_nats: float  # per particle, for poses that differ from the given ones


class ParticlePoses:
    """Offsets of the poses of all particles, and their prior. Each particle is one image; tilt_series_poses.py has those of several."""

    n_numbers, n_directions = N_NUMBERS, N_NUMBERS - N_ANGLES  # of a pose, and of its shift

    def __init__(self, observations: Observations, workers: Workers, projector: str) -> None:
        self.observations, self.workers, self.projector = observations, workers, projector
        self.offsets = torch.zeros(
            len(observations), self.n_numbers
        )  # rotation vector of the molecule in radians, shift in pixels
        self.prior = PosePrior()
        self._costs: Tensor | None = None  # (n,)

    @property
    def _images_at_a_time(self) -> int:
        if self.observations.device.type != "cuda":
            return IMAGES_AT_A_TIME
        return max(1, IMAGES_AT_A_TIME_ON_CUDA * 128**2 // self.observations.box_size**2)

    def _at_most(self, n_particles: int) -> int:
        """So many particles, fewer where each owns many images."""
        return n_particles

    @property
    def are_moved(self) -> bool:
        return bool(self.offsets.any())

    def state(self) -> dict[str, Any]:
        of_particles = {"offsets": self.offsets, "costs": self._costs}
        return {"prior": tuple(self.prior), **(of_particles if self.are_moved else {})}

    def load_state(self, state: dict[str, Any]) -> None:
        if not state:
            return
        self.prior = PosePrior(*state["prior"])
        if state.get("offsets") is not None:
            device = self.observations.device
            self.offsets = state["offsets"].cpu()
            self._costs = state["costs"].to(device)
            self._move()

    def refine(
        self,
        model: HeterogeneityModel,
        encoder_inputs: EncoderInputs,
        training_rows: Tensor,
        weights_of: Callable[
            [Tensor, Tensor], Tensor
        ],  # rows, losses -> probability of the molecule that the model says
        contrast_variance: float,
        steps_of_training: int = STEPS_OF_NOTHING_LEARNED,  # of all of it
    ) -> PoseSpread:
        """One pass: the prior from some of the training particles, then a step of every particle."""
        model.eval()
        sample = some_of(training_rows, self._at_most(PARTICLES_FOR_PRIOR))
        arguments = model, encoder_inputs, contrast_variance
        least = max(MINIMUM_EVIDENCE_IN_NATS, MINIMUM_EVIDENCE_OF_ALL_IN_NATS / max(1, len(sample)))
        positions = self._cloud(sample[:1], model, encoder_inputs).positions
        said: list[tuple[Tensor, Tensor, Tensor]] = []
        is_better_than_parts: bool | None = None  # not looked at
        for rows in in_two_looks(sample, self._at_most(PARTICLES_OF_FIRST_LOOK)):
            said.append(self._information(rows, weights_of, *arguments))
            information, curvatures, weights = map(torch.cat, zip(*said, strict=True))
            prior = better_prior(self.prior, information, curvatures, weights)
            gain = float((weights * evidence_of_prior(prior, information, curvatures)).mean())
            found = min(gain / least, movement_in_pixels(prior, positions) / SMALLEST_MOVEMENT_IN_PIXELS)
            if self.prior.is_zero and found < PART_OF_WHAT_IS_NEEDED:
                break
            if is_better_than_parts is None:
                is_better_than_parts = self._explain_what_parts_do(
                    prior, sample, weights_of, arguments, steps_of_training
                )
            if not is_better_than_parts:
                break
        is_found = found >= 1 and not prior.is_at_limit and bool(is_better_than_parts)
        self.prior = prior if is_found else PosePrior()
        had_moved = self.are_moved
        self._step(*arguments)
        if had_moved or self.are_moved:
            self._move()
        return PoseSpread(math.degrees(math.sqrt(self.prior.angle)), math.sqrt(self.prior.shift), gain)

    def _explain_what_parts_do(
        self,
        prior: PosePrior,
        sample: Tensor,
        weights_of: Callable[[Tensor, Tensor], Tensor],
        arguments: tuple[HeterogeneityModel, EncoderInputs, float],
        steps_of_training: int,
    ) -> bool:
        """Whether poses that are off explain most of what parts of the molecule that move by themselves do."""
        rows = some_of(sample, self._at_most(PARTICLES_FOR_PARTS))
        model, encoder_inputs, _ = arguments
        positions = self._cloud(rows[:1], model, encoder_inputs).positions
        parts = parts_of(positions.reshape(-1, 3))  # of one particle, the same in every process
        of_pose, of_parts = slice(None, self.n_numbers), slice(self.n_numbers, None)
        least = MINIMUM_OF_PARTS if steps_of_training >= STEPS_OF_NOTHING_LEARNED else 1.0
        said: list[tuple[Tensor, Tensor, Tensor]] = []
        for some in in_two_looks(rows, PARTICLES_OF_FIRST_LOOK_AT_PARTS):
            said.append(self._information(some, weights_of, *arguments, parts=parts))
            information, curvatures, weights = map(torch.cat, zip(*said, strict=True))
            by_poses = evidence_of_prior(prior, information[:, of_pose], curvatures[:, of_pose, of_pose])
            said_of_parts = information[:, of_parts], curvatures[:, of_parts, of_parts]
            motion = likeliest_motion(*said_of_parts, weights, self.n_directions)
            by_parts = evidence_of_motion(motion, *said_of_parts, self.n_directions)
            gained = weights * (by_poses - least * by_parts)
            if abs(gained.sum()) > CLEAR_IN_STANDARD_ERRORS * len(gained) ** 0.5 * gained.std():
                break
        return bool(gained.sum() >= 0)

    def _information(
        self,
        rows: Tensor,
        weights_of: Callable[[Tensor, Tensor], Tensor],
        model: HeterogeneityModel,
        encoder_inputs: EncoderInputs,
        contrast_variance: float,
        parts: list[Tensor] | None = None,  # numbers more for each: its shift and its amplitude
    ) -> tuple[
        Tensor, Tensor, Tensor
    ]:  # (n, k), (n, k, k), (n,), float64: what the images say of the given poses
        """The same in every process: each looks at its part of the rows."""
        n_numbers = self.n_numbers + (self.n_directions + 1) * len(parts or [])
        found = torch.zeros(len(rows), n_numbers * (n_numbers + 1) + 1, dtype=torch.float64)
        found = found.to(self.observations.device)
        positions = self.workers.local_rows(torch.arange(len(rows)))
        n_at_a_time = self._images_at_a_time if parts is None else IMAGES_AT_A_TIME_WITH_PARTS
        for some in positions.split(self.observations.rows_for(n_at_a_time)):
            terms = self._terms(rows[some], model, encoder_inputs, contrast_variance, parts)
            offsets = self._in_image(rows[some])
            of_offsets = terms.curvatures[:, :, : self.n_numbers] @ offsets[..., None]
            information = of_offsets[..., 0] - terms.gradients
            weights = weights_of(rows[some], terms.losses)
            columns = [information, terms.curvatures.flatten(1), weights[:, None]]
            found[some.to(found.device)] = torch.cat(columns, 1).double()
        found = self.workers.sum(found)
        curvatures = found[:, n_numbers:-1].view(-1, n_numbers, n_numbers)
        return found[:, :n_numbers], curvatures, found[:, -1]

    def _terms(
        self,
        rows: Tensor,
        model: HeterogeneityModel,
        encoder_inputs: EncoderInputs,
        contrast_variance: float,
        parts: list[Tensor] | None = None,
    ) -> PoseTerms:
        cloud, batch = self._cloud(rows, model, encoder_inputs), self.observations.batch(rows)
        if parts is not None:
            return pose_and_part_terms(cloud, batch, parts, self.projector, contrast_variance)
        return pose_terms(cloud, batch, self.projector, contrast_variance)

    @torch.no_grad()
    def _cloud(
        self, rows: Tensor, model: HeterogeneityModel, encoder_inputs: EncoderInputs
    ) -> GaussianCloud:  # as the encoder has the particles
        assert model.encoder is not None
        return model.cloud_in_pixels(model.encoder(encoder_inputs.batch(rows)).means)

    def _step(
        self, model: HeterogeneityModel, encoder_inputs: EncoderInputs, contrast_variance: float
    ) -> None:
        if self.prior.is_zero:
            self.offsets, self._costs = torch.zeros_like(self.offsets), None
            return
        moved = torch.zeros_like(self.offsets)
        costs = torch.zeros(len(moved))
        everything = self.workers.local_rows(torch.arange(len(self.offsets)))
        for rows in everything.split(self.observations.rows_for(self._images_at_a_time)):
            terms = self._terms(rows, model, encoder_inputs, contrast_variance)
            offsets = self._in_image(rows)
            steps = pose_steps(terms, offsets, self.prior)
            costs[rows] = cost_of_offsets(offsets + steps, terms.curvatures, self.prior).cpu()
            moved[rows] = self._limited(self._composed(rows, steps))
        moved = self.workers.sum(moved.to(self.observations.device)).cpu()
        self.offsets = self._without_net_movement(moved)
        device = self.observations.device
        self._costs = self.workers.sum(costs.to(device))

    def costs(self, rows: Tensor) -> Tensor | float:  # (batch,) nats
        """What the freedom of the poses costs each particle in its evidence bound; 0 where poses are not refined."""
        return 0.0 if self._costs is None else self._costs[send(rows, self._costs.device)]

    @property
    def is_capped(self) -> Tensor:  # (n,) bool
        """Particles whose poses would have gone farther than is believed."""
        limits = self._limits()
        return torch.stack(
            [part.norm(dim=1) > 0.999 * limit for part, limit in zip(_parts(self.offsets), limits)]
        ).any(0)

    def _limits(self) -> tuple[float, float]:  # radians, pixels
        angle, shift = (LARGEST_OFFSET_IN_SPREADS * math.sqrt(variance) for variance in self.prior)
        return (angle or math.inf), (shift or math.inf)

    def _limited(self, offsets: Tensor) -> Tensor:
        return torch.cat(
            [
                part * (limit / part.norm(dim=1, keepdim=True).clamp_min(limit))
                if math.isfinite(limit)
                else part
                for part, limit in zip(_parts(offsets), self._limits(), strict=True)
            ],
            1,
        )

    def _in_image(self, rows: Tensor) -> Tensor:  # (batch, 5): the rotation about the axes of the image
        offsets = self.offsets[rows].to(self.observations.device)
        views = self.observations.rotation_matrices[rows.to(self.observations.device)]
        rotations = (views @ offsets[:, :N_ANGLES, None])[..., 0]
        return torch.cat([rotations, offsets[:, N_ANGLES:]], 1)

    def _composed(self, rows: Tensor, steps: Tensor) -> Tensor:  # (batch, 5)
        """The offsets after a step about the axes of the image."""
        views = self.observations.rotation_matrices[rows.to(self.observations.device)]
        of_molecule = (views.transpose(1, 2) @ steps[:, :N_ANGLES, None])[..., 0].cpu().double().numpy()
        offsets = self.offsets[rows]
        turned = Rotation.from_rotvec(offsets[:, :N_ANGLES].double().numpy()) * Rotation.from_rotvec(
            of_molecule
        )
        angles = torch.from_numpy(turned.as_rotvec()).float()
        return torch.cat([angles, offsets[:, N_ANGLES:] + steps[:, N_ANGLES:].cpu()], 1)

    def _without_net_movement(self, offsets: Tensor) -> Tensor:
        """No net rotation and no net shift of the molecule: the mean rotation vector is 0, and no vector s explains the shifts as (A s)_xy."""
        angles = offsets[:, :N_ANGLES] - offsets[:, :N_ANGLES].mean(0)
        views = self.observations.given_rotation_matrices[:, :2].cpu().double()
        shifts = offsets[:, N_ANGLES:].double()
        normal = torch.einsum("nij,nik->jk", views, views)
        common = torch.linalg.lstsq(normal, torch.einsum("nij,ni->j", views, shifts)[:, None]).solution[:, 0]
        return torch.cat([angles, (shifts - views @ common).float()], 1)

    def _move(self) -> None:
        rotations = Rotation.from_rotvec(self.offsets[:, :N_ANGLES].double().numpy()).as_matrix()
        self.observations.move_poses_(torch.from_numpy(rotations).float(), self.offsets[:, N_ANGLES:])


def some_of(rows: Tensor, at_most: int) -> Tensor:
    """Particles at equal distances, at most so many."""
    return rows[:: max(1, -(-len(rows) // at_most))]


def in_two_looks(rows: Tensor, at_first: int) -> list[Tensor]:
    """Particles at equal distances, at most so many, and the others, if there are any."""
    is_first = torch.arange(len(rows)) % max(1, -(-len(rows) // at_first)) == 0
    return [rows] if bool(is_first.all()) else [rows[is_first], rows[~is_first]]


def _parts(offsets: Tensor) -> tuple[Tensor, Tensor]:
    return offsets[:, :N_ANGLES], offsets[:, N_ANGLES:]


def is_pose_epoch(epoch: int, n_epochs: int) -> bool:
    """Whether poses are refined before this epoch (from 0): at the start against the consensus, and then as the model gets better."""
    return epoch < FIRST_EPOCHS or epoch in {round(part * n_epochs) for part in PARTS_OF_TRAINING}


def is_pose_epoch_of_open_end(
    epoch: int,
    length: float,  # epochs: of the whole training where it is known, else of the shortest
) -> bool:
    """The same for a training whose end is not known: a pass after every tenth of the length."""
    parts = len(PARTS_OF_TRAINING) + 1
    return epoch < FIRST_EPOCHS or int(parts * epoch / length) > int(parts * (epoch - 1) / length)


def movement_in_pixels(
    prior: PosePrior,
    positions: Tensor,  # (..., 3), of the Gaussians, in pixels
) -> float:
    """How far poses of this spread move the density in the image, root mean square.

    With a rotation vector of variance V about each axis E|omega x r|^2 = 2 V r^2, two thirds of it across the view.
    """
    positions = positions.reshape(-1, 3)
    mean_square_radius = float((positions - positions.mean(0)).square().sum(1).mean())
    return math.sqrt(4 / 3 * prior.angle * mean_square_radius + 2 * prior.shift)
