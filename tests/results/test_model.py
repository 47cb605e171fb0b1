"""A run that version 0.1.0 trained still opens, decodes and goes on training."""

import dataclasses
import io
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from old_runs import unpack_old_run

from gem_plugin.heterogeneity.settings import TrainSettings
from gem_plugin.io.run.files import RunFiles
from gem_plugin.io.run.settings import read_run_settings
from gem_plugin.progress import Progress
from gem_plugin.results.model import decode_volumes, load_trained_model
from gem_plugin.steps.train.images import open_cached_observations
from gem_plugin.steps.train.setup import make_trainer, read_consensus


@pytest.fixture
def run(tmp_path: Path) -> RunFiles:
    return RunFiles(unpack_old_run(tmp_path) / "RUN")


def test_its_model_decodes_its_latents(run: RunFiles) -> None:
    model = load_trained_model(run)
    (volume,) = decode_volumes(model, np.load(run.latents)[:1])
    assert volume.shape == (model.box_size,) * 3
    assert np.isfinite(volume).all()


def test_its_training_goes_on_where_it_stopped(run: RunFiles) -> None:
    recorded = read_run_settings(run)["train"]
    names = {field.name for field in dataclasses.fields(TrainSettings)}
    settings = TrainSettings(**{name: value for name, value in recorded.items() if name in names})
    n_before = settings.epochs
    assert n_before is not None
    settings = dataclasses.replace(settings, epochs=n_before + 1, resume=True)
    progress = Progress(io.StringIO())
    observations, table = open_cached_observations(run, settings, torch.device("cpu"), progress)
    consensus = read_consensus(run, settings, observations, progress)
    rows = torch.arange(len(table))
    trainer, _ = make_trainer(run, settings, observations, consensus, rows, progress)
    assert trainer.epoch == n_before
    assert math.isfinite(trainer.run_epoch().loss)
    assert [record.epoch for record in trainer.history] == list(range(1, n_before + 2))
