"""Premultiplied and phase-flipped images give the likelihood, the consensus and the map of the raw ones."""

import io
import subprocess
from pathlib import Path

import numpy as np
import pytest
import torch
from processed_stacks import processed, simulate_raw

from gem_plugin.cli.main import gem_em
from gem_plugin.imaging.fourier import fourier_crop_volume
from gem_plugin.imaging.processed_images import (
    PHASE_FLIPPED,
    PREMULTIPLIED,
    RAW,
    matching_transfers,
    model_transfers,
    raw_spectra,
)
from gem_plugin.io.mrc.maps import read_map
from gem_plugin.io.run.files import RunFiles
from gem_plugin.notices import listening
from gem_plugin.particles.prepared import load_prepared
from gem_plugin.progress import Progress
from gem_plugin.steps.consensus.settings import ConsensusSettings
from gem_plugin.steps.consensus.step import run_consensus
from gem_plugin.steps.prepare.settings import PrepareSettings
from gem_plugin.steps.prepare.step import run_prepare
from gem_plugin.steps.reconstruct.half_maps import back_project
from gem_plugin.steps.train.images import open_observations

N_PARTICLES = 300
KINDS = (PREMULTIPLIED, PHASE_FLIPPED)
SHORT = "--epochs 3 --batch-size 16 --anchors 24 --encoder-box 16 --n-basis 6"


def test_every_kind_gives_the_same_matched_image() -> None:
    generator = torch.Generator().manual_seed(0)
    transfers = torch.rand(3, 8, 5, generator=generator) * 2 - 1
    raw = torch.randn(3, 8, 5, generator=generator) + 1j * torch.randn(3, 8, 5, generator=generator)
    kinds = torch.tensor([RAW, PREMULTIPLIED, PHASE_FLIPPED])
    seen = torch.stack([raw[0], transfers[1] * raw[1], transfers[2].sign() * raw[2]])
    torch.testing.assert_close(seen * matching_transfers(transfers, kinds), transfers * raw)
    torch.testing.assert_close(raw_spectra(seen, transfers, kinds), raw, rtol=1e-3, atol=1e-3)
    signal = torch.stack([transfers[0], transfers[1] ** 2, transfers[2].abs()])
    torch.testing.assert_close(model_transfers(transfers, kinds), signal)
    for function in (matching_transfers, model_transfers):
        assert function(transfers, None) is transfers


@pytest.fixture(scope="module")
def stars(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Path]:
    folder = tmp_path_factory.mktemp("processed")
    raw = simulate_raw(folder / "raw", N_PARTICLES, snr=0.1)
    return {RAW: raw} | {kind: processed(raw, folder / f"kind{kind}", kind) for kind in KINDS}


@pytest.fixture(scope="module")
def runs(
    stars: dict[int, Path], tmp_path_factory: pytest.TempPathFactory
) -> dict[int, tuple[RunFiles, dict]]:
    folder = tmp_path_factory.mktemp("runs")
    volume = stars[RAW].parent / "consensus.mrc"
    found = {}
    for kind, star in stars.items():
        run = RunFiles(folder / f"run{kind}")
        with listening(lambda notice: None):
            settings = PrepareSettings(particles=star, project_folder=star.parents[1])
            run_prepare(run, settings, Progress(io.StringIO()))
            settings = ConsensusSettings(map=volume, fit_images=0)
            found[kind] = run, run_consensus(run, settings, Progress(io.StringIO()))
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_the_consensus_is_that_of_the_raw_images(kind: int, runs: dict[int, tuple[RunFiles, dict]]) -> None:
    raw, ours = runs[RAW][1], runs[kind][1]
    assert ours["gaussians"] == raw["gaussians"]
    assert ours["match_in_own_poses"] == pytest.approx(raw["match_in_own_poses"], rel=0.04)


@pytest.mark.parametrize("kind", KINDS)
def test_matched_images_and_filters_are_those_of_the_raw_images(
    kind: int, runs: dict[int, tuple[RunFiles, dict]]
) -> None:
    raw, ours = (open_observations(runs[kind][0])[0].batch(torch.arange(50)) for kind in (RAW, kind))
    for name in ("images", "filters"):
        pair = torch.stack([getattr(batch, name).flatten() for batch in (raw, ours)])
        assert float(torch.corrcoef(pair)[0, 1]) > 0.98


def test_the_latents_are_nearly_those_of_the_raw_images(
    runs: dict[int, tuple[RunFiles, dict]], capsys: pytest.CaptureFixture
) -> None:
    latents = {}
    for kind, (run, _) in runs.items():
        gem_em.main(["train", str(run.root), *SHORT.split()], standalone_mode=False)
        latents[kind] = np.load(run.latents)
    for kind in KINDS:
        remaining = ((latents[kind] - latents[RAW]) ** 2).sum() / (
            (latents[RAW] - latents[RAW].mean(axis=0)) ** 2
        ).sum()
        assert remaining < 0.02


def resolved(volume: torch.Tensor) -> np.ndarray:
    """The part of a map that 300 noisy images show."""
    return fourier_crop_volume(volume, 18).numpy().ravel()


@pytest.mark.parametrize("kind", KINDS)
def test_the_map_is_that_of_relion(
    kind: int, runs: dict[int, tuple[RunFiles, dict]], stars: dict[int, Path], relion: Path, tmp_path: Path
) -> None:
    maps = {}
    for one in (RAW, kind):
        prepared = load_prepared(runs[one][0])
        rows, halves = np.arange(N_PARTICLES), np.zeros(N_PARTICLES, np.int64)
        both = back_project(prepared, rows, halves, torch.device("cpu"), Progress(io.StringIO()), "all")
        maps[one] = resolved(both.volume(0))
    flags = ["--ctf_phase_flipped"] if kind == PHASE_FLIPPED else []
    command = [relion / "relion_reconstruct", "--i", stars[kind], "--o", tmp_path / "a.mrc", "--ctf", *flags]
    subprocess.run(command, cwd=stars[kind].parents[1], check=True, capture_output=True)
    theirs = resolved(torch.from_numpy(read_map(tmp_path / "a.mrc").volume))
    assert np.corrcoef(maps[RAW], maps[kind])[0, 1] > 0.98
    assert np.corrcoef(theirs, maps[kind])[0, 1] > 0.95
