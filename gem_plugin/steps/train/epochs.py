"""Epoch after epoch, each with its line for the reader, its checkpoint and its row in the history."""

import csv
import dataclasses
import math
from pathlib import Path

from gem_plugin.heterogeneity.architecture import ModelArchitecture
from gem_plugin.heterogeneity.epoch_records import EpochRecord
from gem_plugin.heterogeneity.training import Trainer
from gem_plugin.io.run.files import RunFiles
from gem_plugin.io.whole_files import whole_file
from gem_plugin.progress import Progress
from gem_plugin.results.model import save_training
from gem_plugin.steps.train.images import plain
from gem_plugin.steps.train.matches import check_outliers


def train_to_the_end(
    run: RunFiles, trainer: Trainer, architecture: ModelArchitecture, progress: Progress
) -> None:
    """All epochs that are left; a checkpoint and the history after each."""
    if trainer.history and trainer.workers.is_main:  # the stop may have come between the two
        _write_history(run.history, trainer.history)
    while trainer.epoch < trainer.n_epochs:
        _run_epoch(run, trainer, architecture, progress)
    if trainer.has_collapsed:
        progress.warn(
            f"The latents have collapsed to the prior (KL divergence {trainer.history[-1].kl:.3f} nats per particle): "
            "the images show one conformation only. Either nothing moves, or the signal is too weak to show it."
        )


def _run_epoch(run: RunFiles, trainer: Trainer, architecture: ModelArchitecture, progress: Progress) -> None:
    title = f"Epoch {trainer.epoch + 1} of {trainer.n_epochs}"
    with progress.waiting(title):  # after the steps comes the validation
        record = trainer.run_epoch(lambda batches: progress.track(batches, title, unit="step"))
    progress.say(f"{_one_line(record)}, {_time_left(trainer)} left")
    check_outliers(record.outlier_fraction)
    if trainer.relieve_collapse():
        progress.say(
            f"The latents have collapsed to the prior (KL divergence {record.kl:.3f} nats per particle). "
            "The weight of the KL divergence, which is above 1, is halved."
        )
    if trainer.workers.is_main:
        save_training(run, architecture, trainer.state())
        _write_history(run.history, trainer.history)


def _one_line(record: EpochRecord) -> str:
    validation = "" if math.isnan(record.validation_loss) else f", validation {record.validation_loss:.4f}"
    return (
        f"Epoch {record.epoch}: loss {record.loss:.4f}{validation}, KL {record.kl:.2f} nats, {_poses(record)}"
        f"{record.particles_per_second:.0f} particles/s"
    )


def _poses(record: EpochRecord) -> str:
    if not record.pose_spread and not record.shift_spread:
        return ""
    return f"poses off by {record.pose_spread:.1f} degrees, {record.shift_spread:.1f} Å, "


def _time_left(trainer: Trainer) -> str:
    seconds = trainer.history[-1].seconds * (trainer.n_epochs - trainer.epoch)
    minutes, seconds = divmod(round(seconds), 60)
    return f"{minutes} min {seconds:02d} s"


def _write_history(path: Path, history: list[EpochRecord]) -> None:
    with whole_file(path) as temporary, open(temporary, "w", newline="", encoding="utf-8") as handle:
        writer = csv.DictWriter(handle, [field.name for field in dataclasses.fields(EpochRecord)])
        writer.writeheader()
        writer.writerows(plain(record) for record in history)
