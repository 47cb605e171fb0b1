"""subunits.csv is written and read in one place, by the run and by the Python interface."""

import io
from pathlib import Path

import numpy as np
import pytest
from symmetric_project import BOX, relion_project

import gem_plugin
from gem_plugin.errors import InputError
from gem_plugin.io.run.files import RunFiles
from gem_plugin.notices import listening
from gem_plugin.particles.prepared import load_prepared_table
from gem_plugin.progress import Progress
from gem_plugin.results.csv_tables import read_text_rows
from gem_plugin.results.run import Run
from gem_plugin.results.subunits import subunits_of_states
from gem_plugin.steps.landscape.subunits import write_subunits
from gem_plugin.steps.prepare.settings import PrepareSettings
from gem_plugin.steps.prepare.step import run_prepare

QUIET = Progress(io.StringIO())
N = 40


@pytest.fixture
def run(tmp_path: Path) -> RunFiles:
    """40 particles of C3, of which one is excluded."""
    project = relion_project(tmp_path / "project", n_particles=N)
    project.columns["_rlnCtfScalefactor"] = ["1"] * 4 + ["0"] + ["1"] * (N - 5)
    project.write_star()
    files = RunFiles(tmp_path / "project" / "run")
    with listening(lambda notice: None):
        run_prepare(files, PrepareSettings(project.star, project.map, box=BOX, symmetry="C3"), QUIET)
    return files


def states_of(n_views: int) -> np.ndarray:
    return 1 + np.random.default_rng(1).integers(0, 2, n_views)


def test_what_is_saved_is_what_is_loaded(run: RunFiles) -> None:
    states, table = states_of(3 * N), load_prepared_table(run)[0]
    said = io.StringIO()
    numbers = write_subunits(run, run.landscape.subunits, states, Progress(said))
    assert "Subunits: 39 particles have all 3 subunits with a state (1 others lack some" in said.getvalue()
    assert numbers["subunits"] == 3
    assert numbers["complete_particles"] == N - 1  # without the excluded one
    loaded = Run(run).subunits()
    made = subunits_of_states(table, states, Run(run).is_used)
    assert made is not None
    np.testing.assert_array_equal(loaded.counts, made.counts)
    assert loaded.counts[0].tolist() == np.bincount(states[:3] - 1, minlength=2).tolist()
    assert loaded.counts[4].tolist() == [0, 0]
    assert loaded.file_rows.tolist() == list(range(N))
    assert loaded.image_names == made.image_names
    assert loaded.cooperativity == made.cooperativity
    assert [one.counts for one in loaded.patterns] == [one.counts for one in made.patterns]
    assert gem_plugin.open_run(run.root).subunits().n_subunits == 3 if run.settings.is_file() else True


def test_the_table_can_be_read_by_anyone(run: RunFiles) -> None:
    write_subunits(run, run.landscape.subunits, states_of(3 * N), QUIET)
    rows = read_text_rows(run.landscape.subunits.table)
    assert list(rows[0]) == ["row", "image", "views", "without_state", "state_1", "state_2"]
    assert rows[4]["without_state"] == "3"
    assert all(int(row["state_1"]) + int(row["state_2"]) + int(row["without_state"]) == 3 for row in rows)
    patterns = read_text_rows(run.landscape.subunits.patterns)
    assert list(patterns[0]) == ["state_1", "state_2", "observed", "expected", "error", "z_score"]
    assert sum(int(row["observed"]) for row in patterns) == N - 1


def test_particles_with_one_view_have_none(run: RunFiles, tmp_path: Path) -> None:
    """And files of an earlier call, of which the particles had several, go."""
    write_subunits(run, run.landscape.subunits, states_of(3 * N), QUIET)
    plain = RunFiles(tmp_path / "plain")
    project = tmp_path / "project" / "Refine3D" / "job010"
    with listening(lambda notice: None):
        run_prepare(
            plain, PrepareSettings(project / "run_data.star", project / "run_class001.mrc", box=BOX), QUIET
        )
    assert write_subunits(plain, run.landscape.subunits, states_of(N), QUIET) == {}
    assert not run.landscape.subunits.table.is_file()
    with pytest.raises(
        InputError, match="made by landscape and landscape-full for particles with several views"
    ):
        Run(plain).subunits()


def test_files_expanded_elsewhere_have_them_too_and_subsets_are_incomplete(
    run: RunFiles, tmp_path: Path
) -> None:
    expanded = tmp_path / "project" / "expanded.star"
    Run(run).original.write(expanded, np.delete(np.arange(3 * N), [1, 30, 31]))
    other = RunFiles(tmp_path / "other")
    with listening(lambda notice: None):
        run_prepare(other, PrepareSettings(expanded, box=BOX), QUIET)
    table = load_prepared_table(other)[0]
    made = subunits_of_states(table, states_of(len(table)), np.ones(len(table), bool))
    assert made is not None
    assert made.n_subunits == 3
    assert made.n_incomplete == 2
    assert made.n_views[:2].tolist() == [2, 3]


def test_leiden_communities_have_subunits_of_their_own(run: RunFiles) -> None:
    states, files = states_of(3 * N), run.landscape
    write_subunits(run, files.full.subunits, states, QUIET)
    write_subunits(run, files.full.leiden_subunits, 3 - states, QUIET)
    assert files.full.leiden_subunits.table.parent == files.full.leiden.root
    of_full, of_leiden = Run(run).subunits("full"), Run(run).subunits("leiden")
    np.testing.assert_array_equal(of_leiden.counts, of_full.counts[:, ::-1])
    assert not Run(run).has_subunits("sketch")
    with pytest.raises(InputError, match="no subunits of 'other'; expected sketch, full, leiden"):
        Run(run).subunits("other")
