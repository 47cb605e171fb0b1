"""A landscape whose parts were made at different times is noticed by all who read it."""

import io
import shutil
from pathlib import Path

import numpy as np
import pytest
from explorer_run import make_explorer_run

from gem_plugin.errors import InputError
from gem_plugin.explorer.opened_run import OpenedRun
from gem_plugin.io.array_files import write_array, write_numbers
from gem_plugin.io.run.files import RunFiles
from gem_plugin.progress import Progress
from gem_plugin.results.run import Run
from gem_plugin.results.same_making import check_same_making
from gem_plugin.steps.report.settings import ReportSettings
from gem_plugin.steps.report.step import run_report
from gem_plugin.steps.select.settings import SelectSettings
from gem_plugin.steps.select.step import rows_chosen


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> RunFiles:
    return make_explorer_run(tmp_path_factory.mktemp("run"))


@pytest.fixture
def run(finished: RunFiles, tmp_path: Path) -> RunFiles:
    shutil.copytree(finished.root, tmp_path / "run")
    return RunFiles(tmp_path / "run")


def test_parts_that_were_made_together_are_taken(run: RunFiles, old_run: Path):
    check_same_making(run)
    check_same_making(RunFiles(old_run))


def test_scores_of_fewer_maps_than_the_sketch_are_noticed_everywhere(run: RunFiles):
    rows = np.loadtxt(run.landscape.sketch_rows, dtype=int)
    write_numbers(run.landscape.sketch_rows, np.concatenate([rows, rows]))
    told = r"centers_ind\.txt has 60 maps, volume_pca_scores\.npy has 30 rows\. Run `gem-em landscape "
    readers = (
        lambda: check_same_making(run),
        lambda: rows_chosen(Run(run), SelectSettings(states=(1,))),
        lambda: rows_chosen(Run(run), SelectSettings(where=("state==1",))),
        lambda: run_report(run, ReportSettings(chimerax=False), Progress(io.StringIO())),
        lambda: OpenedRun(run),
        lambda: Run(run).sketch(),
        lambda: Run(run).volume_components(),
    )
    for reader in readers:
        with pytest.raises(InputError, match=told):
            reader()


def test_states_of_another_making_are_noticed(run: RunFiles):
    states = np.load(run.landscape.particle_states)
    write_array(run.landscape.particle_states, np.roll(states, 1))
    with pytest.raises(InputError, match=r"particle_states\.npy are not those of state_labels\.npy"):
        check_same_making(run)


def test_coordinates_of_another_landscape_are_noticed(run: RunFiles):
    write_array(run.landscape.full.coordinates, np.zeros((300, 7), np.float32))
    with pytest.raises(
        InputError, match=r"has 4 components, volume_pca_all\.npy has 7 columns\. Run `gem-em landscape-full "
    ):
        check_same_making(run)
