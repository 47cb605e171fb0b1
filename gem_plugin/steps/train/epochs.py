"""Epoch after epoch, each with its line for the reader, its checkpoint and its row in the history."""

import csv
import dataclasses
import math
from pathlib import Path

from gem_plugin.heterogeneity import phase_clock as phases
from gem_plugin.heterogeneity.architecture import ModelArchitecture
from gem_plugin.heterogeneity.epoch_records import EpochRecord
from gem_plugin.heterogeneity.training import Trainer
from gem_plugin.heterogeneity.training_plan import CONVERGED, epochs_in_words
from gem_plugin.io.run.files import RunFiles
from gem_plugin.io.whole_files import whole_file
from gem_plugin.progress import Progress
from gem_plugin.results.model import save_training
from gem_plugin.results.time_spent import write_training_times
from gem_plugin.steps.train.first_picture import PreliminaryReport
from gem_plugin.steps.train.images import plain
from gem_plugin.steps.train.matches import check_outliers


def train_to_the_end(
    run: RunFiles,
    trainer: Trainer,
    architecture: ModelArchitecture,
    progress: Progress,
    pictures: PreliminaryReport | None = None,  # None: draw none
) -> None:
    """All epochs that are left; a checkpoint and the history after each."""
    if trainer.history and trainer.workers.is_main:  # the stop may have come between the two
        _write_history(run.history, trainer.history)
    while not trainer.is_finished:
        line = _run_epoch(run, trainer, architecture, progress)
        if pictures is not None:
            pictures.after_epoch(line)
    if trainer.has_collapsed:
        progress.warn(
            f"The latents have collapsed to the prior (KL divergence {trainer.history[-1].kl:.3f} nats per particle): "
            "the images show one conformation only. Either nothing moves, or the signal is too weak to show it."
        )


def _run_epoch(run: RunFiles, trainer: Trainer, architecture: ModelArchitecture, progress: Progress) -> str:
    """One epoch; gives its line in the log."""
    title = f"Epoch {trainer.epoch + 1} of {epochs_in_words(trainer.plan)}"
    was_known = trainer.plan.n_epochs is not None
    with progress.waiting(title):  # after the steps comes the validation
        clock = trainer.clock
        record = clock.timed(
            clock.phase_of_steps,
            trainer.run_epoch,
            lambda batches: progress.track(batches, title, unit="step"),
        )
    line = f"{_one_line(record)}, {_time_left(trainer)} left"
    progress.say(line)
    check_outliers(record.outlier_fraction)
    if not was_known and trainer.plan.n_epochs is not None:
        progress.say(_why_it_anneals(trainer))
    if trainer.relieve_collapse():
        progress.say(
            f"The latents have collapsed to the prior (KL divergence {record.kl:.3f} nats per particle). "
            "The weight of the KL divergence, which is above 1, is halved."
        )
    if trainer.workers.is_main:
        with clock.phase(phases.CHECKPOINTS):
            save_training(run, architecture, trainer.state())
            _write_history(run.history, trainer.history)
        write_training_times(run, clock.seconds)
    return line


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


def _why_it_anneals(trainer: Trainer) -> str:
    plan, gain = trainer.plan, trainer.plan.gain
    measured = (
        "" if gain is None else f" ({gain.nats:+.2f} ± {gain.standard_error:.2f} nats per particle lately)"
    )
    reason = (
        f"Held-out particles no longer gain{measured}"
        if plan.ends_by == CONVERGED
        else f"Held-out particles still gain{measured}, but the longest training is reached"
    )
    return f"{reason}: the learning rate falls to 0 until epoch {plan.n_epochs}"


def _time_left(trainer: Trainer) -> str:
    """Of a training whose end is not known, at most how long."""
    seconds = trainer.history[-1].seconds * (trainer.plan.maximum_epochs - trainer.epoch)
    minutes, rest = divmod(round(seconds), 60)
    if trainer.plan.n_epochs is None:
        return f"up to {max(1, math.ceil(seconds / 60))} min"
    return f"{minutes} min {rest:02d} s"


def _write_history(path: Path, history: list[EpochRecord]) -> None:
    with whole_file(path) as temporary, open(temporary, "w", newline="", encoding="utf-8") as handle:
        writer = csv.DictWriter(handle, [field.name for field in dataclasses.fields(EpochRecord)])
        writer.writeheader()
        writer.writerows(plain(record) for record in history)
