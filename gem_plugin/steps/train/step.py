"""train: learn how the Gaussians move and change, then give every particle its latents."""

import math
from typing import Any

import numpy as np
import torch

from gem_plugin.devices import choose_device, set_threads
from gem_plugin.errors import InputError
from gem_plugin.heterogeneity import phase_clock as phases
from gem_plugin.heterogeneity.architecture import ModelArchitecture
from gem_plugin.heterogeneity.held_out_support import held_out_support
from gem_plugin.heterogeneity.settings import TrainSettings
from gem_plugin.heterogeneity.training import Trainer
from gem_plugin.heterogeneity.training_end import training_end
from gem_plugin.io.array_files import write_array
from gem_plugin.io.run.files import RunFiles
from gem_plugin.processes.joined import joined_workers, quiet, wait_for_all
from gem_plugin.processes.workers import Workers
from gem_plugin.progress import Progress
from gem_plugin.results.time_spent import read_training_times, write_training_times
from gem_plugin.results.written_particles import write_latents, write_refined_particles
from gem_plugin.settings import check_settings
from gem_plugin.steps.train.embedding import embed_particles, embedded_together, refine_particles
from gem_plugin.steps.train.epochs import train_to_the_end
from gem_plugin.steps.train.first_picture import PreliminaryReport
from gem_plugin.steps.train.focus_mask import check_focus_mask
from gem_plugin.steps.train.half_sets import check_half_sets, train_halves
from gem_plugin.steps.train.images import check_for_tilt_series, open_cached_observations, rows_used
from gem_plugin.steps.train.matches import write_matches
from gem_plugin.steps.train.setup import make_trainer, read_consensus


def run_train(run: RunFiles, settings: TrainSettings, progress: Progress) -> dict[str, Any]:
    """Write train/checkpoint.pt and train/history.csv after every epoch; at the end latents and particles.star."""
    check_settings(settings)
    check_focus_mask(run, settings.focus_mask)
    if run.prepared_tilt_series.is_file():
        check_for_tilt_series(settings)
    set_threads(settings.threads)
    with joined_workers(settings.device) as (workers, device_name):
        if settings.batch_size % workers.size:
            raise InputError(
                f"--batch-size is {settings.batch_size}; expected a multiple of the {workers.size} processes."
            )
        if not workers.is_main:
            progress = quiet(progress)
        return _train(run, settings, choose_device(device_name), workers, progress)


def _train(
    run: RunFiles, settings: TrainSettings, device: torch.device, workers: Workers, progress: Progress
) -> dict[str, Any]:
    clock = phases.PhaseClock(measures_parts_of_steps=device.type == "cpu")
    clock.seconds = read_training_times(run) if settings.resume else {}
    with clock.phase(phases.READING):
        observations, table = open_cached_observations(run, settings, device, progress)
    rows = rows_used(run, len(table))
    half_sets = np.zeros_like(table.half_sets)
    half_sets[rows] = table.half_sets[rows]
    if settings.halves:
        check_half_sets(half_sets)
    consensus = read_consensus(run, settings, observations, progress)
    with clock.phase(phases.READING):
        trainer, architecture = make_trainer(run, settings, observations, consensus, rows, progress)
    trainer.clock = clock
    pictures = PreliminaryReport(run, trainer, progress)
    pictures.begin()
    train_to_the_end(run, trainer, architecture, progress, pictures)
    clock.timed(phases.POSES, trainer.finish_poses)
    pictures.end()
    end = training_end(trainer.plan, trainer.epoch, len(rows))
    progress.say(end["ended"])
    numbers = {**_summary(trainer, architecture), **end, "device": str(device), "processes": workers.size}
    if workers.is_main:
        with clock.phase(phases.VALIDATION):
            numbers |= _support(trainer, progress)
    with clock.phase(phases.LATENTS):
        numbers |= _embed(run, trainer, progress)
    if settings.halves:
        with clock.phase(phases.HALVES):
            numbers |= train_halves(run, settings, observations, consensus, half_sets, trainer.plan, progress)
    if workers.is_main:
        write_training_times(run, clock.seconds)
    wait_for_all(workers)
    return numbers


def _embed(run: RunFiles, trainer: Trainer, progress: Progress) -> dict[str, Any]:
    """Every process embeds and matches its particles; the first one writes those of all."""
    numbers: dict[str, Any] = {}
    own = embed_particles(trainer, progress)
    if trainer.settings.refine_latents:
        own, gain = refine_particles(trainer, own, progress)
        numbers["refinement_gain"] = round(gain, 4)
    latents = embedded_together(trainer, own)
    if trainer.workers.is_main:
        write_array(run.latents, latents.means)
        write_array(run.latents_std, latents.standard_deviations)
    numbers |= write_matches(run, trainer, own, progress)
    if trainer.workers.is_main:
        with progress.waiting("particles with their latents"):
            write_latents(run, latents.means)
            write_refined_particles(run)
    return numbers


def _support(trainer: Trainer, progress: Progress) -> dict[str, float | None]:
    """Whether the latents describe more than noise, by held-out particles; None where that is not measured."""
    if trainer.settings.loss != "squared" or len(trainer.validation_rows) < 2:
        return {"support_in_nats": None, "support_error": None}
    support = held_out_support(
        trainer.model,
        trainer.observations,
        trainer.encoder_inputs,
        trainer.training_rows,
        trainer.validation_rows,
        torch.Generator().manual_seed(trainer.settings.seed),
        trainer.settings.projector,
        progress.track,
        contrast_variance=trainer.contrast_variance,
    )
    progress.say(
        f"Held-out particles fit the flexible model {support.nats:+.2f} ± {support.standard_error:.2f} nats per particle "
        "better than a single structure, after the complexity penalty"
    )
    return {"support_in_nats": round(support.nats, 3), "support_error": round(support.standard_error, 3)}


def _summary(trainer: Trainer, architecture: ModelArchitecture) -> dict[str, Any]:
    last = trainer.history[-1]
    return {
        "epochs": trainer.epoch,
        "particles": len(trainer.observations),
        "validation_particles": len(trainer.validation_rows),
        "gaussians": architecture.n_gaussians,
        "loss": round(last.loss, 4),
        "validation_loss": None if math.isnan(last.validation_loss) else round(last.validation_loss, 4),
        "kl_in_nats": round(last.kl, 3),
        "contrast_spread": round(last.contrast_spread, 3),
        "skipped_steps": trainer.bad_steps,
        "particles_per_second": round(
            float(np.mean([record.particles_per_second for record in trainer.history]))
        ),
    }
