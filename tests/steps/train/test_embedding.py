"""Particles that differ in contrast and in nothing else: training finds the spread, and latents need not hold it."""

import csv
import io

import numpy as np
import pytest

from gem_plugin.heterogeneity.settings import TrainSettings
from gem_plugin.io.mrc.stacks import open_stack, write_stack
from gem_plugin.io.run.files import RunFiles
from gem_plugin.progress import Progress
from gem_plugin.results.run import Run
from gem_plugin.steps.consensus.settings import ConsensusSettings
from gem_plugin.steps.consensus.step import run_consensus
from gem_plugin.steps.prepare.settings import PrepareSettings
from gem_plugin.steps.prepare.step import run_prepare
from gem_plugin.steps.select.conditions import meets_condition
from gem_plugin.steps.simulate.settings import SimulateSettings
from gem_plugin.steps.simulate.step import run_simulate
from gem_plugin.steps.train.step import run_train

SPREAD = 0.3
SMALL = {"epochs": 12, "batch_size": 16, "anchors": 24, "encoder_width": 32, "encoder_box": 16, "n_basis": 6}


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> RunFiles:
    """One conformation; contrasts 1 +- 0.3, white noise of deviation 1."""
    folder, generator = tmp_path_factory.mktemp("contrast"), np.random.default_rng(4)
    data = folder / "data"
    run_simulate(
        SimulateSettings(
            out=data, n_particles=320, box=24, pixel_size=11.0, snr=0.0, conformations=2, turn_to=0.01
        ),
        Progress(io.StringIO()),
    )
    clean = np.array(open_stack(data / "particles.mrcs"))
    contrasts = 1 + SPREAD * generator.normal(size=(len(clean), 1, 1))
    np.save(folder / "planted.npy", contrasts.ravel())
    images = contrasts * clean / clean.std() + generator.normal(size=clean.shape)
    with write_stack(data / "particles.mrcs", 11.0) as stack:
        stack.append(images.astype(np.float32))
    run = RunFiles(folder / "run")
    quiet, volume = Progress(io.StringIO()), data / "consensus.mrc"
    settings = PrepareSettings(particles=data / "particles.star", map=volume, normalise="never")
    run_prepare(run, settings, quiet)
    run_consensus(run, ConsensusSettings(map=volume, fit_images=320), quiet)
    return run


def trained(run: RunFiles, contrast: bool) -> tuple[dict, list[float]]:
    """The summary of a training, and the spread after each epoch."""
    numbers = run_train(run, TrainSettings(**SMALL, contrast=contrast), Progress(io.StringIO()))
    with open(run.history, encoding="utf-8") as handle:
        return numbers, [float(row["contrast_spread"]) for row in csv.DictReader(handle)]


def test_the_spread_is_found_and_latents_are_spared(prepared: RunFiles) -> None:
    numbers, spreads = trained(prepared, contrast=True)
    assert spreads[0] == pytest.approx(SPREAD, abs=0.05)
    assert numbers["contrast_spread"] == pytest.approx(spreads[-1], abs=1e-3)
    planted, found = np.load(prepared.root.parent / "planted.npy"), np.load(prepared.contrasts)
    assert np.corrcoef(planted, found)[0, 1] > 0.9
    assert found.mean() == pytest.approx(1, abs=0.1)
    np.testing.assert_array_equal(Run(prepared).column("contrast"), found)
    limit = float(np.median(found))
    kept = meets_condition(Run(prepared), f"contrast>{limit}")
    np.testing.assert_array_equal(kept, found > np.float32(limit))
    without, none = trained(prepared, contrast=False)
    assert none == [0.0] * SMALL["epochs"]
    assert numbers["loss"] < without["loss"]
    assert numbers["kl_in_nats"] < 0.7 * without["kl_in_nats"]
