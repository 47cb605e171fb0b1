"""The bench of tilt series as a command: sets of the right signal, trained on, scored, in one table; done work is kept."""

import json
import sys
from argparse import Namespace
from dataclasses import replace
from pathlib import Path

import bench_tilt_training as bench
import numpy as np
import pytest

from gem_plugin.io.mrc.stacks import open_stack
from gem_plugin.progress import Progress
from gem_plugin.steps.simulate.step import run_simulate

TRAINING = '{"epochs": 2, "anchors": 64, "encoder_width": 32, "n_gaussians": 100, "fit_images": 640}'


@pytest.fixture(autouse=True)
def few_particles_for_signal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench, "PARTICLES_FOR_SIGNAL", 10)


def run_bench(monkeypatch: pytest.MonkeyPatch, *arguments: str | Path) -> None:
    monkeypatch.setattr(sys, "argv", ["bench_tilt_training.py", *(str(word) for word in arguments)])
    bench.main()


def test_one_command_fills_the_table_and_goes_on_where_it_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ("--work", tmp_path, "--particles", "24", "--box", "32", "--train", TRAINING)
    run_bench(monkeypatch, *options, "--sets", "states_6_to_41", "turning_single")
    table = (tmp_path / "table.md").read_text()
    assert "| states_6_to_41 | 24 | " in table
    assert "| turning_single | 24 | 24 | " in table
    assert table in capsys.readouterr().out
    scores = json.loads((tmp_path / "states_6_to_41" / "scores.json").read_text())
    assert 24 * 6 <= scores["images"] <= 24 * 41
    assert scores["epochs"] == 2
    assert 0 < scores["per_conformation_least"] <= scores["per_conformation"] < 0.5
    assert -1 < scores["ari_kmeans"] <= 1
    assert scores["peak_gigabytes"] > 0.1
    monkeypatch.setattr(bench, "measured", None)  # nothing is done again
    run_bench(monkeypatch, *options, "--sets", "turning_single")


def test_all_tilts_of_a_particle_have_the_signal_that_is_asked_for(tmp_path: Path) -> None:
    """From the noise-free images and the truth of another simulation."""
    options = Namespace(atoms=None, particles=10, box=32)
    usual = bench.simulation_of(bench.SETS["turning_41"], tmp_path / "raw", options)
    asked = 0.12
    snr = asked / bench.signal_of_tilts(usual)
    made = replace(usual, tilt_form="image-series", float16=False, n_particles=10)
    for name, ratio in (("noisy", snr), ("clean", 0.0)):
        run_simulate(replace(made, out=tmp_path / name, snr=ratio), Progress())
    noisy, clean = (
        open_stack(tmp_path / name / "image_series/particles.mrcs") for name in ("noisy", "clean")
    )
    of_all = np.asarray(clean, np.float64)
    with np.load(tmp_path / "noisy" / "truth.npz") as truth:
        noise = truth["image_noise_deviations"] ** 2
    weights = 1 / noise[:, None, None]
    scale = (weights * noisy * of_all).sum() / (
        weights * of_all**2
    ).sum()  # of the signal in the noisy images
    found = (scale**2 * of_all.var(axis=(1, 2)) / noise).sum() / 10
    assert found == pytest.approx(asked, rel=0.1)


def test_an_unknown_set_is_refused_before_any_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        run_bench(monkeypatch, "--work", tmp_path, "--sets", "turning")
    assert "there is no set turning; there is turning_41, " in capsys.readouterr().err


def test_angles_are_found_from_latents_that_hold_them() -> None:
    angles = np.random.default_rng(0).uniform(0, 360, 500)
    latents = np.stack([np.cos(np.deg2rad(angles)), np.sin(np.deg2rad(angles))], 1)
    assert np.median(bench.angle_errors(latents, angles)) < 1
    assert 80 < np.median(bench.angle_errors(np.random.default_rng(1).normal(size=(500, 2)), angles)) < 100
