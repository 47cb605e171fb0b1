"""Training: one step, one epoch, the whole state that a checkpoint must hold. Files are the caller's business."""

import math
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor

from gem_plugin.errors import RunError
from gem_plugin.gaussians.projection import project_gaussians
from gem_plugin.heterogeneity.encoder import LatentDistribution
from gem_plugin.heterogeneity.evidence import EvidenceTable
from gem_plugin.heterogeneity.image_loss import absolute_error, squared_error
from gem_plugin.heterogeneity.model import HeterogeneityModel
from gem_plugin.heterogeneity.observations import Observations, row_chunks
from gem_plugin.heterogeneity.schedule import (
    epoch_generator,
    kl_weight_at,
    learning_rate_factor,
    shuffled_batches,
)
from gem_plugin.heterogeneity.settings import TrainSettings

CANONICAL_RATE = 0.5  # of the learning rate, for positions, amplitudes and widths of the canonical cloud
LARGEST_GRADIENT_NORM = 1.0
MOST_BAD_STEPS = 5  # steps with a non-finite loss before the run stops
COLLAPSED_NATS = 0.1  # KL divergence per particle below which latents carry nothing


@dataclass
class EpochRecord:
    """One row of history.csv."""

    epoch: int
    loss: float  # image loss per particle, relative to an empty image
    kl: float  # nats per particle
    validation_loss: float  # NaN without validation particles
    kl_weight: float
    learning_rate: float
    bad_steps: int
    particles_per_second: float
    seconds: float


class Trainer:
    """Holds what changes during training; one call of `run_epoch` after another."""

    def __init__(
        self,
        model: HeterogeneityModel,
        observations: Observations,
        evidence: EvidenceTable,
        training_rows: Tensor,
        validation_rows: Tensor,
        settings: TrainSettings,
        n_epochs: int,
    ) -> None:
        self.model, self.observations, self.evidence = model, observations, evidence
        self.training_rows, self.validation_rows = training_rows, validation_rows
        self.settings, self.n_epochs = settings, n_epochs
        self.device = next(model.parameters()).device
        self.optimiser = make_optimiser(model, settings.learning_rate)
        self.epoch = 0  # finished epochs
        self.bad_steps = 0
        self.kl_factor = 1.0  # lowered when the latents collapse
        self.history: list[EpochRecord] = []

    def run_epoch(self, track: Callable[[Iterable[Tensor]], Iterable[Tensor]] = iter) -> EpochRecord:
        """One pass over the training particles. Raises RunError when losses stop being numbers."""
        start = time.monotonic()
        generator = epoch_generator(self.settings.seed, self.epoch)
        batches = shuffled_batches(self.training_rows, self.settings.batch_size, generator)
        loss_sum = kl_sum = 0.0
        n_good = n_particles = 0
        self.model.train()
        for number, rows in enumerate(track(batches)):
            fraction = (self.epoch + number / len(batches)) / self.n_epochs
            result = self._step(rows, fraction, generator)
            if result is not None:
                loss_sum, kl_sum, n_good = loss_sum + result[0], kl_sum + result[1], n_good + 1
                n_particles += len(rows)
        seconds = time.monotonic() - start
        validation_loss = self.validation_loss()
        self.epoch += 1
        done = self.epoch / self.n_epochs
        record = EpochRecord(
            self.epoch,
            loss_sum / max(1, n_good),
            kl_sum / max(1, n_good),
            validation_loss,
            self._kl_weight(done),
            self.settings.learning_rate * learning_rate_factor(done),
            self.bad_steps,
            n_particles / max(seconds, 1e-9),
            time.monotonic() - start,
        )
        self.history.append(record)
        return record

    def relieve_collapse(self) -> bool:
        """Halve the weight of the KL divergence when the latents carry nothing; True when that was needed."""
        if not self.history or self.epoch < 2 or self.history[-1].kl >= COLLAPSED_NATS:
            return False
        self.kl_factor /= 2
        return True

    @torch.no_grad()
    def validation_loss(self) -> float:
        """Image loss of the particles that never train, with their mean latents."""
        if not len(self.validation_rows):
            return math.nan
        self.model.eval()
        total = 0.0
        for part in row_chunks(len(self.validation_rows), self.settings.batch_size):
            rows = self.validation_rows[part]
            total += float(self._image_loss(rows, self.encode(rows).means).sum())
        return total / len(self.validation_rows)

    def encode(self, rows: Tensor) -> LatentDistribution:
        assert self.model.encoder is not None
        return self.model.encoder(self.evidence.batch(rows, self.device))

    def state(self) -> dict[str, Any]:
        """Everything that a later process needs to go on as if nothing had happened."""
        return {
            "model": self.model.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "epoch": self.epoch,
            "n_epochs": self.n_epochs,
            "bad_steps": self.bad_steps,
            "kl_factor": self.kl_factor,
            "history": [asdict(record) for record in self.history],
        }

    def load_state(self, state: dict[str, Any]) -> None:
        self.model.load_state_dict(state["model"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.epoch, self.bad_steps = state["epoch"], state["bad_steps"]
        self.kl_factor = state["kl_factor"]
        self.history = [EpochRecord(**record) for record in state["history"]]

    def _step(self, rows: Tensor, fraction: float, generator: torch.Generator) -> tuple[float, float] | None:
        """One step of Adam; None when the loss is not a number, and then nothing changes."""
        for group in self.optimiser.param_groups:
            group["lr"] = group["peak_rate"] * learning_rate_factor(fraction)
        distribution = self.encode(rows)
        image_loss = self._image_loss(rows, distribution.sample(generator)).mean()
        kl = distribution.kl_divergence().mean()
        loss = image_loss + self._kl_weight(fraction) * kl
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(self._trained_parameters(), LARGEST_GRADIENT_NORM)
        if not bool(torch.isfinite(loss.detach() + norm)):
            self._count_bad_step()
            return None
        self.optimiser.step()
        return float(image_loss.detach()), float(kl.detach())

    def _image_loss(self, rows: Tensor, latents: Tensor) -> Tensor:  # (batch,)
        cloud = self.model.cloud_in_pixels(latents)
        box, projector = self.model.box_size, self.settings.projector
        if self.settings.loss == "absolute":
            rotations = self.observations.rotation_matrices[rows].to(self.device)
            projections = project_gaussians(cloud, rotations, box, 1.0, projector)
            images = self.observations.centred_images(rows).to(self.device)
            return absolute_error(projections, images, self.observations.ctf_half_spectra(rows, self.device))
        batch = self.observations.batch(rows, self.device)
        projections = project_gaussians(cloud, batch.rotation_matrices, box, 1.0, projector)
        return squared_error(projections, batch.images, batch.filters)

    def _kl_weight(self, fraction: float) -> float:
        return self.kl_factor * kl_weight_at(fraction, self.settings.kl_start, self.settings.kl_weight)

    def _trained_parameters(self) -> list[Tensor]:
        return [parameter for group in self.optimiser.param_groups for parameter in group["params"]]

    def _count_bad_step(self) -> None:
        self.bad_steps += 1
        if self.bad_steps > MOST_BAD_STEPS:
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
