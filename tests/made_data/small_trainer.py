"""A model, observations of noise and a trainer that are made in milliseconds."""

from dataclasses import replace

import numpy as np
import torch
from owned_images import COUNTS, owned_images

from gem_plugin.gaussians.cloud import GaussianCloud, LengthUnit
from gem_plugin.heterogeneity.architecture import architecture_for, build_model
from gem_plugin.heterogeneity.encoder.anchor_scores import EncoderInputs, features_of_view
from gem_plugin.heterogeneity.observations import Observations
from gem_plugin.heterogeneity.settings import TrainSettings
from gem_plugin.heterogeneity.training import Trainer
from gem_plugin.heterogeneity.training_plan import OneCycle
from gem_plugin.imaging.ctf import CtfParameters

N_PARTICLES, N_GAUSSIANS, BOX, N_ANCHORS, PIXEL_SIZE = 40, 60, 24, 16, 3.0
CTF_VALUES = (15_000.0, 14_000.0, 20.0, 0.0, 0.0, 1.0, 300.0, 2.7, 0.1)


SMALL = {"anchors": N_ANCHORS, "batch_size": 8, "encoder_box": 12, "encoder_width": 32}


def make_parts(**changes):
    """Settings, a model and observations of noise, all on the CPU."""
    generator = torch.Generator().manual_seed(0)
    settings = TrainSettings(**{**SMALL, **changes})
    cloud = GaussianCloud(
        4 * torch.randn(N_GAUSSIANS, 3, generator=generator),
        torch.rand(N_GAUSSIANS, generator=generator) + 0.5,
        torch.full((N_GAUSSIANS,), 0.7),
        LengthUnit.PIXEL,
    )
    model = build_model(architecture_for(settings, N_GAUSSIANS, BOX, PIXEL_SIZE), cloud, generator)
    observations = Observations(
        torch.randn(N_PARTICLES, BOX, BOX, generator=generator).numpy(),
        torch.linalg.qr(torch.randn(N_PARTICLES, 3, 3, generator=generator)).Q,
        torch.zeros(N_PARTICLES, 2),
        CtfParameters(*(torch.full((N_PARTICLES,), value) for value in CTF_VALUES)),
        torch.ones(BOX // 2 + 1),
        PIXEL_SIZE,
    )
    return settings, model, observations


def make_trainer(settings, model, observations, features):
    rows = torch.arange(N_PARTICLES)
    return Trainer(model, observations, EncoderInputs(features), rows[:32], rows[32:], settings, OneCycle(2))


def make_tilt_trainer(counts=COUNTS, device="cpu", **changes):
    """Of particles that own as many images each, the counts repeated; images in memory, outliers looked for."""
    settings, model, _ = make_parts(**changes)
    counts = np.resize(counts, N_PARTICLES)
    observations = owned_images(counts).of_particles
    architecture = architecture_for(settings, N_GAUSSIANS, BOX, PIXEL_SIZE, features_of_view(observations))
    consensus = replace(
        model.consensus(),
        positions=model.positions_in_pixels.detach(),
        amplitudes=model.log_amplitudes.exp().detach(),
        widths=model.log_widths.exp().detach(),
    )
    model = build_model(architecture, consensus, torch.Generator().manual_seed(0)).to(device)
    observations.move_to_(torch.device(device))
    observations.keep_in_memory()
    features = EncoderInputs.compute(model.anchors, observations).features
    trainer = make_trainer(settings, model, observations, features)
    trainer.mixture.look_for_outliers(consensus, observations)
    return trainer
