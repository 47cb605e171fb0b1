"""Steps that break while they write: the run is as it was, byte by byte, but for run.log."""

import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from arm_atoms import write_model
from explorer_run import explorer_source, make_explorer_run

from gem_plugin.cli.outcome import FAILURE, exit_code_of
from gem_plugin.errors import InputError
from gem_plugin.io import whole_files
from gem_plugin.io.run.aside import unfinished_training
from gem_plugin.io.run.files import RunFiles
from gem_plugin.io.run.settings import read_run_settings, read_summary
from gem_plugin.pipeline.run_steps import run_step, run_steps
from gem_plugin.pipeline.step_table import STEPS
from gem_plugin.progress import Progress
from gem_plugin.settings import settings_from_values
from gem_plugin.steps.simulate.settings import SimulateSettings
from gem_plugin.steps.simulate.step import run_simulate

FEW = {"sketch_size": 30, "skip_umap": True, "pc_dim": 3, "plot_dim": 0}
ALL = {"skip_umap": True, "leiden": False, "maps_per_state": 2, "bootstrap": 2, "path_points": 3}
SETTINGS = {
    "landscape": {**FEW, "n_states": 3, "cryodrgn_layout": True},
    "landscape-full": {**ALL, "n_states": 3, "cryodrgn_layout": True},
    "analyze": {"ksample": 3, "pc": 1, "trajectory_points": 2, "skip_umap": True},
    "report": {"chimerax": False},
    "reconstruct": {},
    "flex": {},
    "diagnose": {},
    "select": {"where": ("state == 1",), "overwrite": True},
    "write-star": {"latents": False, "overwrite": True},
    "eval-vol": {"z_values": "few.txt", "overwrite": True},
}
OTHERS = {
    "landscape": {**FEW, "sketch_size": 40, "n_states": 2, "cryodrgn_layout": True},
    "landscape-full": {**ALL, "n_states": 7, "cryodrgn_layout": True},
    "analyze": {"ksample": 4, "pc": 2, "trajectory_points": 2, "skip_umap": True},
    "report": {"chimerax": False},
    "reconstruct": {"local_resolution": True},
    "flex": {"z_values": "few.txt"},
    "diagnose": {"seed": 3},
    "select": {"where": ("state == 2",), "overwrite": True},
    "write-star": {"latents": False, "rows": "rows.txt", "overwrite": True},
    "eval-vol": {"z_values": "few.txt", "downsample": 12, "overwrite": True},
}
FILES = ("few.txt", "rows.txt", "model.pdb")  # of the user, beside the run
DISK_IS_FULL = OSError(28, "No space left on device")
ERRORS = (DISK_IS_FULL, KeyboardInterrupt(), RuntimeError("broken"))
LONG = (
    "landscape",
    "landscape-full",
    "report",
)  # seconds a start; of these one point is quick enough for every day
POINTS = [
    pytest.param(name, point, marks=pytest.mark.slow if point > (name not in LONG) else ())
    for name in SETTINGS
    for point in range(4)
]

TINY = {"fit_images": 64, "n_gaussians": 60, "batch_size": 16, "anchors": 24, "encoder_width": 16}
TINY |= {"encoder_box": 12, "n_basis": 4, "latent_size": 2, "epochs": 2, "validation_fraction": 0.1}
OF_PARTICLES = ("prepare", "consensus", "train")


class Breaks:
    """Raises at the n-th file: before it has its name, or after."""

    def __init__(self) -> None:
        self.n_written, self.at, self.before, self.error = 0, 0, False, BaseException()

    def sync_folder(self, folder: Path) -> None:
        if self.n_written == self.at and not self.before:
            raise self.error

    def fsync(self, handle: int) -> None:
        self.n_written += 1
        if self.n_written == self.at and self.before:
            raise self.error

    def never(self) -> None:
        self.n_written, self.at = 0, 0

    def at_point(self, point: int, n_files: int) -> None:
        """Four points from the first files to the last one."""
        places = (min(4, n_files), max(1, n_files // 3), max(1, 2 * n_files // 3), n_files)
        self.n_written, self.at, self.before = 0, places[point], point % 2 == 0
        self.error = ERRORS[point % len(ERRORS)]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunFiles:
    folder = tmp_path_factory.mktemp("run")
    (folder / "few.txt").write_text("1 0\n0 1\n")
    (folder / "rows.txt").write_text("3\n5\n")
    write_model(folder / "model.pdb", 0.0)
    return make_explorer_run(folder)


@pytest.fixture(scope="module")
def n_files_of() -> dict[str, int]:
    """How many files each step writes, once it was done."""
    return {}


@pytest.fixture
def breaks(monkeypatch: pytest.MonkeyPatch) -> Breaks:
    breaks = Breaks()
    monkeypatch.setattr(whole_files, "sync_folder", breaks.sync_folder)
    monkeypatch.setattr(whole_files.os, "fsync", breaks.fsync)
    source = explorer_source()
    monkeypatch.setattr("gem_plugin.steps.landscape.step.decoder_of", lambda *_: source)
    monkeypatch.setattr("gem_plugin.steps.landscape_full.step.open_decoder", lambda *_: source)
    monkeypatch.setattr("gem_plugin.results.run.Run.decoder", lambda *_: source)
    return breaks


def contents(run: RunFiles) -> dict[str, bytes]:
    paths = [path for path in run.root.rglob("*") if path not in (run.log, run.lock)]
    return {
        str(path): path.read_bytes() if path.is_file() else b"folder or link that leads nowhere"
        for path in paths
    }


def do(run: RunFiles, name: str, values: dict) -> None:
    folder = run.root.parent
    given = {key: folder / value if value in FILES else value for key, value in values.items()}
    if name == "flex":
        given["model"] = folder / "model.pdb"
    settings = settings_from_values(STEPS[name].settings_class, given)
    run_step(STEPS[name], run, settings, Progress(io.StringIO()))


@pytest.mark.parametrize(("name", "point"), POINTS)
def test_step_that_breaks_leaves_the_run_as_it_was(
    run: RunFiles, n_files_of: dict[str, int], breaks: Breaks, name: str, point: int
):
    if name in ("landscape-full", "select") and "landscape" not in read_summary(run):
        do(run, "landscape", SETTINGS["landscape"])
    if name not in n_files_of:
        breaks.never()
        do(run, name, SETTINGS[name])
        n_files_of[name] = breaks.n_written
    before, n_files = contents(run), n_files_of[name]
    breaks.at_point(point, n_files)
    with pytest.raises(type(breaks.error)):
        do(run, name, OTHERS[name])
    assert contents(run) == before, f"after file {breaks.at} of {n_files}"


@pytest.mark.parametrize("name", ["landscape", "select", "eval-vol", "diagnose"])
def test_a_full_disk_is_one_sentence_and_leaves_the_run_as_it_was(
    run: RunFiles, breaks: Breaks, name: str, capsys: pytest.CaptureFixture
):
    breaks.never()
    for needed in ("landscape", name):
        if needed not in read_summary(run):
            do(run, needed, SETTINGS[needed])
    before = contents(run)
    breaks.n_written, breaks.at, breaks.before, breaks.error = 0, 3, True, DISK_IS_FULL
    assert exit_code_of(lambda: do(run, name, OTHERS[name])) == FAILURE
    told = capsys.readouterr().err
    assert told.startswith(
        "Error: The disk is full. Free space or choose another folder; finished steps are kept"
    )
    assert told.count("\n") == 1
    assert contents(run) == before


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> RunFiles:
    """A run of a few simulated particles, with a model that was trained for two epochs."""
    folder = tmp_path_factory.mktemp("trained")
    simulation = SimulateSettings(out=folder / "data", n_particles=48, box=16, pixel_size=16.0, snr=0.5)
    run_simulate(simulation, Progress(io.StringIO()))
    run = RunFiles(folder / "run")
    train(run)
    return run


def train(run: RunFiles, **changes: object) -> str:
    data = run.root.parent / "data"
    values = {"particles": data / "particles.star", "map": data / "consensus.mrc", **TINY, **changes}
    said = io.StringIO()
    run_steps(OF_PARTICLES, run, values, Progress(said))
    return said.getvalue()


@pytest.fixture
def breaks_only(monkeypatch: pytest.MonkeyPatch) -> Iterator[Breaks]:
    breaks = Breaks()
    monkeypatch.setattr(whole_files, "sync_folder", breaks.sync_folder)
    monkeypatch.setattr(whole_files.os, "fsync", breaks.fsync)
    yield breaks
    breaks.never()


@pytest.mark.parametrize("before", [True, False])
@pytest.mark.parametrize(
    ("name", "changes", "at"), [("prepare", {"normalise": "always"}, 7), ("consensus", {"seed": 5}, 7)]
)
def test_preparing_again_that_breaks_leaves_the_model_usable(
    trained: RunFiles, breaks_only: Breaks, name: str, changes: dict, at: int, before: bool
):
    was = contents(trained)
    breaks_only.n_written, breaks_only.at, breaks_only.before = 0, at, before
    breaks_only.error = DISK_IS_FULL if before else KeyboardInterrupt()
    with pytest.raises(type(breaks_only.error)):
        train(trained, **changes)
    assert contents(trained) == was
    assert list(read_summary(trained)) == list(OF_PARTICLES)


def of_finished_model(run: RunFiles) -> dict[str, bytes]:
    unfinished = unfinished_training(run).root
    return {name: text for name, text in contents(run).items() if not Path(name).is_relative_to(unfinished)}


def test_training_again_that_breaks_leaves_the_earlier_model_and_resumes(
    trained: RunFiles, breaks_only: Breaks
):
    was = contents(trained)
    breaks_only.n_written, breaks_only.error, breaks_only.before = 0, KeyboardInterrupt(), False
    breaks_only.at = 1 + n_files_until_checkpoint(trained)
    with pytest.raises(KeyboardInterrupt):
        train(trained, latent_size=3)
    assert of_finished_model(trained) == was
    assert (unfinished_training(trained).root / trained.checkpoint.name).is_file()
    assert read_run_settings(trained)["train"]["latent_size"] == 2
    breaks_only.never()
    said = train(trained, latent_size=3)
    assert "Resuming after epoch 1 of 2" in said
    assert read_run_settings(trained)["train"]["latent_size"] == 3
    assert not unfinished_training(trained).root.exists()
    assert [path.name for path in trained.root.iterdir() if path.name.startswith(".")] == [trained.lock.name]
    assert sorted(path.name for path in trained.checkpoint.parent.iterdir()) == [
        "checkpoint.pt",
        "history.csv",
        "times.json",
    ]


def n_files_until_checkpoint(run: RunFiles) -> int:
    """Records that a step writes before its work: of stale steps (2), settings (2), inputs (1); then the checkpoint."""
    return 6


def test_more_epochs_that_break_leave_the_finished_model(trained: RunFiles, breaks_only: Breaks):
    breaks_only.never()
    train(trained)
    was = contents(trained)
    breaks_only.n_written, breaks_only.error, breaks_only.before = 0, DISK_IS_FULL, True
    breaks_only.at = 2 + n_files_until_checkpoint(trained)
    with pytest.raises(OSError, match="No space left"):
        train(trained, epochs=4)
    assert of_finished_model(trained) == was
    breaks_only.never()
    assert "Resuming after epoch 3 of 4" in train(trained, epochs=4)
    assert read_summary(trained)["train"]["epochs"] == 4


def test_report_of_a_folder_that_is_no_run_is_an_error(tmp_path: Path):
    (tmp_path / "thesis.txt").touch()
    with pytest.raises(InputError, match="holds no run of GEM"):
        do(RunFiles(tmp_path), "report", {})
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]
