"""Training: one step, one epoch, the whole state that a checkpoint must hold. Files are the caller's business."""

import math
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict
from typing import Any, NamedTuple

import torch
from torch import Tensor

from gem_plugin.errors import RunError
from gem_plugin.gaussians.cloud import GaussianCloud
from gem_plugin.gaussians.projection import project_gaussians
from gem_plugin.heterogeneity.encoder.anchor_scores import EncoderInputs
from gem_plugin.heterogeneity.encoder.network import LatentDistribution, is_bfloat16
from gem_plugin.heterogeneity.epoch_records import EpochRecord, EpochSums
from gem_plugin.heterogeneity.losses.contrast import better_variance, contrast_scores
from gem_plugin.heterogeneity.losses.image import absolute_error, error_of_agreement, image_agreement
from gem_plugin.heterogeneity.losses.occupancy import occupancy_price, particles_that_share
from gem_plugin.heterogeneity.losses.optional_terms import EXTRA_TERMS, ExtraLosses
from gem_plugin.heterogeneity.model import HeterogeneityModel
from gem_plugin.heterogeneity.observations import MatchedBatch, Observations, row_chunks
from gem_plugin.heterogeneity.outliers import OutlierMixture
from gem_plugin.heterogeneity.particle_poses import ParticlePoses, is_pose_epoch
from gem_plugin.heterogeneity.pose_refinement import PosePrior
from gem_plugin.heterogeneity.prefetch import loaded_batches, send
from gem_plugin.heterogeneity.schedule import (
    KL_RISE,
    epoch_generator,
    kl_weight_at,
    learning_rate_factor,
    shuffled_batches,
)
from gem_plugin.heterogeneity.settings import TrainSettings
from gem_plugin.heterogeneity.workers import JointModel, current_workers
from gem_plugin.units import COLLAPSED_KL_IN_NATS

CANONICAL_RATE = 0.5  # of the learning rate, for positions, amplitudes and widths of the canonical cloud
MAXIMUM_GRADIENT_NORM = 1.0
MAXIMUM_BAD_STEPS = 5  # steps with a non-finite loss before the run stops
STEPS_BETWEEN_CHECKS = 20  # of the number of such steps; each check waits for the device
KL_WEIGHT_OF_BOUND = 1.0  # makes the loss the evidence bound of the images


class LoadedBatch(NamedTuple):
    """What a step needs of some particles, on its device."""

    encoder_inputs: Tensor  # (batch, n_inputs)
    images: MatchedBatch  # for the absolute error: centred images with their CTF
    pose_costs: Tensor | float  # (batch,) nats
    any_pose: Tensor | None  # (batch,) log-likelihood of the molecule in any pose; None: not looked for


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
        n_epochs: int,
    ) -> None:
        self.model, self.observations, self.encoder_inputs = model, observations, encoder_inputs
        self.training_rows, self.validation_rows = training_rows, validation_rows
        self.settings, self.n_epochs = settings, n_epochs
        self.device = next(model.parameters()).device
        if model.encoder is not None:
            model.encoder.trains_in_bfloat16 = is_bfloat16(settings.precision, self.device)
        self.optimiser = make_optimiser(model, settings.learning_rate)
        self.extra_losses = ExtraLosses(model, settings)
        self.workers = current_workers()
        self.joint_model = JointModel(model, self.workers)
        self.epoch = 0  # finished epochs
        self.bad_steps = 0
        self.kl_factor = 1.0  # lowered when the latents collapse
        self.contrast_variance = 0.0  # of the particles, about 1; see losses/contrast.py
        is_squared = settings.loss == "squared"
        self.poses = (
            ParticlePoses(observations, self.workers, settings.projector)
            if settings.refine_poses and is_squared
            else None
        )
        self.mixture = OutlierMixture()
        self.history: list[EpochRecord] = []

    def run_epoch(self, track: Callable[[Iterable[Tensor]], Iterable[Tensor]] = iter) -> EpochRecord:
        """One pass over the training particles. Raises RunError when too many losses are not a number."""
        start = time.monotonic()
        self._refine_poses_if_due()
        generator = epoch_generator(self.settings.seed, self.epoch)
        batches = shuffled_batches(self.training_rows, self.settings.batch_size, generator)
        sums = EpochSums.zeros(self.device).as_vector()
        n_particles, bad_steps_before = 0, self.bad_steps
        self.model.train()
        loaded = loaded_batches(track(batches), self._load_local, is_ahead=self.device.type == "cuda")
        for number, (rows, batch) in enumerate(loaded, start=1):
            fraction = (self.epoch + (number - 1) / len(batches)) / self.n_epochs
            noise = torch.randn(len(rows), self.model.latent_size, generator=generator)
            noise = send(self.workers.local_rows(noise), self.device)
            sums += self._step(batch, noise, fraction, generator)
            n_particles += len(rows)
            if number % STEPS_BETWEEN_CHECKS == 0 or number == len(batches):
                self._check_bad_steps(bad_steps_before + number - int(EpochSums.of_vector(sums).good_steps))
        total = EpochSums.of_vector(self.workers.mean(sums).cpu())
        n_good = max(1, int(total.good_steps))
        seconds = time.monotonic() - start
        validation_loss, validation_kl = self.validation_losses()
        if (
            self.epoch / self.n_epochs >= KL_RISE[1]
        ):  # before, cheap latents would take the contrast over for good
            score, information = float(total.contrast_score), float(total.contrast_information)
            self.contrast_variance = better_variance(self.contrast_variance, score, information)
        self.mixture.update(total.kinds, float(total.clear) / n_good)
        self.epoch += 1
        done = self.epoch / self.n_epochs
        prior = self.poses.prior if self.poses is not None else PosePrior()
        record = EpochRecord(
            self.epoch,
            float(total.image_loss) / n_good,
            float(total.kl) / n_good,
            validation_loss,
            self._kl_weight(done),
            self.settings.learning_rate * learning_rate_factor(done),
            self.bad_steps,
            n_particles / max(seconds, 1e-9),
            time.monotonic() - start,
            **dict(zip(EXTRA_TERMS, (total.extra_terms / n_good).tolist(), strict=True)),
            validation_kl=validation_kl,
            contrast_spread=math.sqrt(self.contrast_variance),
            pose_spread=math.degrees(math.sqrt(prior.angle)),
            shift_spread=math.sqrt(prior.shift) * self.model.pixel_size_in_angstroms,
            outlier_fraction=float((total.kinds[1:] / n_good).sum()),
        )
        self.history.append(record)
        return record

    @property
    def has_collapsed(self) -> bool:
        """Whether the latents have collapsed to the prior, so that all particles have one conformation."""
        return self.epoch >= 2 and self.history[-1].kl < COLLAPSED_KL_IN_NATS

    def relieve_collapse(self) -> bool:
        """Halve a KL weight above that of the evidence bound when the latents have collapsed to the prior; True when that was done.

        At the bound's own weight of 1 and below, latents collapsed to the prior are an answer: the particles do not differ by
        more than their noise. A lower weight would fill them with noise.
        """
        if not self.has_collapsed or self._kl_weight(self.epoch / self.n_epochs) <= KL_WEIGHT_OF_BOUND:
            return False
        self.kl_factor /= 2
        return True

    @torch.no_grad()
    def validation_losses(self) -> tuple[float, float]:
        """Image loss and KL divergence of the held-out validation particles, with their mean latents."""
        if not len(self.validation_rows):
            return math.nan, math.nan
        self.model.eval()
        total = torch.zeros(2, dtype=torch.float64, device=self.device)
        rows_here = self.workers.local_rows(self.validation_rows)
        for part in row_chunks(len(rows_here), self.settings.batch_size):
            batch = self._load(rows_here[part])
            distribution = self._encode(batch)
            cloud = self.model.cloud_in_pixels(distribution.means)
            losses, kl = self._image_loss(batch, cloud)[0], distribution.kl_divergence()
            weights = self.mixture.probabilities(losses + kl + batch.pose_costs, batch.any_pose)[:, 0]
            total += torch.stack([(weights * losses).sum(), (weights * kl).sum()])
        loss, kl = (self.workers.sum(total) / len(self.validation_rows)).tolist()
        return loss, kl

    @torch.no_grad()
    def embed(self, rows: Tensor) -> LatentDistribution:
        """The latents of the given particles."""
        assert self.model.encoder is not None
        return self.model.encoder(self.encoder_inputs.batch(rows))

    def state(self) -> dict[str, Any]:
        """Everything that a later process needs to continue as if nothing had happened."""
        return {
            "model": self.model.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "epoch": self.epoch,
            "n_epochs": self.n_epochs,
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
        self.optimiser.load_state_dict(state["optimiser"])
        self.epoch, self.bad_steps = state["epoch"], state["bad_steps"]
        self.kl_factor = state["kl_factor"]
        self.contrast_variance = state.get("contrast_variance", 0.0)
        if "mixture" in state:
            self.mixture.load_state(state["mixture"])
        if self.poses is not None and state.get("poses"):
            self.poses.load_state(state["poses"])
            self._read_encoder_inputs()
        self.extra_losses.load_state(state.get("extra_losses", {}))
        self.history = [EpochRecord(**record) for record in state["history"]]

    def _load_local(self, rows: Tensor) -> LoadedBatch:
        return self._load(self.workers.local_rows(rows))

    def _load(self, rows: Tensor) -> LoadedBatch:
        """What a step needs of the given particles, on the device."""
        is_squared = self.settings.loss == "squared"
        images = self.observations.batch(rows) if is_squared else self.observations.centred_batch(rows)
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
        fraction: float,
        generator: torch.Generator,
    ) -> Tensor:
        """One step of Adam: what it adds to EpochSums. Zeros when the loss is not a number, and then nothing changes.

        Nothing here waits for the device, so that it never waits for the CPU.
        """
        for group in self.optimiser.param_groups:
            group["lr"] = group["peak_rate"] * learning_rate_factor(fraction)
        distribution, cloud = self.joint_model(batch.encoder_inputs, noise)
        image_losses, scores = self._image_loss(batch, cloud)
        kl_divergences = distribution.kl_divergence()
        bounds = image_losses.detach() + self._kl_weight(fraction) * kl_divergences.detach()
        bounds = bounds + batch.pose_costs
        kinds = self.mixture.probabilities(bounds, batch.any_pose)
        clear = self.mixture.fraction_clear(bounds, batch.any_pose)
        weights = kinds[:, 0]
        image_loss = (weights * image_losses).mean()
        kl = (weights * kl_divergences).mean()
        contrast = (weights[:, None] * scores).mean(0).unbind()
        extra, extra_terms = self.extra_losses(cloud, distribution.means, self.epoch, generator)
        loss = image_loss + self._kl_weight(fraction) * kl + self._occupancy_cost(cloud, fraction) + extra
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(self._trained_parameters(), MAXIMUM_GRADIENT_NORM)
        is_bad = self.workers.any(~torch.isfinite(loss.detach() + norm))
        self.optimiser.found_inf = is_bad.float()  # type: ignore[attr-defined]  # makes the fused step leave all as it was
        self.optimiser.step()
        one, (score, information) = torch.ones_like(norm), contrast
        added = EpochSums(
            image_loss.detach(), kl.detach(), one, score, information, clear, kinds.mean(0), extra_terms
        )
        return torch.where(is_bad, 0.0, added.as_vector().double())

    def _occupancy_cost(self, cloud: GaussianCloud, fraction: float) -> Tensor:  # (): nats a particle
        if not self.settings.occupancy_cost:
            return cloud.amplitudes.new_zeros(())
        sharing = particles_that_share(len(self.training_rows), kl_weight_at(fraction, 0.0, 1.0))
        return self.settings.occupancy_cost / max(1.0, sharing) * occupancy_price(cloud.amplitudes)

    def _image_loss(
        self,
        batch: LoadedBatch,
        cloud: GaussianCloud,
    ) -> tuple[Tensor, Tensor]:  # (batch,); (batch, 2): score and information of the contrast
        images, filters, rotations = batch.images
        projections = project_gaussians(
            cloud, rotations, self.model.box_size, projector=self.settings.projector
        )
        if self.settings.loss != "squared":
            return absolute_error(projections, images, filters), torch.zeros(
                len(images), 2, device=self.device
            )
        agreement = image_agreement(projections, images, filters)
        scores = (
            contrast_scores(agreement, self.contrast_variance)
            if self.settings.contrast
            else torch.zeros(len(images), 2, device=self.device)
        )
        return error_of_agreement(agreement, self.contrast_variance), scores

    def _refine_poses_if_due(self) -> None:
        if self.poses is not None and is_pose_epoch(self.epoch, self.n_epochs):
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
            self.n_epochs * len(self.training_rows) // self.settings.batch_size,
        )
        if had_moved or self.poses.are_moved:
            self._read_encoder_inputs()

    def finish_poses(self) -> None:
        """A last pass with the final model, where poses were refined at all."""
        if self.poses is not None and not self.poses.prior.is_zero:
            self.refine_poses()

    def _read_encoder_inputs(self) -> None:
        assert self.model.anchors is not None
        self.encoder_inputs = EncoderInputs.compute(self.model.anchors, self.observations)

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


def make_optimiser(model: HeterogeneityModel, learning_rate: float) -> torch.optim.Optimizer:
    """AdamW; the canonical cloud learns at half the rate of the networks."""
    canonical = [model.positions_in_pixels, model.log_amplitudes]
    if model.log_widths.requires_grad:
        canonical.append(model.log_widths)
    known = {id(parameter) for parameter in (*canonical, model.log_widths)}
    networks = [parameter for parameter in model.parameters() if id(parameter) not in known]
    groups = [
        {"params": networks, "lr": learning_rate, "peak_rate": learning_rate},
        {"params": canonical, "lr": learning_rate, "peak_rate": learning_rate * CANONICAL_RATE},
    ]
    return torch.optim.AdamW(groups, weight_decay=0.0, fused=True)
