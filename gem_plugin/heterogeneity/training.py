"""Training: one step, one epoch, the whole state that a checkpoint must hold. Files are the caller's business."""

import math
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict
from typing import Any

import torch
from torch import Tensor

from gem_plugin.errors import RunError
from gem_plugin.gaussians.cloud import GaussianCloud
from gem_plugin.heterogeneity import phase_clock as phases
from gem_plugin.heterogeneity.encoder.anchor_scores import EncoderInputs
from gem_plugin.heterogeneity.encoder.network import LatentDistribution, is_bfloat16
from gem_plugin.heterogeneity.epoch_records import EpochRecord, EpochSums
from gem_plugin.heterogeneity.held_out_bounds import HeldOutLosses, mean_by_particle
from gem_plugin.heterogeneity.losses.contrast import better_variance
from gem_plugin.heterogeneity.losses.optional_terms import EXTRA_TERMS, ExtraLosses
from gem_plugin.heterogeneity.losses.particles import ParticleLosses, losses_of_projections, model_images
from gem_plugin.heterogeneity.losses.prices import PricesOfChange, particles_that_share
from gem_plugin.heterogeneity.model import HeterogeneityModel
from gem_plugin.heterogeneity.observations import LoadedBatch, Observations, row_chunks
from gem_plugin.heterogeneity.optimiser import (
    load_optimiser_state,
    make_optimiser,
    optimiser_state,
    set_rates,
)
from gem_plugin.heterogeneity.outliers import OutlierMixture
from gem_plugin.heterogeneity.pose_refinement import PosePrior
from gem_plugin.heterogeneity.prefetch import loaded_batches, send
from gem_plugin.heterogeneity.schedule import (
    KL_RISE,
    StepNumbers,
    epoch_generator,
    kl_weight_at,
    shuffled_batches,
)
from gem_plugin.heterogeneity.settings import TrainSettings
from gem_plugin.heterogeneity.step_graph import StepTables, replay_steps
from gem_plugin.heterogeneity.tilt_series_poses import poses_for
from gem_plugin.heterogeneity.training_plan import TrainingPlan
from gem_plugin.heterogeneity.workers import JointModel, current_workers
from gem_plugin.units import COLLAPSED_KL_IN_NATS

MAXIMUM_GRADIENT_NORM = 1.0
MAXIMUM_BAD_STEPS = 5  # steps with a non-finite loss before the run stops
CHOICE_OF_IMAGES = 1  # number of the random stream that chooses images of particles that own many
STEPS_BETWEEN_CHECKS = 20  # of the number of such steps; each check waits for the device
KL_WEIGHT_OF_BOUND = 1.0  # makes the loss the evidence bound of the images


class Trainer:
    """Holds what changes during training; one call of `run_epoch` after another."""

    def __init__(
        self,
        model: HeterogeneityModel,
        observations: Observations,
        encoder_inputs: EncoderInputs,
        training_rows: Tensor,
        validation_rows: Tensor,
        settings: TrainSettings,
        plan: TrainingPlan,
    ) -> None:
        self.model, self.observations, self.encoder_inputs = model, observations, encoder_inputs
        self.training_rows, self.validation_rows = training_rows, validation_rows
        self.settings, self.plan = settings, plan
        self.device = next(model.parameters()).device
        if model.encoder is not None:
            model.encoder.trains_in_bfloat16 = is_bfloat16(settings.precision, self.device)
        self.optimiser = make_optimiser(model, settings.learning_rate)
        self.extra_losses, self.prices = ExtraLosses(model, settings), PricesOfChange(settings)
        self.records_steps = True  # as a CUDA graph, where everything that they read is on the device
        self.workers = current_workers()
        self.joint_model = JointModel(model, self.workers)
        self.epoch = 0  # finished epochs
        self.bad_steps = 0
        self.kl_factor = 1.0  # lowered when the latents collapse
        self.contrast_variance = 0.0  # of the particles, about 1; see losses/contrast.py
        is_squared = settings.loss == "squared"
        self.poses = (
            poses_for(observations, self.workers, settings.projector)
            if settings.refine_poses and is_squared
            else None
        )
        self.mixture = OutlierMixture()
        self._choice_of_images = epoch_generator(settings.seed, 0, CHOICE_OF_IMAGES)
        self.history: list[EpochRecord] = []
        self.clock = phases.PhaseClock(measures_parts_of_steps=self.device.type == "cpu")

    def run_epoch(self, track: Callable[[Iterable[Tensor]], Iterable[Tensor]] = iter) -> EpochRecord:
        """One pass over the training particles. Raises RunError when too many losses are not a number."""
        start = time.monotonic()
        self.clock.timed(phases.POSES, self._refine_poses_if_due)
        self.prices.find_neighbours(self._positions_at, self.training_rows, self.settings.seed, self.epoch)
        generator = epoch_generator(self.settings.seed, self.epoch)
        self._choice_of_images = epoch_generator(self.settings.seed, self.epoch, CHOICE_OF_IMAGES)
        batches = shuffled_batches(self.training_rows, self.settings.batch_size, generator)
        sums = EpochSums.zeros(self.device).as_vector()
        bad_steps_before = self.bad_steps
        self.model.train()
        take_steps = self._recorded_steps if self._can_record(batches) else self._steps
        for number in take_steps(batches, track, generator, sums):
            if number % STEPS_BETWEEN_CHECKS == 0 or number == len(batches):
                self._check_bad_steps(bad_steps_before + number - int(EpochSums.of_vector(sums).good_steps))
            self._hear_held_out_if_due(number, len(batches))
        n_particles = sum(len(rows) for rows in batches)
        total = EpochSums.of_vector(self.workers.mean(sums).cpu())
        n_good = max(1, int(total.good_steps))
        seconds = time.monotonic() - start
        held_out = self.clock.timed(phases.VALIDATION, self.validation_losses)
        self.plan.hear(self.epoch + 1, held_out.bounds)
        if (
            self.plan.fraction_at(self.epoch) >= KL_RISE[1]
        ):  # before, cheap latents would take the contrast over for good
            score, information = float(total.contrast_score), float(total.contrast_information)
            self.contrast_variance = better_variance(self.contrast_variance, score, information)
        self.mixture.update(total.kinds, float(total.clear) / n_good)
        self.epoch += 1
        done = self.plan.fraction_at(self.epoch)
        prior = self.poses.prior if self.poses is not None else PosePrior()
        record = EpochRecord(
            self.epoch,
            float(total.image_loss) / n_good,
            float(total.kl) / n_good,
            held_out.loss,
            self._kl_weight(done),
            self.settings.learning_rate * self.plan.learning_rate_factor(done),
            self.bad_steps,
            n_particles / max(seconds, 1e-9),
            time.monotonic() - start,
            **dict(zip(EXTRA_TERMS, (total.extra_terms / n_good).tolist(), strict=True)),
            validation_kl=held_out.kl,
            contrast_spread=math.sqrt(self.contrast_variance),
            pose_spread=math.degrees(math.sqrt(prior.angle)),
            shift_spread=math.sqrt(prior.shift) * self.model.pixel_size_in_angstroms,
            outlier_fraction=float((total.kinds[1:] / n_good).sum()),
            stage=self.plan.stage_at(self.epoch),
        )
        self.history.append(record)
        return record

    def _steps(
        self,
        batches: list[Tensor],
        track: Callable[[Iterable[Tensor]], Iterable[Tensor]],
        generator: torch.Generator,
        sums: Tensor,  # added to
    ) -> Iterator[int]:
        """All steps of an epoch, one operation at a time; the number of each when it was started."""
        loaded = loaded_batches(track(batches), self._load_local, is_ahead=self.device.type == "cuda")
        for number, (rows, batch) in enumerate(self.clock.waited_for(loaded), start=1):
            noise = torch.randn(len(rows), self.model.latent_size, generator=generator)
            noise = send(self.workers.local_rows(noise), self.device)
            sums += self._step(batch, noise, self._numbers_of(number, len(batches)), generator)
            yield number

    def _can_record(self, batches: list[Tensor]) -> bool:
        """Whether a step reads nothing that is not on the device, and is the same in every step of the epoch."""
        is_alone = self.workers.size == 1 and self.observations.are_on_device
        is_plain = self.settings.loss == "squared" and not self.extra_losses.are_on
        return self.records_steps and is_alone and is_plain and len(batches) > 1

    def _recorded_steps(
        self,
        batches: list[Tensor],
        track: Callable[[Iterable[Tensor]], Iterable[Tensor]],
        generator: torch.Generator,
        sums: Tensor,  # added to
    ) -> Iterator[int]:
        """The same as _steps from a CUDA graph."""
        noise = torch.randn(len(batches), len(batches[0]), self.model.latent_size, generator=generator)
        numbers = [self._numbers_of(number, len(batches)) for number in range(1, len(batches) + 1)]
        images = self.observations.images_of_steps(batches, self._choice_of_images)
        values = torch.stack(batches), noise, torch.tensor(numbers), images
        tables = StepTables(*(send(value, self.device) for value in values if value is not None))

        def take_step(rows: Tensor, noise: Tensor, numbers: Tensor, images: Tensor | None = None) -> Tensor:
            return self._step(self._load(rows, images), noise, StepNumbers(*numbers.unbind()), generator)

        yield from replay_steps(take_step, tables, sums, track(batches))

    def _numbers_of(self, step: int, n_steps: int) -> StepNumbers:  # steps of this epoch, from 1
        fraction = self.plan.fraction_at(self.epoch + (step - 1) / n_steps)
        rate_factor = self.plan.learning_rate_factor(fraction)
        sharing = particles_that_share(len(self.training_rows), kl_weight_at(fraction, 0.0, 1.0))
        return StepNumbers(rate_factor, self._kl_weight(fraction), 1 / sharing)

    @property
    def has_collapsed(self) -> bool:
        """Whether the latents have collapsed to the prior, so that all particles have one conformation."""
        return self.epoch >= 2 and self.history[-1].kl < COLLAPSED_KL_IN_NATS

    def relieve_collapse(self) -> bool:
        """Halve a KL weight above that of the evidence bound when the latents have collapsed to the prior; True when that was done.

        At the bound's own weight of 1 and below, latents collapsed to the prior are an answer: the particles do not differ by
        more than their noise. A lower weight would fill them with noise.
        """
        if not self.has_collapsed or self._kl_weight(self.plan.fraction_at(self.epoch)) <= KL_WEIGHT_OF_BOUND:
            return False
        self.kl_factor /= 2
        return True

    @property
    def is_finished(self) -> bool:
        return self.plan.n_epochs is not None and self.epoch >= self.plan.n_epochs

    def _hear_held_out_if_due(self, step: int, n_steps: int) -> None:
        """Look at the held-out particles within an epoch, in large sets."""
        if step < n_steps and self.plan.is_check_due(self.epoch, step, n_steps):
            bounds = self.clock.timed(phases.VALIDATION, self.validation_losses).bounds
            self.plan.hear(self.epoch + step / n_steps, bounds)
            self.model.train()

    @torch.no_grad()
    def validation_losses(self) -> HeldOutLosses:
        """What the held-out validation particles say of the model, with their mean latents; the same in every process."""
        n_rows = len(self.validation_rows)
        if not n_rows:
            return HeldOutLosses(math.nan, math.nan, torch.empty(0))
        self.model.eval()
        total = torch.zeros(2, dtype=torch.float64, device=self.device)
        bounds = torch.zeros(n_rows, dtype=torch.float64, device=self.device)
        here = self.workers.local_rows(torch.arange(n_rows))
        for part in row_chunks(len(here), self.observations.rows_for(self.settings.batch_size)):
            batch = self._load(self.validation_rows[here[part]])
            distribution = self._encode(batch)
            cloud = self.model.cloud_in_pixels(distribution.means)
            losses, kl = self._image_loss(batch, cloud)[0], distribution.kl_divergence()
            of_images = losses + kl + batch.pose_costs
            weights = self.mixture.probabilities(of_images, batch.any_pose)[:, 0]
            total += torch.stack([(weights * losses).sum(), (weights * kl).sum()])
            evidence = self.mixture.evidence_bounds(of_images, batch.any_pose)
            bounds[send(here[part], self.device)] = evidence.double()
        loss, kl = (self.workers.sum(total) / n_rows).tolist()
        rows, particles = self.validation_rows, self.observations.particle_indices
        return HeldOutLosses(loss, kl, mean_by_particle(self.workers.sum(bounds), rows, particles))

    @torch.no_grad()
    def embed(self, rows: Tensor) -> LatentDistribution:
        """The latents of the given particles."""
        assert self.model.encoder is not None
        return self.model.encoder(self.encoder_inputs.batch(rows))

    @torch.no_grad()
    def _positions_at(self, rows: Tensor) -> Tensor:  # (k,) -> (k, n, 3) pixels
        return self.model.cloud_in_pixels(self.embed(rows).means).positions

    def state(self) -> dict[str, Any]:
        """Everything that a later process needs to continue as if nothing had happened."""
        return {
            "model": self.model.state_dict(),
            "optimiser": optimiser_state(self.optimiser),
            "epoch": self.epoch,
            "plan": self.plan.state(),
            "bad_steps": self.bad_steps,
            "kl_factor": self.kl_factor,
            "contrast_variance": self.contrast_variance,
            "mixture": self.mixture.state(),
            "poses": {} if self.poses is None else self.poses.state(),
            "extra_losses": self.extra_losses.state(),
            "history": [asdict(record) for record in self.history],
        }

    def load_state(self, state: dict[str, Any]) -> None:
        self.model.load_state_dict(state["model"])
        load_optimiser_state(self.optimiser, state["optimiser"])
        self.epoch, self.bad_steps = state["epoch"], state["bad_steps"]
        self.kl_factor = state["kl_factor"]
        if state.get("plan"):
            self.plan.load_state(state["plan"])
        self.contrast_variance = state.get("contrast_variance", 0.0)
        if "mixture" in state:
            self.mixture.load_state(state["mixture"])
        if self.poses is not None and state.get("poses"):
            self.poses.load_state(state["poses"])
            self._read_encoder_inputs()
        self.extra_losses.load_state(state.get("extra_losses", {}))
        self.history = [EpochRecord(**record) for record in state["history"]]

    def _load_local(self, rows: Tensor) -> LoadedBatch:
        return self._load(self.workers.local_rows(rows), self._choice_of_images)

    def _load(self, rows: Tensor, choice: torch.Generator | Tensor | None = None) -> LoadedBatch:
        """What a step needs of the given particles, on the device; with a choice of their images, or all."""
        observations = self.observations
        if self.settings.loss != "squared":
            images = observations.centred_batch(rows)
        else:
            images = observations.batch(rows) if choice is None else observations.batch_to_train(rows, choice)
        evidence = self.mixture.evidence_of(rows)
        return LoadedBatch(self.encoder_inputs.batch(rows), images, self.pose_costs(rows), evidence)

    def pose_costs(self, rows: Tensor) -> Tensor | float:  # (batch,) nats
        return 0.0 if self.poses is None else self.poses.costs(rows)

    def _encode(self, batch: LoadedBatch) -> LatentDistribution:
        assert self.model.encoder is not None
        return self.model.encoder(batch.encoder_inputs)

    def _step(
        self,
        batch: LoadedBatch,
        noise: Tensor,
        numbers: StepNumbers,
        generator: torch.Generator,
    ) -> Tensor:
        """One step of Adam: what it adds to EpochSums. Zeros when the loss is not a number, and then nothing changes.

        Nothing here waits for the device, so that it never waits for the CPU.
        """
        set_rates(self.optimiser, numbers.rate_factor)
        distribution, cloud = self.clock.timed(phases.NETWORKS, self.joint_model, batch.encoder_inputs, noise)
        image_losses, scores = self.clock.timed(phases.LOSS, self._image_loss, batch, cloud)
        kl_divergences = distribution.kl_divergence()
        bounds = image_losses.detach() + numbers.kl_weight * kl_divergences.detach()
        bounds = bounds + batch.pose_costs
        kinds = self.mixture.probabilities(bounds, batch.any_pose)
        clear = self.mixture.fraction_clear(bounds, batch.any_pose)
        weights = kinds[:, 0]
        image_loss = (weights * image_losses).mean()
        kl = (weights * kl_divergences).mean()
        contrast = (weights[:, None] * scores).mean(0).unbind()
        extra, extra_terms = self.extra_losses(cloud, distribution.means, self.epoch, generator)
        loss = image_loss + numbers.kl_weight * kl + extra
        loss = loss + numbers.price_weight * self.prices(cloud)
        self.optimiser.zero_grad(set_to_none=True)
        self.clock.timed(phases.GRADIENTS, loss.backward)
        norm = torch.nn.utils.clip_grad_norm_(self._trained_parameters(), MAXIMUM_GRADIENT_NORM)
        is_bad = self.workers.any(~torch.isfinite(loss.detach() + norm))
        self.optimiser.found_inf = is_bad.float()  # type: ignore[attr-defined]  # makes the fused step leave all as it was
        self.clock.timed(phases.OPTIMISER, self.optimiser.step)
        one, (score, information) = torch.ones_like(norm), contrast
        added = EpochSums(
            image_loss.detach(), kl.detach(), one, score, information, clear, kinds.mean(0), extra_terms
        )
        return torch.where(is_bad, 0.0, added.as_vector().double())

    def _image_loss(
        self,
        batch: LoadedBatch,
        cloud: GaussianCloud,
    ) -> ParticleLosses:
        is_squared, contrast = self.settings.loss == "squared", self.settings.contrast
        images = batch.images
        projections = self.clock.timed(
            phases.PROJECTION, model_images, cloud, images, self.settings.projector
        )
        return losses_of_projections(projections, images, self.contrast_variance, contrast, is_squared)

    def _refine_poses_if_due(self) -> None:
        if self.poses is not None and self.plan.is_pose_epoch(self.epoch):
            self.refine_poses()

    def refine_poses(self) -> None:
        """One pass over the poses of all particles, and new encoder inputs where they have moved."""
        assert self.poses is not None
        had_moved = self.poses.are_moved
        self.poses.refine(
            self.model,
            self.encoder_inputs,
            self.training_rows,
            self.mixture.of_model,
            self.contrast_variance,
            self.plan.maximum_epochs * len(self.training_rows) // self.settings.batch_size,
        )
        if had_moved or self.poses.are_moved:
            self._read_encoder_inputs()

    def finish_poses(self) -> None:
        """A last pass with the final model, where poses were refined at all."""
        if self.poses is not None and not self.poses.prior.is_zero:
            self.refine_poses()

    def _read_encoder_inputs(self) -> None:
        assert self.model.anchors is not None
        self.encoder_inputs = EncoderInputs.compute(
            self.model.anchors, self.observations, workers=self.workers
        )

    def _kl_weight(self, fraction: float) -> float:
        return self.kl_factor * kl_weight_at(fraction, self.settings.kl_start, self.settings.kl_weight)

    def _trained_parameters(self) -> list[Tensor]:
        return [parameter for group in self.optimiser.param_groups for parameter in group["params"]]

    def _check_bad_steps(self, bad_steps: int) -> None:
        self.bad_steps = bad_steps
        if self.bad_steps > MAXIMUM_BAD_STEPS:
            raise RunError(
                f"{self.bad_steps} training steps gave a loss that is not a number. "
                f"Lower --learning-rate (now {self.settings.learning_rate}) and start again with --resume, "
                "or look for broken images in the particle stack."
            )
