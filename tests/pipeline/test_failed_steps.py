"""Steps that break while they write: the run is as it was, byte by byte, but for run.log."""

import io
from pathlib import Path

import pytest
from explorer_run import explorer_source, make_explorer_run

from gem_plugin.errors import InputError
from gem_plugin.io import whole_files
from gem_plugin.io.run.files import RunFiles
from gem_plugin.io.run.settings import read_summary
from gem_plugin.pipeline.run_steps import run_step
from gem_plugin.pipeline.step_table import STEPS
from gem_plugin.progress import Progress
from gem_plugin.settings import settings_from_values

FEW = {"sketch_size": 30, "skip_umap": True, "pc_dim": 3, "plot_dim": 0}
ALL = {"skip_umap": True, "leiden": False, "maps_per_state": 2, "bootstrap": 2, "path_points": 3}
SETTINGS = {
    "landscape": {**FEW, "n_states": 3},
    "landscape-full": {**ALL, "n_states": 3},
    "analyze": {"ksample": 3, "pc": 1, "trajectory_points": 2, "skip_umap": True},
    "report": {"chimerax": False},
}
OTHERS = {
    "landscape": {**FEW, "sketch_size": 40, "n_states": 2},
    "landscape-full": {**ALL, "n_states": 7},
    "analyze": {"ksample": 4, "pc": 2, "trajectory_points": 2, "skip_umap": True},
    "report": {"chimerax": False},
}
DISK_IS_FULL = OSError(28, "No space left on device")


class Breaks:
    """Raises after the n-th file was written."""

    def __init__(self) -> None:
        self.n_written, self.at, self.error = 0, 0, BaseException()

    def __call__(self, folder: Path) -> None:
        self.n_written += 1
        if self.n_written == self.at:
            raise self.error


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunFiles:
    return make_explorer_run(tmp_path_factory.mktemp("run"))


@pytest.fixture
def breaks(monkeypatch: pytest.MonkeyPatch) -> Breaks:
    breaks = Breaks()
    monkeypatch.setattr(whole_files, "_sync_folder", breaks)
    source = explorer_source()
    monkeypatch.setattr("gem_plugin.steps.landscape.step.decoder_of", lambda *_: source)
    monkeypatch.setattr("gem_plugin.steps.landscape_full.step.open_decoder", lambda *_: source)
    monkeypatch.setattr("gem_plugin.results.run.Run.decoder", lambda *_: source)
    return breaks


def contents(run: RunFiles) -> dict[str, bytes]:
    paths = [path for path in run.root.rglob("*") if path not in (run.log, run.lock)]
    return {str(path): path.read_bytes() if path.is_file() else b"folder" for path in paths}


def do(run: RunFiles, name: str, values: dict) -> None:
    settings = settings_from_values(STEPS[name].settings_class, values)
    run_step(STEPS[name], run, settings, Progress(io.StringIO()))


@pytest.mark.parametrize("name", ["landscape", "landscape-full", "analyze", "report"])
def test_step_that_breaks_leaves_the_run_as_it_was(run: RunFiles, breaks: Breaks, name: str):
    breaks.at = 0
    if name not in read_summary(run):
        do(run, name, SETTINGS[name])
    n_files, before = breaks.n_written, contents(run)
    points = {4, n_files // 3, 2 * n_files // 3, n_files - 1}
    errors = (DISK_IS_FULL, KeyboardInterrupt(), RuntimeError("broken"))
    for number, at in enumerate(sorted(points)):
        breaks.n_written, breaks.at, breaks.error = 0, at, errors[number % 3]
        with pytest.raises(type(breaks.error)):
            do(run, name, OTHERS[name])
        assert contents(run) == before, f"after file {at} of {n_files}"


def test_report_of_a_folder_that_is_no_run_is_an_error(tmp_path: Path):
    (tmp_path / "thesis.txt").touch()
    with pytest.raises(InputError, match="holds no run of GEM"):
        do(RunFiles(tmp_path), "report", {})
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]
