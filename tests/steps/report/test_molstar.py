"""Scenes of a run for Mol*: every file that they name is in the archive, and the bands of motion make up the consensus."""

import json
import zipfile
from pathlib import Path

import mrcfile
import numpy as np
from tiny_run import make_tiny_run, moving_ball

from gem_plugin.io.mvsx import INDEX
from gem_plugin.reports.figures.save import colour_of_group
from gem_plugin.reports.molviewspec import files_named
from gem_plugin.results.run import Run
from gem_plugin.steps.report.molstar import MAXIMUM_SIDE, write_scene_of_motion, write_scene_of_states

NO_ARROWS = np.zeros((0, 2, 3))


def opened(path: Path, folder: Path) -> tuple[dict, dict[str, np.ndarray]]:
    """The scene, and the maps of the archive by name."""
    with zipfile.ZipFile(path) as archive:
        scene = json.loads(archive.read(INDEX))
        archive.extractall(folder)
        assert sorted(archive.namelist()) == sorted([INDEX, *files_named(scene)])
    maps = {}
    for name in files_named(scene):
        with mrcfile.open(folder / name) as read:
            maps[name] = read.data.astype(float)
    return scene, maps


def test_states_are_in_their_colours(tmp_path: Path) -> None:
    run = Run(make_tiny_run(tmp_path / "run"))
    scene, maps = opened(write_scene_of_states(tmp_path / "states.mvsx", run, 0.3), tmp_path / "in")
    text = json.dumps(scene)
    assert all(f'"{colour_of_group(number)}"' in text for number in (1, 2, 3))
    assert list(maps) == [f"state_00{number}_mean.mrc" for number in (1, 2, 3)]
    scaled = maps["state_002_mean.mrc"] / 32767
    assert np.corrcoef(scaled.ravel(), moving_ball(2).ravel())[0, 1] > 0.9999


def test_bands_of_motion_cover_the_consensus(tmp_path: Path) -> None:
    density, motion = moving_ball(0), np.zeros((24, 24, 24), np.float32)
    motion[:] = np.arange(24) / 2.4  # Angstrom, along x
    path = write_scene_of_motion(tmp_path / "motion.mvsx", density, motion, 4.0, 0.3, 10.0, NO_ARROWS)
    _, maps = opened(path, tmp_path / "in")
    assert len(maps) >= 2
    joined = np.max([values for values in maps.values()], axis=0) / 32767
    is_shown = density > 0.3
    np.testing.assert_allclose(joined[is_shown], density[is_shown] / density.max(), atol=1e-4)


def test_large_maps_are_made_smaller_and_keep_their_width(tmp_path: Path) -> None:
    z, y, x = np.mgrid[:160, :160, :160] - 80.0
    ball = np.exp(-(z**2 + y**2 + x**2) / 800).astype(np.float32)
    path = write_scene_of_motion(
        tmp_path / "motion.mvsx", ball, np.ones_like(ball), 1.0, 0.3, 10.0, NO_ARROWS
    )
    _, maps = opened(path, tmp_path / "in")
    (values,) = maps.values()
    assert values.shape == (MAXIMUM_SIDE,) * 3
    with mrcfile.open(next((tmp_path / "in").glob("*.mrc"))) as read:
        assert float(read.header.cella.x) == 160
