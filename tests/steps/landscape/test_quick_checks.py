"""A landscape leaves checks.csv with a verdict on every state; --no-checks leaves "not tested"."""

import dataclasses
import io
import shutil
from pathlib import Path

import numpy as np
import pytest
from explorer_run import N_STATES, SETTINGS, explorer_source, make_explorer_run

from gem_plugin.io.run.files import RunFiles
from gem_plugin.io.run.landscape_files import LandscapeFiles
from gem_plugin.landscape.checks.known_checks import checks_run
from gem_plugin.landscape.checks.state_verdicts import KINDS, NOT_TESTED
from gem_plugin.progress import Progress
from gem_plugin.results.checks import LONG, QUICK, RunChecks
from gem_plugin.results.run import Run
from gem_plugin.steps.landscape import quick_checks
from gem_plugin.steps.landscape.settings import LandscapeSettings
from gem_plugin.steps.landscape.step import map_landscape
from gem_plugin.steps.reconstruct.settings import ReconstructSettings
from gem_plugin.steps.reconstruct.step import run_reconstruct

QUICK_TITLES = {
    "state N may be noise",
    "half-maps share noise",
    "state N is unstable",
    "state N has too few particles",
    "latents follow defocus, view, contrast, ...",
    "half-sets missing",
}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> RunFiles:
    return make_explorer_run(tmp_path_factory.mktemp("made"))


@pytest.fixture
def run(made: RunFiles, tmp_path: Path) -> RunFiles:
    return RunFiles(Path(shutil.copytree(made.root, tmp_path / "run")))


def landscape(run: RunFiles, **changed: object) -> tuple[dict, str]:
    settings: LandscapeSettings = dataclasses.replace(SETTINGS, **changed)  # type: ignore[arg-type]
    said = io.StringIO()
    files = run.landscape if settings.outdir is None else LandscapeFiles(settings.outdir)
    return map_landscape(explorer_source(), files, run, settings, Progress(said)), said.getvalue()


def test_every_state_has_a_verdict_and_the_log_says_it(run: RunFiles) -> None:
    numbers, said = landscape(run)
    checks = Run(run).checks
    assert {check.title for check in checks_run(checks.as_plain())[0]} >= QUICK_TITLES
    assert {row.depth for row in checks.rows} == {QUICK}
    verdicts = [checks.verdict(number) for number in range(1, N_STATES + 1)]
    assert all(verdict.kind in KINDS and verdict.kind != NOT_TESTED for verdict in verdicts)
    for number, verdict in enumerate(verdicts, start=1):
        assert f"State {number}: {verdict.badge}" in said
    assert "checks have been run. Not run: " in said
    counts = [numbers[f"{kind.replace(' ', '_')}_states"] for kind in KINDS]
    assert sum(counts) == N_STATES
    assert numbers["not_tested_states"] == 0


def test_without_checks_every_state_is_not_tested(run: RunFiles) -> None:
    run.checks.unlink()
    numbers, said = landscape(run, checks=False)
    assert numbers["not_tested_states"] == N_STATES
    assert said.count(": not tested") == N_STATES
    assert "0 of " in said


def test_other_states_lose_the_verdicts_of_the_states_before(run: RunFiles) -> None:
    assert Run(run).checks.verdict(1).kind != NOT_TESTED
    landscape(run, n_states=N_STATES - 1, checks=False)
    checks = Run(run).checks
    assert {checks.verdict(number).kind for number in range(1, N_STATES)} == {NOT_TESTED}
    assert any(row.check == "latents follow" for row in checks.rows), "they are of the same latents"


def test_the_long_checks_of_reconstruct_stay_while_the_states_do(run: RunFiles) -> None:
    run_reconstruct(run, ReconstructSettings(), Progress(io.StringIO()))
    rows = {row.name: row for row in Run(run).checks.rows}
    assert rows["state 1 may be noise"].depth == LONG
    landscape(run)
    assert {row.name: row for row in Run(run).checks.rows} == rows


def test_states_that_the_user_gives_to_reconstruct_say_nothing_of_the_landscape(
    run: RunFiles, tmp_path: Path
) -> None:
    before = run.checks.read_bytes()
    own = tmp_path / "own.npy"
    np.save(own, np.load(run.landscape.particle_states) % 2 + 1)
    run_reconstruct(run, ReconstructSettings(particle_states=own), Progress(io.StringIO()))
    assert run.checks.read_bytes() == before


def test_a_landscape_in_a_folder_of_its_own_is_not_checked(run: RunFiles, tmp_path: Path) -> None:
    before = run.checks.read_bytes()
    numbers, _ = landscape(run, outdir=tmp_path / "elsewhere")
    assert "supported_states" not in numbers
    assert run.checks.read_bytes() == before


def test_one_state_has_nothing_to_differ_from(run: RunFiles) -> None:
    landscape(run, n_states=1)
    (row,) = [row for row in Run(run).checks.rows if row.check == "may be noise"]
    assert row.verdict == "not measured"
    assert "one state" in row.sentence
    assert Run(run).checks.badge(1) == "not tested"


@pytest.mark.parametrize(("missing", "reason"), [("images", "could not be looked at"), ("memory", "memory")])
def test_what_cannot_be_done_is_said_and_the_landscape_ends(
    run: RunFiles, monkeypatch: pytest.MonkeyPatch, missing: str, reason: str
) -> None:
    run.checks.unlink()
    if missing == "images":
        run.prepared_images.unlink()
    else:
        monkeypatch.setattr(quick_checks, "free_memory_in_bytes", lambda: 1e5)
    landscape(run)
    (row,) = [row for row in Run(run).checks.rows if row.check == "may be noise"]
    assert row.verdict == "not measured"
    assert reason in row.sentence
    assert RunChecks.load(run).badge(1) in ("not tested", "unstable")
