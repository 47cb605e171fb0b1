"""train: learn how the Gaussians move and change, then give every particle its latents."""

import csv
import dataclasses
import math
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gem_plugin.errors import InputError
from gem_plugin.gaussians.cloud import GaussianCloud
from gem_plugin.heterogeneity.architecture import ModelArchitecture, architecture_for, build_model
from gem_plugin.heterogeneity.evidence import SAMPLE_FOR_SCALING, EvidenceTable
from gem_plugin.heterogeneity.model import HeterogeneityModel
from gem_plugin.heterogeneity.observations import Observations, row_chunks
from gem_plugin.heterogeneity.settings import TrainSettings, number_of_epochs
from gem_plugin.heterogeneity.training import EpochRecord, Trainer
from gem_plugin.heterogeneity.workers import Workers
from gem_plugin.io.array_files import write_array
from gem_plugin.io.gaussian_files import read_gaussians
from gem_plugin.io.run_files import RunFiles
from gem_plugin.io.whole_files import whole_file
from gem_plugin.progress import Progress
from gem_plugin.settings import check_settings
from gem_plugin.steps.distributed import joined_workers, quiet, wait_for_all
from gem_plugin.steps.focus_mask import mobile_gaussians
from gem_plugin.steps.trained_model import load_training, save_training
from gem_plugin.steps.training_data import (
    choose_device,
    fits_in_memory,
    open_observations,
    plain,
    set_threads,
)

MOST_VALIDATION_PARTICLES = 2000
ROWS_AT_A_TIME = 1024


def run_train(run: RunFiles, settings: TrainSettings, progress: Progress) -> dict[str, Any]:
    """Write train/checkpoint.pt and train/history.csv after every epoch; at the end latents and particles.star."""
    check_settings(settings)
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
    observations, table = open_observations(run, settings.whiten)
    n_epochs = number_of_epochs(settings, len(table))
    trainer, architecture = _make_trainer(run, settings, observations, n_epochs, device, progress)
    while trainer.epoch < n_epochs:
        _run_epoch(run, trainer, architecture, progress)
    if workers.is_main:
        means, deviations = embed_particles(trainer, progress)
        write_array(run.latents, means)
        write_array(run.latents_std, deviations)
        _write_particles(run, means)
    wait_for_all(workers)
    return {**_summary(trainer, architecture), "device": str(device), "processes": workers.size}


def _make_trainer(
    run: RunFiles,
    settings: TrainSettings,
    observations: Observations,
    n_epochs: int,
    device: torch.device,
    progress: Progress,
) -> tuple[Trainer, ModelArchitecture]:
    saved = _saved_training(run, settings)
    cloud = _read_cloud(run, observations.pixel_size_in_angstroms)
    architecture = architecture_for(
        settings, len(cloud), observations.box_size, observations.pixel_size_in_angstroms
    )
    if saved is not None and saved[0] != architecture:
        raise InputError(
            f"--resume: {run.checkpoint} was trained with other settings of the model "
            f"({_differences(saved[0], architecture)}). Give the same settings, or train without --resume."
        )
    generator = torch.Generator().manual_seed(settings.seed)
    is_mobile = mobile_gaussians(
        run, settings.focus_mask, cloud.positions_in_angstroms, observations.box_size
    )
    if is_mobile is not None:
        progress.say(f"Focus: {int(is_mobile.sum())} of {len(cloud)} Gaussians may change")
    model = build_model(architecture, cloud, generator, is_mobile)
    if saved is not None:
        model.load_state_dict(saved[1]["model"])
    model.to(device)
    observations.move_to_(device)
    if settings.cache != "disk" and (
        settings.cache == "memory" or fits_in_memory(len(observations), observations.box_size, device)
    ):
        observations.keep_in_memory(lambda parts: progress.track(parts, "Reading images", unit="chunk"))
    evidence = _compute_evidence(model, observations, progress)
    training_rows, validation_rows = split_rows(len(observations), settings.validation_fraction, generator)
    trainer = Trainer(model, observations, evidence, training_rows, validation_rows, settings, n_epochs)
    if saved is not None:
        trainer.load_state(saved[1])
        progress.say(f"Resuming after epoch {trainer.epoch} of {n_epochs}")
    return trainer, architecture


def _saved_training(
    run: RunFiles, settings: TrainSettings
) -> tuple[ModelArchitecture, dict[str, Any]] | None:
    if not settings.resume:
        return None
    return load_training(run)


def _read_cloud(run: RunFiles, pixel_size_in_angstroms: float) -> GaussianCloud:
    """The consensus Gaussians, in pixels of the working box."""
    arrays = read_gaussians(run.consensus_gaussians)
    return GaussianCloud(
        torch.from_numpy(arrays.positions_in_angstroms / pixel_size_in_angstroms),
        torch.from_numpy(arrays.amplitudes),
        torch.from_numpy(arrays.widths_in_angstroms / pixel_size_in_angstroms),
    )


def _compute_evidence(
    model: HeterogeneityModel, observations: Observations, progress: Progress
) -> EvidenceTable:
    """Encoder inputs of all particles, and the scale of the encoder from a sample of them."""
    anchors, encoder = model.anchors, model.encoder
    assert anchors is not None
    assert encoder is not None
    evidence = EvidenceTable.compute(
        anchors, observations, lambda parts: progress.track(parts, "Reading evidence", unit="chunk")
    )
    sample = torch.linspace(0, len(observations) - 1, min(SAMPLE_FOR_SCALING, len(observations))).long()
    encoder.standardise_by(evidence.batch(sample), len(anchors))
    return evidence


def split_rows(n: int, validation_fraction: float, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Rows that train and rows that never do, both sorted."""
    n_validation = min(MOST_VALIDATION_PARTICLES, int(validation_fraction * n))
    order = torch.randperm(n, generator=generator)
    return order[n_validation:].sort().values, order[:n_validation].sort().values


def _run_epoch(run: RunFiles, trainer: Trainer, architecture: ModelArchitecture, progress: Progress) -> None:
    title = f"Epoch {trainer.epoch + 1} of {trainer.n_epochs}"
    record = trainer.run_epoch(lambda batches: progress.track(batches, title, unit="step"))
    progress.say(f"{_one_line(record)}, {_time_left(trainer)} left")
    if trainer.relieve_collapse():
        progress.say(
            f"The latents hold almost nothing (KL divergence {record.kl:.3f} nats a particle): they have collapsed to the "
            "consensus. The weight of the KL divergence is halved. Either nothing moves, or the signal is too weak."
        )
    if trainer.workers.is_main:
        save_training(run, architecture, trainer.state())
        _write_history(run.history, trainer.history)


def _one_line(record: EpochRecord) -> str:
    validation = "" if math.isnan(record.validation_loss) else f", validation {record.validation_loss:.4f}"
    return (
        f"Epoch {record.epoch}: loss {record.loss:.4f}{validation}, KL {record.kl:.2f} nats, "
        f"{record.particles_per_second:.0f} particles/s"
    )


def _time_left(trainer: Trainer) -> str:
    seconds = trainer.history[-1].seconds * (trainer.n_epochs - trainer.epoch)
    minutes, seconds = divmod(round(seconds), 60)
    return f"{minutes} min {seconds:02d} s"


def embed_particles(trainer: Trainer, progress: Progress) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of every particle's latents: (n, latent_size) float32 each."""
    trainer.model.eval()
    n, latent_size = len(trainer.observations), trainer.model.latent_size
    means, deviations = (np.empty((n, latent_size), np.float32) for _ in range(2))
    chunks = list(row_chunks(n, ROWS_AT_A_TIME))
    for rows in progress.track(chunks, "Embedding particles", unit="chunk"):
        distribution = trainer.embed(rows)
        means[rows[0] : rows[-1] + 1] = distribution.means.cpu().numpy()
        deviations[rows[0] : rows[-1] + 1] = torch.exp(distribution.log_variances / 2).cpu().numpy()
    return means, deviations


def _write_particles(run: RunFiles, latents: np.ndarray) -> None:
    """particles.star or particles.cs: the input rows with the latents added."""
    from gem_plugin.particles.prepared import load_prepared_table
    from gem_plugin.particles.source import is_cryosparc
    from gem_plugin.steps.write_cs import write_latents_cs
    from gem_plugin.steps.write_star import write_latents_star

    _, _, origin = load_prepared_table(run)
    if is_cryosparc(origin.particle_file):
        write_latents_cs(run, latents)
    else:
        write_latents_star(run, latents)


def _write_history(path: Path, history: list[EpochRecord]) -> None:
    with whole_file(path) as temporary, open(temporary, "w", newline="", encoding="utf-8") as handle:
        writer = csv.DictWriter(handle, [field.name for field in dataclasses.fields(EpochRecord)])
        writer.writeheader()
        writer.writerows(plain(record) for record in history)


def _differences(saved: ModelArchitecture, wanted: ModelArchitecture) -> str:
    pairs = [
        (field.name, getattr(saved, field.name), getattr(wanted, field.name))
        for field in dataclasses.fields(saved)
    ]
    return ", ".join(f"{name} {old} there, {new} now" for name, old, new in pairs if old != new)


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
        "skipped_steps": trainer.bad_steps,
        "particles_per_second": round(
            float(np.mean([record.particles_per_second for record in trainer.history]))
        ),
    }
