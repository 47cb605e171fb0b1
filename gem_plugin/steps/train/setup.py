"""A trainer from the files of a run: the consensus, the encoder inputs of all particles, the saved state."""

import dataclasses
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from gem_plugin.errors import InputError
from gem_plugin.gaussians.cloud import GaussianCloud
from gem_plugin.heterogeneity.architecture import ModelArchitecture, architecture_for, build_model
from gem_plugin.heterogeneity.encoder.anchor_scores import SAMPLE_FOR_SCALING, EncoderInputs, features_of_view
from gem_plugin.heterogeneity.losses.contrast import first_contrast_variance
from gem_plugin.heterogeneity.model import HeterogeneityModel
from gem_plugin.heterogeneity.observations import Observations
from gem_plugin.heterogeneity.settings import TrainSettings, number_of_epochs
from gem_plugin.heterogeneity.training import Trainer
from gem_plugin.heterogeneity.training_plan import (
    FIXED,
    REQUESTED,
    OneCycle,
    TrainingPlan,
    epochs_in_words,
    plan_for,
)
from gem_plugin.io.gaussian_files import read_gaussians
from gem_plugin.io.run.files import RunFiles
from gem_plugin.particles.views import particles_of
from gem_plugin.processes.workers import current_workers
from gem_plugin.progress import Progress
from gem_plugin.results.model import load_training
from gem_plugin.steps.train.focus_mask import mobile_gaussians

MAXIMUM_VALIDATION_PARTICLES = 2000  # rows; fewer particles where each has several views


class ConsensusStart(NamedTuple):
    """What training starts from."""

    cloud: GaussianCloud  # in pixels of the working box
    is_mobile: Tensor | None  # (n,) bool; None: all may change


def make_trainer(
    run: RunFiles,  # its checkpoint is read when the settings say resume
    settings: TrainSettings,
    observations: Observations,
    consensus: ConsensusStart,
    rows: Tensor,  # the particles that may train; all of them get latents
    progress: Progress,
    plan_of_all: TrainingPlan | None = None,  # of a training on all particles, of which these are a part
) -> tuple[Trainer, ModelArchitecture]:
    """A trainer for new or continued training, on the device of the observations."""
    observations.reset_poses_()
    saved = load_training(run) if settings.resume else None
    architecture = architecture_for(
        settings,
        len(consensus.cloud),
        observations.box_size,
        observations.pixel_size_in_angstroms,
        features_of_view(observations),
    )
    if saved is not None and saved[0] != architecture:
        raise InputError(
            f"--resume: {run.checkpoint} was trained with other settings of the model "
            f"({_differences(saved[0], architecture)}). Give the same settings, or train without --resume."
        )
    generator = torch.Generator().manual_seed(settings.seed)
    model = build_model(architecture, consensus.cloud, generator, consensus.is_mobile)
    if saved is not None:
        if not torch.equal(saved[1]["model"]["is_mobile"], model.is_mobile):
            raise InputError(
                f"--resume: {run.checkpoint} was trained with another --focus-mask. Give the same, or train without --resume."
            )
        model.load_state_dict(saved[1]["model"])
    model.to(observations.device)
    encoder_inputs = _compute_encoder_inputs(model, observations, rows, progress)
    fraction = settings.validation_fraction
    training_rows, validation_rows = split_rows(rows, fraction, generator, observations.particle_indices)
    if plan_of_all is not None:
        plan = plan_of_all.for_part(settings, len(rows))
    elif saved is not None and "plan" not in saved[1]:  # of a version without plans
        plan = OneCycle(number_of_epochs(settings, len(rows)), REQUESTED if settings.epochs else FIXED)
    else:
        n_held_out = particles_of(validation_rows.numpy(), observations.particle_indices)[1]
        plan = plan_for(settings, len(rows), n_held_out)
    trainer = Trainer(model, observations, encoder_inputs, training_rows, validation_rows, settings, plan)
    if settings.outliers and settings.loss == "squared":
        with progress.waiting("images without the molecule"):
            trainer.mixture.look_for_outliers(
                consensus.cloud, observations, settings.projector, trainer.workers
            )
    if saved is not None:
        trainer.load_state(saved[1])
        progress.say(f"Resuming after epoch {trainer.epoch} of {epochs_in_words(trainer.plan)}")
    elif settings.contrast and settings.loss == "squared":
        trainer.contrast_variance = first_contrast_variance(
            model.consensus(), observations, training_rows, settings.projector
        )
    return trainer, architecture


def read_consensus(
    run: RunFiles, settings: TrainSettings, observations: Observations, progress: Progress
) -> ConsensusStart:
    """The consensus Gaussians, and which of them the focus mask lets change."""
    arrays = read_gaussians(run.consensus_gaussians)
    cloud = GaussianCloud(
        torch.from_numpy(arrays.positions_in_angstroms),
        torch.from_numpy(arrays.amplitudes),
        torch.from_numpy(arrays.widths_in_angstroms),
    )
    cloud = cloud.in_pixels(observations.pixel_size_in_angstroms)
    is_mobile = mobile_gaussians(run, settings.focus_mask, cloud.positions, observations.box_size)
    if is_mobile is not None:
        progress.say(f"Focus: {int(is_mobile.sum())} of {len(cloud)} Gaussians may change")
    return ConsensusStart(cloud, is_mobile)


def _compute_encoder_inputs(
    model: HeterogeneityModel, observations: Observations, rows: Tensor, progress: Progress
) -> EncoderInputs:
    """Encoder inputs of all particles, and the scale of the encoder from a sample of those that may train."""
    anchors, encoder = model.anchors, model.encoder
    assert anchors is not None
    assert encoder is not None
    encoder_inputs = EncoderInputs.compute(
        anchors,
        observations,
        lambda parts: progress.track(parts, "Reading anchor scores", unit="chunk"),
        current_workers(),
    )
    sample = torch.linspace(0, len(rows) - 1, min(SAMPLE_FOR_SCALING, len(rows))).long()
    encoder.standardise_by(encoder_inputs.batch(rows[sample]), len(anchors))
    return encoder_inputs


def split_rows(
    rows: Tensor,  # (k,) sorted
    validation_fraction: float,
    generator: torch.Generator,
    particle_indices: np.ndarray,  # (n,): the particle of every row; its views stay together
) -> tuple[Tensor, Tensor]:
    """Training rows and held-out validation rows, both sorted."""
    which, n_particles = particles_of(rows.numpy(), particle_indices)
    maximum = max(1, MAXIMUM_VALIDATION_PARTICLES * n_particles // max(1, len(rows)))
    n_validation = min(maximum, int(validation_fraction * n_particles))
    is_validation = torch.zeros(n_particles, dtype=torch.bool)
    is_validation[torch.randperm(n_particles, generator=generator)[:n_validation]] = True
    is_held_out = is_validation[torch.from_numpy(which)]
    return rows[~is_held_out], rows[is_held_out]


def _differences(saved: ModelArchitecture, requested: ModelArchitecture) -> str:
    pairs = [
        (field.name, getattr(saved, field.name), getattr(requested, field.name))
        for field in dataclasses.fields(saved)
    ]
    return ", ".join(f"{name} {old} there, {new} now" for name, old, new in pairs if old != new)
