"""The stage writes tables, numbers and a figure where particles have positions, and takes away those of before where not."""

import io
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import starfile
from tilt_projects import RELION, SERIES, simulate_small
from tilt_run import make_tilt_run

from gem_plugin.io.run import figure_names as names
from gem_plugin.io.run.files import RunFiles
from gem_plugin.progress import Progress
from gem_plugin.results.run import Run
from gem_plugin.results.state_positions import TOGETHER, StatePositions
from gem_plugin.steps.landscape.positions import write_positions


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """90 particles in 3 tomograms of few tilts, as small as they may be."""
    changes = {"n_particles": 90, "box": 16, "pixel_size": 16.0, "tilt_step": 30.0}
    return simulate_small(tmp_path_factory.mktemp("positions") / "project", **changes)


def job_of(run: RunFiles) -> tuple[Any, io.StringIO]:
    stream = io.StringIO()
    job = SimpleNamespace(run=run, settings=SimpleNamespace(seed=0), progress=Progress(stream))
    return job, stream


def in_halves(run: RunFiles) -> np.ndarray:
    """A state for each side of the tomograms; three particles in none."""
    states = np.where(Run(run).column("position_x") > 0, 2, 1)
    states[:3] = 0
    return states


def test_states_in_halves_of_the_tomograms_are_found(project: Path, tmp_path: Path) -> None:
    run = make_tilt_run(project, tmp_path / "run", RELION)
    job, stream = job_of(run)
    files = run.landscape.positions
    states = in_halves(run)
    assert write_positions(job, states, files, run.figures) == {"states_that_lie_together": 2}
    measured = StatePositions.load(files)
    assert [measured.verdict(state) for state in measured.states] == [TOGETHER, TOGETHER]
    assert measured.numbers.n_particles.sum() == 87
    assert "state 1 lies together" in stream.getvalue()
    assert "positions.star and positions.csv have the positions for ArtiaX and napari" in stream.getvalue()
    assert starfile.read(files.star)["rlnClassNumber"].tolist() == states.tolist()
    assert files.points.read_text().count("\n") == 91
    assert (run.figures / f"{names.POSITIONS}.png").is_file()


def test_what_was_there_before_goes_where_positions_are_not_known(project: Path, tmp_path: Path) -> None:
    run = make_tilt_run(project, tmp_path / "run", SERIES)
    job, stream = job_of(run)
    files = run.landscape.positions
    files.root.mkdir(parents=True)
    files.star.write_text("of before")
    run.figures.mkdir(exist_ok=True)
    figure = run.figures / f"{names.POSITIONS}.png"
    figure.write_bytes(b"")
    assert write_positions(job, np.ones(90, np.int64), files, run.figures) == {}
    assert not files.star.exists()
    assert not figure.exists()
    assert stream.getvalue() == ""


def test_without_a_state_of_two_neighbours_there_is_only_the_table(project: Path, tmp_path: Path) -> None:
    run = make_tilt_run(project, tmp_path / "run", RELION)
    job, _ = job_of(run)
    files = run.landscape.positions
    states = np.zeros(90, np.int64)
    states[0] = 1
    assert write_positions(job, states, files, run.figures, None) == {}
    assert files.star.is_file()
    assert not files.neighbours.exists()
