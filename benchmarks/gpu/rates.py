"""How fast a device projects and trains, beside what it could do at best."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from bench_projection import Ceilings, backward_work, forward_work, measure_ceilings, seconds_of
from scipy.spatial.transform import Rotation

from gem_plugin.gaussians.cloud import GaussianCloud, LengthUnit
from gem_plugin.gaussians.pixel_tables import footprint_of
from gem_plugin.gaussians.projection import project_gaussians
from gem_plugin.heterogeneity.architecture import architecture_for, build_model
from gem_plugin.heterogeneity.encoder.anchor_scores import EncoderInputs, features_of_view
from gem_plugin.heterogeneity.image_owners import ImagesOfParticles
from gem_plugin.heterogeneity.observations import Observations
from gem_plugin.heterogeneity.settings import TrainSettings
from gem_plugin.heterogeneity.training import Trainer
from gem_plugin.heterogeneity.training_plan import OneCycle
from gem_plugin.imaging.ctf import CtfParameters
from gpu.timeline import Timeline, timeline_of

WIDTH_IN_PIXELS = 0.5
EPOCHS_OF_SCHEDULE = 100  # the measured epochs are the first of so many


@dataclass(frozen=True)
class Work:
    """One size of training."""

    box: int
    n_gaussians: int
    batch_size: int = 64
    n_particles: int = 8192
    precision: str = "auto"
    records_steps: bool = True
    looks_for_outliers: bool = True
    images_are_short: bool = False  # kept in half precision
    images_of_each: int = 1  # more: particles of tilt series

    def smaller(self) -> "Work":
        """The same in seconds on a CPU."""
        n_particles = 256 if self.images_of_each == 1 else 64
        return replace(self, box=32, n_gaussians=200, n_particles=n_particles, batch_size=32)


SIZES = (
    Work(64, 1600),
    Work(64, 8000),
    Work(128, 8000),
    Work(128, 8000, records_steps=False),
    Work(128, 8000, precision="float32"),
    Work(128, 8000, batch_size=256),
    Work(128, 8000, images_are_short=True),
    Work(256, 8000, n_particles=4096),
)
TILT_SERIES = Work(64, 1600, n_particles=2048, images_of_each=41)
PROJECTIONS = ((64, 1600, 64), (128, 8000, 64), (128, 8000, 256), (256, 8000, 64))  # box, Gaussians, images


def projection_rates(device: torch.device, sizes=PROJECTIONS) -> dict[str, Any]:
    """Images a second forward and backward, and their share of the roofline."""
    ceilings = measure_ceilings(device)
    rows = [_projection_rate(device, ceilings, *size) for size in sizes]
    return {
        "float32_gigaflops_per_second": ceilings.operations_per_second / 1e9,
        "gigabytes_per_second": ceilings.bytes_per_second / 1e9,
        "rows": rows,
    }


def _projection_rate(
    device: torch.device, ceilings: Ceilings, box: int, n_gaussians: int, batch: int
) -> dict[str, Any]:
    generator = torch.Generator().manual_seed(0)
    positions = torch.nn.functional.normalize(torch.randn(batch, n_gaussians, 3, generator=generator), dim=-1)
    positions = positions * torch.rand(batch, n_gaussians, 1, generator=generator) ** (1 / 3) * box / 4
    amplitudes = torch.rand(batch, n_gaussians, generator=generator) + 0.5
    leaves = [values.to(device).requires_grad_() for values in (positions, amplitudes)]
    widths = torch.full((n_gaussians,), WIDTH_IN_PIXELS, device=device)
    rotations = torch.linalg.qr(torch.randn(batch, 3, 3, generator=generator)).Q.to(device)
    cloud = GaussianCloud(*leaves, widths, LengthUnit.PIXEL)
    with torch.no_grad():
        forward = seconds_of(lambda: project_gaussians(cloud, rotations, box), device)
    images = project_gaussians(cloud, rotations, box)
    gradients = torch.randn_like(images)
    backward = seconds_of(lambda: torch.autograd.grad(images, leaves, gradients, retain_graph=True), device)
    size = batch, n_gaussians, box, footprint_of(WIDTH_IN_PIXELS)
    return {
        "box": box,
        "gaussians": n_gaussians,
        "batch": batch,
        "forward_per_second": batch / forward,
        "backward_per_second": batch / backward,
        "forward_roofline": ceilings.seconds_for(forward_work(*size)) / forward,
        "backward_roofline": ceilings.seconds_for(backward_work(*size)) / backward,
    }


def training_rate(work: Work, device: torch.device, with_timeline: bool = False) -> dict[str, Any]:
    """Particles a second of whole steps (median of epochs after the first), memory, and the gaps between operations."""
    if device.type == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(device)
    trainer = _trainer(work, device)
    records = [trainer.run_epoch() for _ in range(4)]
    rates = sorted(record.particles_per_second for record in records[1:])
    row = {
        **vars(work),
        "particles_per_second": rates[len(rates) // 2],
        "first_epoch_seconds": records[0].seconds,
        "is_recorded": trainer._can_record([torch.arange(work.batch_size)] * 2),
        "gigabytes": torch.cuda.max_memory_allocated(device) / 1e9 if device.type == "cuda" else None,
        "loss_is_finite": all(record.loss == record.loss for record in records),
    }
    if with_timeline and device.type == "cuda":
        timeline: Timeline = timeline_of(trainer.run_epoch)
        row |= {"timeline": timeline.as_dict(work.n_particles // work.batch_size)}
    return row


def tilt_series_rates(work: Work, device: torch.device) -> dict[str, Any]:
    """Whether the steps of tilt series are recorded, and particles a second of them with and without."""
    recorded, one_by_one = (
        training_rate(replace(work, records_steps=records_steps), device) for records_steps in (True, False)
    )
    return {
        "steps_are_recorded": recorded["is_recorded"],
        "particles_per_second_of_recorded_steps": recorded["particles_per_second"],
        "particles_per_second_of_steps_one_by_one": one_by_one["particles_per_second"],
        "loss_is_finite": recorded["loss_is_finite"] and one_by_one["loss_is_finite"],
    }


def _trainer(work: Work, device: torch.device) -> Trainer:
    n, box = work.n_particles * work.images_of_each, work.box  # images
    owned = None
    if work.images_of_each > 1:
        owned = ImagesOfParticles(np.arange(0, n + 1, work.images_of_each))
    generator = torch.Generator().manual_seed(0)
    settings = TrainSettings(
        batch_size=work.batch_size, precision=work.precision, validation_fraction=0.0, refine_poses=False
    )
    ones = torch.ones(n)
    defocus = 10_000 + 10_000 * torch.rand(n, generator=generator)
    ctf = CtfParameters(
        defocus, defocus + 200, 30 * ones, 0 * ones, 0 * ones, ones, 300 * ones, 2.7 * ones, 0.1 * ones
    )
    pixel_size = 384 / box
    observations = Observations(
        torch.randn(n, box, box, generator=generator).numpy(),
        torch.tensor(Rotation.random(n, random_state=0).as_matrix(), dtype=torch.float32),
        torch.zeros(n, 2),
        ctf,
        torch.ones(box // 2 + 1),
        pixel_size,
        owned=owned,
    )
    cloud = GaussianCloud(
        torch.randn(work.n_gaussians, 3, generator=generator) * box / 8,
        torch.full((work.n_gaussians,), 0.1),
        torch.full((work.n_gaussians,), WIDTH_IN_PIXELS),
        LengthUnit.PIXEL,
    )
    of_view = features_of_view(observations)
    architecture = architecture_for(settings, work.n_gaussians, box, pixel_size, of_view)
    model = build_model(architecture, cloud, generator)
    model.to(device)
    observations.move_to_(device)
    observations.keep_in_memory(dtype=torch.float16 if work.images_are_short else torch.float32)
    inputs = EncoderInputs.compute(model.anchors, observations)
    rows = torch.arange(work.n_particles)
    model.encoder.standardise_by(inputs.batch(rows[:2000]), len(model.anchors))
    trainer = Trainer(model, observations, inputs, rows, rows[:0], settings, OneCycle(EPOCHS_OF_SCHEDULE))
    trainer.records_steps = work.records_steps
    if work.looks_for_outliers:
        trainer.mixture.look_for_outliers(cloud, observations)
    return trainer


@contextmanager
def timed(into: dict[str, Any], name: str) -> Iterator[None]:
    """Put the seconds that a block takes into a dictionary."""
    start = time.perf_counter()
    yield
    into[name] = time.perf_counter() - start
