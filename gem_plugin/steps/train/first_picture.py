"""A preliminary report.html while training goes on, at less than a hundredth of its time."""

import time
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from gem_plugin.gaussians.projection import project_gaussians
from gem_plugin.heterogeneity import phase_clock as phases
from gem_plugin.heterogeneity.training import Trainer
from gem_plugin.heterogeneity.training_plan import epochs_in_words
from gem_plugin.io.run.aside import RunFilesAside
from gem_plugin.io.run.files import RunFiles
from gem_plugin.progress import Progress
from gem_plugin.reports.training_page import TrainingState, TrainingView, write_training_page

MAXIMUM_POINTS = 4000
ROWS_AT_A_TIME = 1024
FRACTION_OF_TIME = 0.01  # of the training, that all pictures after the first may take
LOW, HIGH = (
    (0.05, 0.15),
    (0.85, 0.95),
)  # of the particles along component 1: of these the mean latents are drawn
TWO_VIEWS = torch.tensor(  # along z, along y
    [[[1.0, 0, 0], [0, 1, 0], [0, 0, 1]], [[1, 0, 0], [0, 0, 1], [0, -1, 0]]]
)


class PreliminaryReport:
    """Writes report.html at the start of training, after the first epoch, and then as often as is cheap.

    While a training replaces that of a finished run, the report of the finished run stays until the new one is there.
    """

    def __init__(self, run: RunFiles, trainer: Trainer, progress: Progress) -> None:
        self.run, self.trainer, self.progress = run, trainer, progress
        self._is_on = trainer.workers.is_main and not isinstance(run, RunFilesAside)
        self._begun = time.monotonic()
        self._seconds = 0.0  # that the pictures after the first took
        self._n_pictures = 0

    def begin(self) -> None:
        """Before the first epoch of this start; a training that goes on shows where it stopped."""
        if not self.trainer.history:
            self._write(
                None, TrainingState(f"Training begins: at most {self.trainer.plan.maximum_epochs} epochs.")
            )
        else:
            self._draw("")

    def after_epoch(self, line: str) -> None:  # of the log
        """Draw where that keeps the pictures below their part of the time."""
        is_due = self._seconds <= FRACTION_OF_TIME * (time.monotonic() - self._begun)
        if self._n_pictures == 0 or is_due:
            self._draw(line)

    def end(self) -> None:
        """After the last epoch, before the steps that follow."""
        self._draw("", "Training has ended")

    def _draw(self, line: str, what: str = "Training is running") -> None:
        if not self._is_on:
            return
        start = time.monotonic()
        with self.trainer.clock.phase(phases.PICTURES):
            self._write_picture(line, what)
        self._seconds += time.monotonic() - start if self._n_pictures else 0.0
        self._n_pictures += 1
        if self._n_pictures == 1:
            self.progress.say(f"A first, preliminary picture of the particles: {self.run.report}")

    def _write_picture(self, line: str, what: str) -> None:
        trainer = self.trainer
        view = view_of(trainer)
        sentence = (
            f"{what}: epoch {trainer.epoch} of {epochs_in_words(trainer.plan)} is done. "
            "This picture is preliminary; the report replaces it when the run has ended."
        )
        self._write(view, TrainingState(sentence, line, trainer.history[-1].seconds))
        if view is not None:
            self.progress.show_preview(view)

    def _write(self, view: TrainingView | None, state: TrainingState) -> None:
        if not self._is_on:
            return
        try:
            write_training_page(self.run, view, state)
        except (
            OSError
        ) as error:  # a full disk stops the checkpoint, with its own words; a picture stops nothing
            self._is_on = False
            self.progress.say(f"{self.run.report} could not be written during training ({error}).")


class _Plane(NamedTuple):
    points: Tensor  # (k, 2)
    chosen: Tensor  # (2, 2)
    latents: Tensor  # (2, latent_size), of the chosen


@torch.no_grad()
def view_of(trainer: Trainer) -> TrainingView | None:
    """A sample of the latents on their two largest components, and the model low and high on the first.

    None where they cannot be drawn, as after steps whose loss is not a number. Draws no random numbers, changes no weight.
    """
    was_training = trainer.model.training
    trainer.model.eval()
    try:
        rows = trainer.training_rows
        sample = rows[torch.linspace(0, len(rows) - 1, min(MAXIMUM_POINTS, len(rows))).long()]
        latents = torch.cat([trainer.embed(part).means for part in sample.split(ROWS_AT_A_TIME)]).float()
        if len(latents) < 2 or not bool(torch.isfinite(latents).all()):
            return None
        plane = _plane_of(latents)
        images = _projections(trainer, plane.latents.to(trainer.device))
    finally:
        trainer.model.train(was_training)
    if not np.isfinite(images).all():
        return None
    return TrainingView(plane.points.cpu().numpy(), len(rows), plane.chosen.cpu().numpy(), images)


def _plane_of(latents: Tensor) -> _Plane:  # (k, latent_size)
    """Principal components; a second one of zeros where there is one latent."""
    middle = latents.mean(dim=0)
    centred = latents - middle
    components = torch.linalg.svd(centred.T @ centred)[0][:, :2]  # (latent_size, at most 2)
    components = torch.nn.functional.pad(components, (0, 2 - components.shape[1]))
    points = centred @ components
    order = torch.argsort(points[:, 0])
    ends = [
        order[int(low * len(order)) : max(int(low * len(order)) + 1, int(high * len(order)))]
        for low, high in (LOW, HIGH)
    ]
    of_ends = torch.stack([latents[end].mean(dim=0) for end in ends])
    return _Plane(points, (of_ends - middle) @ components, of_ends)


def _projections(trainer: Trainer, latents: Tensor) -> np.ndarray:  # (2, latent_size) -> (2, 2, box, box)
    cloud = trainer.model.cloud_in_pixels(latents.repeat_interleave(len(TWO_VIEWS), dim=0))
    views = TWO_VIEWS.repeat(len(latents), 1, 1).to(latents.device)
    images = project_gaussians(cloud, views, trainer.model.box_size, projector=trainer.settings.projector)
    return images.reshape(len(latents), len(TWO_VIEWS), *images.shape[1:]).cpu().numpy()
