"""Made again, a landscape keeps its settings, landscape-full takes them over, and what was taken is said."""

import io
from pathlib import Path

import pytest

from gem_plugin.io.run.files import RunFiles
from gem_plugin.io.run.settings import write_step_settings, write_step_summary
from gem_plugin.pipeline.last_settings import (
    settings_with_last,
    with_number_of_states_of_before,
    with_settings_of_landscape,
)
from gem_plugin.pipeline.step_table import STEPS
from gem_plugin.progress import Progress
from gem_plugin.steps.landscape.settings import LandscapeSettings
from gem_plugin.steps.landscape_full.settings import LandscapeFullSettings


@pytest.fixture
def run(tmp_path: Path) -> RunFiles:
    run = RunFiles(tmp_path)
    mask = run.root / "arm.mrc"
    mask.touch()
    settings = LandscapeSettings(
        sketch_size=300, n_states=3, linkage="average", mask=mask, device="cuda", skip_vol=True
    )
    write_step_settings(run, "landscape", settings)
    return run


def chosen(run: RunFiles, name: str = "landscape", **given) -> tuple:
    said = io.StringIO()
    return settings_with_last(STEPS[name], run, given, Progress(said)), said.getvalue()


def test_landscape_keeps_its_settings_and_says_so(run: RunFiles):
    settings, said = chosen(run)
    assert (settings.sketch_size, settings.n_states, settings.linkage) == (300, 3, "average")
    assert settings.mask == (run.root / "arm.mrc").resolve()
    assert "Settings of the last landscape are kept: -N 300, --mask " in said
    assert "-M 3, --linkage average." in said
    assert (settings.device, settings.skip_vol) == ("auto", False), "of the machine, and of one time"


def test_what_is_given_wins(run: RunFiles):
    settings, said = chosen(run, n_states="auto", thresh=0.5)
    assert (settings.n_states, settings.thresh, settings.mask) == ("auto", 0.5, None)
    assert "-M" not in said
    assert chosen(run, n_states=None)[0].n_states == "auto", "as Python says it"
    assert chosen(run, n_states=10)[0].n_states == 10


def test_fresh_starts_from_the_defaults(run: RunFiles):
    settings, said = chosen(run, fresh=True)
    assert settings == LandscapeSettings(fresh=True)
    assert said == ""


def test_full_landscape_takes_states_and_linkage_of_its_landscape(run: RunFiles):
    settings, said = chosen(run, "landscape-full")
    assert (settings.n_states, settings.linkage) == (3, "average")
    assert "Settings of landscape are kept: -M 3, --linkage average." in said
    assert chosen(run, "landscape-full", n_states="auto")[0].n_states == "auto"
    write_step_settings(run, "landscape-full", LandscapeFullSettings(n_states=5))
    assert chosen(run, "landscape-full")[0].n_states == 5


def test_what_landscape_found_by_itself_is_taken_too(run: RunFiles):
    write_step_settings(run, "landscape", LandscapeSettings(n_states="auto", linkage="auto"))
    write_step_summary(run, "landscape", {"states": 4, "linkage": "complete"})
    settings, _ = chosen(run, "landscape-full")
    assert (settings.n_states, settings.linkage) == (4, "complete")


def test_jobs_take_their_own_parameters_and_of_an_earlier_landscape_its_states(run: RunFiles):
    progress = Progress(io.StringIO())
    assert with_settings_of_landscape(STEPS["landscape"], run, {"pc_dim": "5"}, progress) == {"pc_dim": "5"}
    values = with_settings_of_landscape(STEPS["landscape-full"], run, {"linkage": "ward"}, progress)
    assert values == {"n_states": 3, "linkage": "ward", "region": ()}


def test_other_steps_and_new_runs_get_the_defaults(tmp_path: Path, run: RunFiles):
    assert chosen(RunFiles(tmp_path / "new"))[0] == LandscapeSettings()
    assert chosen(run, "analyze", ksample=3)[0].ksample == 3


def test_a_landscape_of_an_earlier_version_keeps_its_ten_states(tmp_path: Path):
    old, landscape = RunFiles(tmp_path), STEPS["landscape"]
    assert LandscapeSettings().n_states == LandscapeFullSettings().n_states == "auto"
    for recorded in (10, "10"):  # version 0.1.0 wrote text
        old.settings.write_text(f"[landscape]\nn_states = {recorded!r}\n".replace("'", '"'))
        assert with_number_of_states_of_before(landscape, old, {"pc_dim": 5}) == {"pc_dim": 5, "n_states": 10}
        assert chosen(old)[0].n_states == 10
        assert chosen(old, "landscape-full")[0].n_states == 10
    for given in (3, "auto", None):
        assert with_number_of_states_of_before(landscape, old, {"n_states": given}) == {"n_states": given}
    assert with_number_of_states_of_before(landscape, old, {"fresh": True}) == {"fresh": True}
    assert with_number_of_states_of_before(STEPS["train"], old, {}) == {}
    old.settings.write_text("[landscape]\nn_states = 7\n")
    assert with_number_of_states_of_before(landscape, old, {}) == {}, (
        "given by hand: another number is not taken for the default"
    )
