"""The surfaces of a run: its states in one view, and the consensus coloured by what the run knows of change."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from first_page_runs import give_motion, run_of_kind
from tiny_run import moving_ball

from gem_plugin.io.array_files import write_arrays
from gem_plugin.io.mrc.maps import write_map
from gem_plugin.io.run.files import RunFiles
from gem_plugin.landscape.motion.gaussians import motion_to_arrays
from gem_plugin.reports.first_page.molecule import MAXIMUM_STATES, Change, molecule_of, shown_states
from gem_plugin.results.run import Run

GRID = 40


def molecule(run: RunFiles):  # type: ignore[no-untyped-def]
    return molecule_of(Run(run), GRID)


def test_states_lie_on_one_grid_and_their_motion_in_the_plane(tmp_path: Path) -> None:
    found = molecule(run_of_kind(tmp_path, "good"))
    assert list(found.states) == [1, 2, 3]
    assert {one.voxel_size_in_angstroms for one in found.states.values()} == {
        found.consensus.fine.voxel_size_in_angstroms
    }
    assert abs(found.view[2] @ [1, 0, 0]) < 0.05, "the ball moves along x"
    assert np.linalg.det(found.view) == pytest.approx(1)


def test_the_consensus_is_coloured_by_motion_with_arrows(tmp_path: Path) -> None:
    found = molecule(run_of_kind(tmp_path, "good")).consensus
    assert found.change is Change.MOTION
    assert found.arrows is not None
    assert found.arrows.scale == 1
    assert found.highest == pytest.approx(12.0)
    middle = found.values_at(np.zeros((1, 3)))
    assert 0.6 < middle[0] < 12.0


def test_small_motions_have_longer_arrows_and_say_so(tmp_path: Path) -> None:
    run = run_of_kind(tmp_path, "good")
    give_motion(run, (1.0,))
    arrows = molecule(run).consensus.arrows
    assert arrows.scale in (2, 5, 10, 20)


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        ("only amplitudes", Change.AMPLITUDE),
        ("nothing moves", Change.MOTION),
        ("cryoDRGN", Change.DENSITY),
        ("no landscape", None),
    ],
)
def test_without_a_motion_there_are_no_arrows(tmp_path: Path, kind: str, change: Change | None) -> None:
    found = molecule(run_of_kind(tmp_path, kind)).consensus
    assert found.change is change
    assert found.arrows is None


def test_a_run_without_maps_has_no_molecule(tmp_path: Path) -> None:
    assert molecule(run_of_kind(tmp_path, "empty")) is None
    assert molecule(run_of_kind(tmp_path / "other", "no latents")) is None


def test_density_that_differs_is_where_the_states_differ(tmp_path: Path) -> None:
    found = molecule(run_of_kind(tmp_path, "cryoDRGN")).consensus
    along_x = found.values_at(np.array([[8.0, 0, 0], [22.0, 0, 0]]))
    assert along_x[0] > 0
    assert found.highest > 10


def test_a_landscape_of_the_other_hand_mirrors_the_consensus_too(tmp_path: Path) -> None:
    run = run_of_kind(tmp_path, "good")
    volume = np.roll(moving_ball(0), 5, axis=0)  # off the centre along z
    write_map(run.chimerax.mean_map, volume, 4.0)
    plain = molecule(run).consensus.fine.density
    run.settings.write_text("[landscape]\nflip = true\n")
    mirrored = molecule(run).consensus.fine.density
    z = np.arange(GRID) - GRID // 2
    first, second = (one.sum(axis=(1, 2)) @ z / one.sum() for one in (plain, mirrored))
    assert first > 1
    assert second < -1


@pytest.mark.parametrize("box_size", [24, 25])
def test_colours_and_arrows_lie_on_the_mirrored_consensus(tmp_path: Path, box_size: int) -> None:
    run = run_of_kind(tmp_path, "good")
    run.settings.write_text("[landscape]\nflip = true\n")
    middle = box_size // 2
    z, y, x = np.mgrid[:box_size, :box_size, :box_size] - middle
    write_map(run.chimerax.mean_map, np.exp(-(x**2 + y**2 + (z - 4) ** 2) / 6).astype(np.float32), 4.0)
    give_motion(run)
    motion = Run(run).motion
    at_ball = replace(motion, positions_in_angstroms=0 * motion.positions_in_angstroms + [0, 0, 16.0])
    write_arrays(run.motion, **motion_to_arrays(at_ball))
    found = molecule(run)
    fine = found.consensus.fine
    size = fine.voxel_size_in_angstroms
    axis = np.arange(GRID) - GRID // 2
    density = np.where(fine.density > 0.1, fine.density, 0)
    centre = density.sum(axis=(1, 2)) @ axis / density.sum() * size
    assert centre < -14
    np.testing.assert_allclose(found.consensus.points[:, 2], centre, atol=0.3 * 4.0)
    start = found.consensus.arrows.starts[0]
    np.testing.assert_allclose(start, found.view[:2] @ [0, 0, found.consensus.points[0, 2]], atol=1e-6)


def test_of_many_states_the_largest_are_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    counts = {number: 100 - number for number in range(1, 15)}
    counts[14] = 500
    monkeypatch.setattr(Run, "state_counts", counts)
    assert shown_states(Run(tmp_path)) == [*range(1, MAXIMUM_STATES), 14]
