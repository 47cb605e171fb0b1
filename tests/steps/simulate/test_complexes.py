"""Complexes of a simulation: symmetric where all subunits are alike, with the states and correlations that were asked for."""

import io
from pathlib import Path

import numpy as np
import pytest
import torch

from gem_plugin.errors import InputError
from gem_plugin.gaussians.volume import render_volumes
from gem_plugin.imaging.symmetry import settings_of_symmetry
from gem_plugin.io.mrc.maps import read_map
from gem_plugin.landscape.subunits import count_subunits, measure_cooperativity
from gem_plugin.particles.symmetry_check import lowest_agreement
from gem_plugin.progress import Progress
from gem_plugin.steps.simulate.complexes import cloud_of_complexes, draw_together, moved_off_the_axes
from gem_plugin.steps.simulate.conformations import HingeRotation, subunit_with_opening_domain
from gem_plugin.steps.simulate.settings import SimulateSettings
from gem_plugin.steps.simulate.step import run_simulate

TWO_STATES = HingeRotation(0, 80, 2)


@pytest.mark.parametrize("name", ["C3", "D2", "T"])
def test_subunits_in_one_conformation_make_a_symmetric_complex_without_overlap(name: str) -> None:
    symmetry = settings_of_symmetry(name)[0]
    subunit = subunit_with_opening_domain(TWO_STATES, torch.Generator().manual_seed(0))
    moved = moved_off_the_axes(subunit, symmetry)
    which = torch.zeros((1, len(symmetry)), dtype=torch.int64)
    cloud = cloud_of_complexes(moved, which, symmetry, 3.0)
    positions = cloud.positions[0].reshape(len(symmetry), -1, 3)
    assert float(torch.cdist(positions[0], positions[1:].reshape(-1, 3)).min()) > 1.5
    extent = 2 * float(cloud.positions.norm(dim=-1).max())
    volume = render_volumes(cloud, 48, extent / 40)[0].numpy()
    assert lowest_agreement(volume, symmetry) > 0.97


def test_subunit_j_stands_at_r_j_in_its_own_conformation() -> None:
    symmetry = settings_of_symmetry("C3")[0]
    moved = moved_off_the_axes(
        subunit_with_opening_domain(TWO_STATES, torch.Generator().manual_seed(0)), symmetry
    )
    cloud = cloud_of_complexes(moved, torch.tensor([[0, 1, 0]]), symmetry, 3.0)
    operator = torch.from_numpy(symmetry.operators[1]).float()
    n_points = moved.positions_in_angstroms.shape[1]
    expected = moved.positions_in_angstroms[1] @ operator.T
    torch.testing.assert_close(cloud.positions[0, n_points : 2 * n_points], expected, atol=1e-4, rtol=0)


def test_one_molecule_stays_where_it_is() -> None:
    subunit = subunit_with_opening_domain(TWO_STATES, torch.Generator().manual_seed(0))
    assert moved_off_the_axes(subunit, settings_of_symmetry("C1")[0]) is subunit


def test_states_correlate_by_the_fraction_that_was_given() -> None:
    generator = np.random.default_rng(0)
    which = draw_together(generator.integers(0, 2, (4000, 3)), 0.4, generator)
    counts = count_subunits(np.repeat(np.arange(4000), 3), which.reshape(-1) + 1, 2)
    found = measure_cooperativity(counts, generator)
    assert found is not None
    assert abs(found.value - 0.4) < 4 * found.standard_error


def test_a_simulated_consensus_is_symmetric_and_the_truth_has_every_subunit(tmp_path: Path) -> None:
    settings = SimulateSettings(
        out=tmp_path / "set", phantom="subunit", symmetry="D2", conformations=2, turn_to=80, n_particles=40, box=32,
        pixel_size=8.0, atom_width=5.0, largest_shift=2, snr=1.0,
    )  # fmt: skip
    run_simulate(settings, Progress(io.StringIO()))
    volume = read_map(tmp_path / "set" / "consensus.mrc").volume
    assert lowest_agreement(volume, settings_of_symmetry("D2")[0]) > 0.95
    with np.load(tmp_path / "set" / "truth.npz") as truth:
        assert truth["which"].shape == (40, 4)
        assert np.bincount(truth["which"].reshape(-1)).tolist() == [80, 80]
        assert truth["operators"].shape == (4, 3, 3)


def test_cooperativity_of_one_molecule_is_refused(tmp_path: Path) -> None:
    settings = SimulateSettings(out=tmp_path / "set", cooperativity=0.5)
    with pytest.raises(InputError, match="--cooperativity is for complexes of several subunits"):
        run_simulate(settings, Progress(io.StringIO()))
