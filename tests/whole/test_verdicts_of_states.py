"""Every state that is shown anywhere has a verdict or says "not tested": in a run with checks, and in one of version 0.1.0."""

import io
import json
import re
import shutil
from dataclasses import replace
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from explorer_run import N_STATES, explorer_source
from full_run import make_full_run
from old_runs import copy_old_run

import gem_plugin as gem
from gem_plugin.adapters.cryosparc import pictures
from gem_plugin.adapters.cryosparc.progress import CryosparcProgress
from gem_plugin.adapters.relion import worker
from gem_plugin.explorer.masks import MaskRequest
from gem_plugin.explorer.opened_run import OpenedRun
from gem_plugin.explorer.recluster import WHOLE, OpenedSketch
from gem_plugin.io.array_files import write_array
from gem_plugin.io.run.files import RunFiles
from gem_plugin.landscape.checks.state_verdicts import KINDS
from gem_plugin.pipeline.run_steps import run_steps
from gem_plugin.progress import Progress
from gem_plugin.reports.figures.order import figure_files
from gem_plugin.reports.log_contents import check_lines
from gem_plugin.reports.sections.states_in_words import states_in_words
from gem_plugin.reports.verdicts import SOURCES_OF_FIGURES
from gem_plugin.results.csv_tables import read_text_rows
from gem_plugin.results.run import Run
from gem_plugin.results.state_sources import COLUMN_OF_SOURCE, STATE_SOURCES
from gem_plugin.steps.report import chimerax
from gem_plugin.steps.report.settings import ReportSettings
from gem_plugin.steps.report.step import run_report
from gem_plugin.steps.select.settings import SelectSettings
from gem_plugin.steps.select.step import run_select

VERDICT = rf"(?:{'|'.join(KINDS)})(?: \(-?\d+ sigma\))?"
OPEN, TESTED = "of 0.1.0", "checked"


class Page(HTMLParser):
    """Tables as rows of texts, and captions, of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tables: list[list[list[str]]] = []
        self.inside = 0
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: Any) -> None:
        if tag == "table":
            self.tables.append([])
        elif tag == "tr" and self.tables:
            self.tables[-1].append([])
        elif tag in ("td", "th") and self.tables and self.tables[-1]:
            self.tables[-1][-1].append("")
            self.inside += 1

    def handle_endtag(self, tag: str) -> None:
        self.inside -= tag in ("td", "th")

    def handle_data(self, data: str) -> None:
        if self.inside > 0 and self.tables and self.tables[-1] and self.tables[-1][-1]:
            self.tables[-1][-1][-1] += data


@pytest.fixture(scope="module")
def checked(tmp_path_factory: pytest.TempPathFactory) -> RunFiles:
    run = make_full_run(tmp_path_factory.mktemp("checked") / "run")
    run_report(run, ReportSettings(chimerax=False), Progress(io.StringIO()))
    return run


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> RunFiles:
    run = RunFiles(copy_old_run(tmp_path_factory.mktemp("old")))
    run_report(run, ReportSettings(chimerax=False), Progress(io.StringIO()))
    return run


@pytest.fixture(params=[TESTED, OPEN])
def run(request: pytest.FixtureRequest) -> RunFiles:
    return request.getfixturevalue("checked" if request.param == TESTED else "old")


def badges_of(run: RunFiles) -> dict[int, str]:
    return {number: Run(run).checks.badge(number) for number in Run(run).state_maps}


def test_the_states_of_the_two_runs_differ_in_what_is_known(checked: RunFiles, old: RunFiles) -> None:
    assert len(badges_of(checked)) == N_STATES
    assert "not tested" not in badges_of(checked).values()
    assert set(badges_of(old).values()) == {"not tested"}


def test_cards_tables_captions_and_plot_of_the_report(run: RunFiles) -> None:
    text, badges = run.report.read_text(), badges_of(run)
    cards = re.findall(r"<h3>State (\d+)(.*?)</h3>", text)
    assert {int(number): unescape(re.sub("<.*?>", "", badge)).strip() for number, badge in cards} == badges
    of_states = [table for table in Page(text).tables if table and table[0] and table[0][0] == "state"]
    assert of_states
    for table in of_states:
        column = table[0].index("verdict")
        assert {int(row[0]): row[column] for row in table[1:]} == badges
    data = json.loads(re.search(r'id="scatter-data">(.*?)</script>', text)[1])  # type: ignore[index]
    for column in data["columns"]:
        if column["name"] in COLUMN_OF_SOURCE.values():
            assert all(re.fullmatch(VERDICT, badge) for badge in column["badges"].values())
            assert len(column["badges"]) >= 2


def test_every_figure_in_which_states_can_be_told_apart_says_their_verdicts(run: RunFiles) -> None:
    text, opened = unescape(run.report.read_text()), Run(run)
    captions = re.findall(r"<figcaption>(.*?)</figcaption>", text)
    shown = [
        source
        for path in figure_files(run)
        for pattern, source in SOURCES_OF_FIGURES
        if re.fullmatch(pattern, path.stem) and opened.has_states(source)
    ]
    assert shown
    for source in STATE_SOURCES:
        if source in shown:
            sentence = opened.checks.in_words(opened.states(source).numbers, source)
            assert sum(caption.endswith(sentence) for caption in captions) >= shown.count(source)


def test_the_header_says_how_many_checks_were_run_and_which_were_not(run: RunFiles) -> None:
    text = unescape(run.report.read_text())
    assert re.search(r"<dt>Checks</dt><dd>\d+ of \d+ checks have been run. Not run: .+?</dd>", text)
    green = re.search(r'<p class="good">', text)
    assert not (green and "not tested" in badges_of(run).values()), "nothing is good that nobody looked at"


def test_the_pdf_and_the_script_for_chimerax(run: RunFiles) -> None:
    lines = check_lines(Run(run))
    for number, badge in badges_of(run).items():
        assert f"State {number}: {badge}" in lines
    written = chimerax._state_scripts(Run(run), chimerax._states(Run(run)))
    assert len(written) == 2
    for script in written:
        for number, badge in badges_of(run).items():
            assert re.search(rf"State {number}: .*, {re.escape(badge)}", script.read_text())


def test_the_log_of_a_selection_and_the_public_interface(checked: RunFiles, tmp_path: Path) -> None:
    said = io.StringIO()
    settings = SelectSettings(states=(1, 2), out=tmp_path / "some.star")
    run_select(checked, settings, Progress(said))
    badges = badges_of(checked)
    assert Run(checked).checks.in_words((1, 2)) in said.getvalue()
    opened = gem.open_run(checked.root)
    assert {number: opened.verdict(number) for number in badges} == badges
    assert opened.verdict(1, "full") == "not tested"


class RememberingJob:
    """A job of CryoSPARC that keeps the lines of its log."""

    is_generation_5 = True

    def __init__(self) -> None:
        self.lines: list[str] = []

    def log(self, text: str, *_: Any) -> None:
        self.lines.append(text)

    def log_in_place(self, *_: Any) -> None:
        pass

    def log_plot(self, *_: Any) -> None:
        pass


FEW_MAPS = {"sketch_size": 30, "n_states": N_STATES, "skip_umap": True, "pc_dim": 4, "plot_dim": 0}
FEW_OF_ALL = {"maps_per_state": 2, "bootstrap": 5, "path_points": 0, "skip_umap": True, "num_neighbors": 20}


def log_of_job(name: str, program: str, run: RunFiles, values: dict[str, Any], read: Any) -> str:
    """What run.out of RELION, or the log of the job in CryoSPARC, holds after a job whose maps are of the arm."""
    if program == "CryoSPARC":
        job: Any = RememberingJob()
        progress = CryosparcProgress(run, job, lambda: None)
        run_steps([name], run, values, progress)
        progress.sender.end()
        return "\n".join(job.lines)
    words = [word for key, value in values.items() for word in (f"--{key}", str(value))]
    worker.work(name, ["--o", f"{run.root}/", *words], cast(Any, SimpleNamespace(check=lambda: None)))
    return str(read().out)


@pytest.mark.parametrize("program", ["RELION", "CryoSPARC"])
def test_the_job_logs_of_landscape_and_of_landscape_full(
    checked: RunFiles, tmp_path: Path, program: str, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    run = RunFiles(shutil.copytree(checked.root, tmp_path / "job"))
    monkeypatch.setattr(Run, "decoder", lambda *_: explorer_source())
    monkeypatch.setattr("gem_plugin.steps.landscape.step.decoder_of", lambda *_: explorer_source())
    monkeypatch.setattr("gem_plugin.steps.landscape_full.step.open_decoder", lambda *_: explorer_source())
    monkeypatch.setattr("gem_plugin.steps.landscape.figures.draw_landscape", lambda *_: None)
    monkeypatch.setattr("gem_plugin.steps.landscape_full.states._draw_groups", lambda *_: None)
    monkeypatch.setattr(worker, "_take_earlier_results", lambda *_: None)
    for name in ("landscape", "landscape-full"):
        monkeypatch.setitem(worker.JOBS, name, replace(worker.JOBS[name], steps=(name,)))
    said = log_of_job("landscape", program, run, FEW_MAPS, capsys.readouterr)
    badges = badges_of(run)
    assert set(badges) == set(range(1, N_STATES + 1))
    for number, badge in badges.items():
        assert f"State {number}: {badge}\n" in said
    said = log_of_job("landscape-full", program, run, FEW_OF_ALL, capsys.readouterr)
    opened = Run(run)
    assert opened.checks.in_words(badges, "full") in said
    assert "where at least 80% of the particles of either are in both" in said
    same = [number for number in badges if opened.checks.in_common[number] >= 0.8]
    assert same
    assert all(opened.checks.badge(number, "full") == badges[number] != "not tested" for number in same)
    (communities,) = re.findall(r"Leiden communities\. (States .*?: not tested)", said)
    assert communities == opened.checks.in_words(opened.states("leiden").numbers, "leiden").rstrip(".")
    assert f"--particle-states {run.root}/landscape/full/leiden_states.npy makes half-maps" in said
    for source in ("full", "leiden"):
        assert opened.populations(source).numbers == opened.states(source).numbers


def test_states_of_landscape_full_of_another_number_are_not_tested(checked: RunFiles, tmp_path: Path) -> None:
    run = RunFiles(shutil.copytree(checked.root, tmp_path / "job"))
    labels = Run(run).states().labels
    write_array(run.landscape.full.particle_states, np.where(labels == N_STATES, 1, labels))
    opened = Run(run)
    assert {opened.checks.badge(number, "full") for number in opened.states("full").numbers} == {"not tested"}
    assert "not tested" not in badges_of(run).values()


def test_tables_of_states_have_a_column_of_verdicts(checked: RunFiles) -> None:
    rows = read_text_rows(checked.landscape.state_table)
    assert {int(row["state"]): row["verdict"] for row in rows} == badges_of(checked)
    for column in Run(checked).state_sources:
        for number in Run(checked).states(column).numbers:
            assert re.fullmatch(VERDICT, Run(checked).checks.badge(number, column))


def test_a_verdict_that_is_not_there_says_what_to_run(checked: RunFiles) -> None:
    checks = Run(checked).checks
    for source, name in (("full", "particle_states.npy"), ("leiden", "leiden_states.npy")):
        sentence = checks.verdict(1, source).sentence
        assert (
            f"gem-em reconstruct RUN --particle-states RUN/landscape/full/{name} makes half-maps" in sentence
        )


def test_the_first_sentence_on_states_is_followed_by_their_verdicts(run: RunFiles) -> None:
    of_first_page, of_summary = re.findall(r"<dt>States</dt><dd>(.*?)</dd>", run.report.read_text())
    verdicts = Run(run).checks.in_words(Run(run).state_maps)
    assert unescape(of_summary) == f"{states_in_words(Run(run))} {verdicts}"
    assert unescape(of_first_page).endswith(f"{verdicts[0].lower()}{verdicts[1:]}")


def test_the_pictures_in_the_log_of_cryosparc(run: RunFiles, monkeypatch: pytest.MonkeyPatch) -> None:
    titles: list[str] = []
    monkeypatch.setattr(pictures, "surfaces_of", lambda *_: None)
    monkeypatch.setattr(pictures, "surface_figure", lambda _, given: titles.extend(given))
    pictures.states_figure(run, "sketch")
    fractions = {
        number: len(Run(run).states().rows(number)) / Run(run).n_particles for number in badges_of(run)
    }
    assert titles == [
        f"State {number}: {fractions[number]:.0%}\n{badge}" for number, badge in badges_of(run).items()
    ]


def test_the_explorers_states_are_those_of_the_run_or_not_tested(
    checked: RunFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Run, "decoder", lambda *_: explorer_source())
    opened = OpenedRun(checked)
    sketch: OpenedSketch = opened.opened_sketch()
    badges = badges_of(checked)
    states = sketch.recluster(N_STATES, "ward", WHOLE, MaskRequest())
    found = opened.verdicts(states.particle_states, N_STATES)
    assert {number: one["badge"] for number, one in enumerate(found, start=1)} == badges
    others = sketch.recluster(N_STATES + 1, "ward", WHOLE, MaskRequest())
    assert {one["badge"] for one in opened.verdicts(others.particle_states, N_STATES + 1)} == {"not tested"}
    described = {column["name"]: column for column in opened.description()["columns"]}
    assert described["state"]["badges"] == badges
    row = int(np.flatnonzero(Run(checked).states().labels == 2)[0])
    assert f"in state 2 ({badges[2]}) with probability " in opened.certainty.of(row)
