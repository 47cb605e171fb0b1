"""Expanding here: the map stays what it is, states of subunits come back, and cooperativity only where it was planted."""

import subprocess
from pathlib import Path

import numpy as np
import pytest
import torch
from complexes import BOX, QUIET, recover_states, simulate_complex
from symmetric_project import prepared_run

from gem_plugin.imaging.fourier import fourier_shell_correlation
from gem_plugin.io.mrc.maps import read_map
from gem_plugin.particles.prepared import load_prepared
from gem_plugin.steps.reconstruct.half_maps import back_project

GOAL = 0.9  # adjusted Rand index


def c1_map_of_views(folder: Path, symmetry: str) -> np.ndarray:
    """Back-projected from all views, without any symmetry."""
    inputs = {"particles": folder / "particles.star", "map": folder / "consensus.mrc"}
    run = prepared_run(folder / "run", box=BOX, symmetry=symmetry, **inputs)
    data = load_prepared(run.files)
    n_views = len(data.table)
    sums = back_project(data, np.arange(n_views), np.zeros(n_views, int), torch.device("cpu"), QUIET, "all")
    return sums.volume(0).numpy()


def lowest_correlation(first: np.ndarray, second: np.ndarray) -> float:
    """Of the shells to two thirds of Nyquist, inside a ball: corners of the box hold only noise."""
    axis = np.arange(BOX) - BOX // 2
    radius = np.sqrt(axis[:, None, None] ** 2 + axis[None, :, None] ** 2 + axis[None, None, :] ** 2)
    ball = torch.from_numpy(((BOX / 2 - 3 - radius) / 3 + 0.5).clip(0, 1)).float()
    found = fourier_shell_correlation(torch.from_numpy(first) * ball, torch.from_numpy(second) * ball)
    return float(found[1 : BOX // 3 + 1].min())


@pytest.mark.relion
@pytest.mark.parametrize("symmetry", ["C3", "D2"])
def test_the_map_of_all_views_without_symmetry_is_the_symmetric_map(
    symmetry: str, relion: Path, tmp_path: Path
) -> None:
    """RELION's own, of the particles before the expansion."""
    simulate_complex(tmp_path, symmetry, 200, snr=2.0)
    ours = c1_map_of_views(tmp_path, symmetry)
    options = ["--i", "particles.star", "--o", "relion.mrc", "--ctf", "--sym", symmetry]
    subprocess.run([relion / "relion_reconstruct", *options], cwd=tmp_path, check=True, capture_output=True)
    assert lowest_correlation(ours, read_map(tmp_path / "relion.mrc").volume) > 0.99
    options[-1] = "C1"
    subprocess.run([relion / "relion_reconstruct", *options], cwd=tmp_path, check=True, capture_output=True)
    assert (
        lowest_correlation(ours, read_map(tmp_path / "relion.mrc").volume) < 0.95
    )  # fewer views, more noise


@pytest.mark.slow
@pytest.mark.parametrize("symmetry", ["C3", "D2"])
def test_states_of_independent_subunits_come_back_and_look_independent(symmetry: str, tmp_path: Path) -> None:
    simulate_complex(tmp_path, symmetry, 2000)
    found = recover_states(tmp_path, tmp_path / "run", symmetry)
    assert found.rand_index > GOAL
    cooperativity = found.subunits.cooperativity
    assert cooperativity is not None
    assert cooperativity.p_value > 0.01
    assert abs(cooperativity.value) < 4 * cooperativity.standard_error


@pytest.mark.slow
@pytest.mark.parametrize("symmetry", ["C3", "D2"])
def test_planted_cooperativity_is_found(symmetry: str, tmp_path: Path) -> None:
    simulate_complex(tmp_path, symmetry, 2000, cooperativity=0.2)
    found = recover_states(tmp_path, tmp_path / "run", symmetry)
    assert found.rand_index > GOAL
    cooperativity = found.subunits.cooperativity
    assert cooperativity is not None
    assert cooperativity.p_value < 0.001
    assert abs(cooperativity.value - found.true_cooperativity.value) < 0.05
