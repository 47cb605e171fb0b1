"""No figure of an earlier state of the run is ever shown: whatever changes, what shows it is drawn again."""

import io
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from arm_model import arm_source, ring_latents
from matplotlib.figure import Figure
from PIL import Image
from tiny_run import make_tiny_run, moving_ball

from gem_plugin import second_process
from gem_plugin.io.array_files import read_array, write_array
from gem_plugin.io.mrc.maps import write_map
from gem_plugin.io.run import figure_names as names
from gem_plugin.io.run.files import RunFiles
from gem_plugin.io.run.settings import write_step_settings, write_step_summary
from gem_plugin.progress import Progress
from gem_plugin.reports.figures import save
from gem_plugin.reports.first_page import contents
from gem_plugin.results import kept_products
from gem_plugin.results.run import Run
from gem_plugin.steps.landscape.settings import LandscapeSettings
from gem_plugin.steps.report import chimerax, figures, step
from gem_plugin.steps.report.settings import ReportSettings

LOG, MOTION, SCRIPTS = "logfile", "measured", "scripts"
OF_MOTION = {names.MOTION, names.AMPLITUDE_CHANGE, names.PARTS}
OF_LATENTS = {names.ENERGY_OF_LATENTS, names.FIRST_PAGE}


class Reports:
    """Reports of one run, whose figures are drawn as single pixels; says what each made anew."""

    def __init__(self, run: RunFiles, patch: pytest.MonkeyPatch) -> None:
        self.run, self.made, self.number, self.scale = run, set[str](), 0, 1.0
        patch.setattr(Run, "decoder", lambda *_: arm_source(self.scale * ring_latents(300)))
        patch.setattr(save, "lay_out", lambda *_: None)
        patch.setattr(Figure, "savefig", lambda _, path, **__: self._draw(path))
        patch.setattr(step, "write_log", self._write_log)
        self._count(patch, "write_motion", MOTION)
        self._count(patch, "_morph_scripts", SCRIPTS)

    def __call__(self, **settings: bool) -> set[str]:
        self.made = set()
        step.run_report(self.run, ReportSettings(**settings), Progress(io.StringIO()))
        return self.made

    def _draw(self, path: Path) -> None:
        """Another picture each time."""
        self.made.add(path.name.removeprefix(".").split(".part")[0])
        self.number += 1
        Image.new("RGB", (4, 4), (self.number % 256, self.number // 256, 0)).save(path, format="PNG")

    def _write_log(self, *_: Any) -> list[Path]:
        self.made.add(LOG)
        self.run.pdf_log.write_text("log")
        return [self.run.pdf_log]

    def _count(self, patch: pytest.MonkeyPatch, name: str, what: str) -> None:
        function = getattr(chimerax, name)

        def counted(*values: Any, **named: Any) -> Any:
            self.made.add(what)
            return function(*values, **named)

        patch.setattr(chimerax, name, counted)


@pytest.fixture(scope="module")
def reported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with a report."""
    run = make_tiny_run(tmp_path_factory.mktemp("first") / "run")
    write_array(run.latents, ring_latents(300))
    run.checkpoint.write_text("model")
    with pytest.MonkeyPatch.context() as patch:
        made = Reports(run, patch)()
    assert made == {*OF_MOTION, *OF_LATENTS, names.TRAINING, names.STATE_MEANS, LOG, MOTION, SCRIPTS}
    return run.root


@pytest.fixture
def reports(reported: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Reports:
    """The same in another place, where only its commands differ, and then nothing."""
    run = RunFiles(tmp_path / "run")
    shutil.copytree(reported, run.root)
    monkeypatch.setattr(contents, "LARGEST_PICTURE", 40)
    monkeypatch.setattr(contents, "SMALLEST_PICTURE", 30)
    monkeypatch.setattr(contents, "ROWS_OF_CONSENSUS", 40)
    reports = Reports(run, monkeypatch)
    assert reports() == {LOG}
    assert reports() == set()
    return reports


def retrained(reports: Reports) -> None:
    reports.run.checkpoint.write_text("another model")
    reports.scale = 1.1


def other_latents(reports: Reports) -> None:
    latents = read_array(reports.run.latents, "")
    latents[0, 0] += 1e-6
    write_array(reports.run.latents, latents)


def trained_longer(reports: Reports) -> None:
    with reports.run.history.open("a") as file:
        file.write("4,3.1,7.0,4.3\n")


def other_states(reports: Reports) -> None:
    path = reports.run.landscape.particle_states
    states = read_array(path, "")
    states[0] = states[0] % 3 + 1
    write_array(path, states)


def other_map(reports: Reports) -> None:
    write_map(reports.run.landscape.states.mean(2), moving_ball(2) * 1.01, 4.0)


def other_hand(reports: Reports) -> None:
    write_step_settings(reports.run, "landscape", LandscapeSettings(flip=True))


def other_checks(reports: Reports) -> None:
    reports.run.diagnostics.write_text('[{"name": "x", "verdict": "bad", "sentence": "s", "is_bad": true}]')


def other_numbers(reports: Reports) -> None:
    write_step_summary(reports.run, "train", {"gaussians": 90})


def other_version(reports: Reports) -> None:
    kept_products.program_identity = lambda: "another version"  # put back by the test


def deleted(reports: Reports) -> None:
    (reports.run.figures / f"{names.PARTS}.pdf").unlink()


def edited(reports: Reports) -> None:
    Image.new("RGB", (9, 9)).save(reports.run.figures / f"{names.TRAINING}.png")


def deleted_map(reports: Reports) -> None:
    reports.run.chimerax.mean_map.unlink()


def drawn_by_landscape(reports: Reports) -> None:
    Image.new("RGB", (9, 9)).save(reports.run.figures / f"{names.STATE_MEANS}.png")


def other_motion(reports: Reports) -> None:
    reports.run.motion.unlink()


@pytest.mark.parametrize(
    ("change", "at_least"),
    [
        (retrained, {MOTION, SCRIPTS, *OF_MOTION, names.FIRST_PAGE, LOG}),
        (other_latents, {*OF_LATENTS, LOG}),
        (trained_longer, {names.TRAINING, LOG}),
        (other_states, {names.STATE_MEANS, names.FIRST_PAGE, SCRIPTS, LOG}),
        (other_map, {names.STATE_MEANS, names.FIRST_PAGE, SCRIPTS, LOG}),
        (other_hand, {names.FIRST_PAGE, LOG}),
        (other_checks, {LOG}),
        (other_numbers, {LOG}),
        (other_version, {*OF_MOTION, *OF_LATENTS, names.TRAINING, names.STATE_MEANS, LOG, MOTION, SCRIPTS}),
        (deleted, {names.PARTS}),
        (edited, {names.TRAINING, LOG}),
        (deleted_map, {SCRIPTS}),
        (drawn_by_landscape, {names.STATE_MEANS, LOG}),
        (other_motion, {MOTION}),
    ],
)
def test_what_shows_a_change_is_made_again(
    reports: Reports, change: Callable[[Reports], None], at_least: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept_products, "program_identity", kept_products.program_identity)
    change(reports)
    made = reports()
    assert made >= at_least
    assert reports() == set()


def test_the_page_shows_the_figures_that_are_there(reports: Reports) -> None:
    before = reports.run.report.read_text(encoding="utf-8")
    retrained(reports)
    reports()
    after = reports.run.report.read_text(encoding="utf-8")
    assert before != after
    reports.run.report.unlink()
    reports()
    assert reports.run.report.read_text(encoding="utf-8") == after


def test_figures_of_what_is_no_more_go(reports: Reports) -> None:
    for path in (reports.run.history, reports.run.motion, reports.run.checkpoint):
        path.unlink()
    reports()
    left = {path.stem for path in reports.run.figures.glob("*.png")}
    assert not left & {names.TRAINING, *OF_MOTION}


def test_without_scripts_the_motion_of_another_model_goes(reports: Reports) -> None:
    assert reports(chimerax=False) == set()
    retrained(reports)
    reports(chimerax=False)
    assert not reports.run.motion.exists()
    assert not (reports.run.figures / f"{names.MOTION}.png").exists()


def test_other_particles_in_the_states_are_compared_anew(reports: Reports) -> None:
    np.save(reports.run.outliers, (np.arange(300) < 40).astype(np.float32))
    assert {MOTION, names.OUTLIERS} <= reports()


@pytest.fixture
def copies(reported: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[RunFiles]:
    """Two runs of one name without a report, whose models are small."""
    copies = [RunFiles(tmp_path / where / "run") for where in ("alone", "together")]
    for one in copies:
        shutil.copytree(reported, one.root)
        shutil.rmtree(one.figures)
    monkeypatch.setattr(contents, "LARGEST_PICTURE", 40)
    monkeypatch.setattr(contents, "SMALLEST_PICTURE", 30)
    monkeypatch.setattr(contents, "ROWS_OF_CONSENSUS", 40)
    monkeypatch.setattr(Run, "decoder", lambda *_: arm_source(ring_latents(300)))
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "0")
    return copies


def test_two_processes_draw_what_one_draws(copies: list[RunFiles], monkeypatch: pytest.MonkeyPatch) -> None:
    """All but the letters in the fonts of PDF files, of which each process has its own."""
    alone, together = copies
    step.run_report(alone, ReportSettings(), Progress(io.StringIO()))
    asked: list[Any] = []
    ask = second_process.SecondProcess._ask
    monkeypatch.setattr(second_process, "has_two_cores", lambda: True)
    monkeypatch.setattr(second_process.SecondProcess, "_ask", lambda *of: asked.append(ask(*of)) or asked[-1])
    monkeypatch.setattr(figures, "LIBRARY", "not there")
    step.run_report(together, ReportSettings(), Progress(io.StringIO()))
    assert len(asked) == 8
    assert all(is_done for is_done, _ in asked)
    for path in sorted(alone.figures.glob("*.png")):
        assert path.read_bytes() == (together.figures / path.name).read_bytes(), path.name
    for one in (*alone.figures.glob("*.pdf"), alone.pdf_log):
        assert (together.root / one.relative_to(alone.root)).is_file()
    assert step.run_report(together, ReportSettings(), Progress(io.StringIO()))["warnings"] >= 0
    assert len(asked) == 8


def test_a_figure_that_fails_is_an_error_of_the_report(
    copies: list[RunFiles], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(second_process, "has_two_cores", lambda: True)
    monkeypatch.setattr(figures, "_of_figures", lambda *_: figures.DrawnBy("figures.motion", "draw_nothing"))
    with pytest.raises(AttributeError, match="draw_nothing"):
        step.run_report(copies[0], ReportSettings(), Progress(io.StringIO()))
