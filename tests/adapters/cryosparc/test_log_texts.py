"""Texts of the log: what is not covered by whole jobs (tests/cryosparc_server/test_shown.py)."""

from pathlib import Path

from gem_plugin.adapters.cryosparc.log_texts import settings_text, warnings_text
from gem_plugin.io.run.files import RunFiles
from gem_plugin.io.run.settings import write_step_settings
from gem_plugin.steps.landscape.settings import LandscapeSettings


def test_settings_that_were_given_come_first_and_inputs_are_left_out(tmp_path: Path) -> None:
    run = RunFiles(tmp_path)
    write_step_settings(run, "landscape", LandscapeSettings(n_states=4, mask=Path("mask.mrc")))
    first, given, others = settings_text("landscape", run, {"n_states": 4, "epochs": 7}).split("\n")
    assert (first, given) == ("Settings of landscape", "given: n-states 4")
    assert "mask mask.mrc" not in others
    assert "n-states" not in others
    assert settings_text("train", run, {}) == ""


def test_warnings_are_numbered_and_whole() -> None:
    assert warnings_text([]) == ""
    long = "The box is small. " * 100
    assert warnings_text(["First.", long]) == f"Warnings of this job: 2\n1. First.\n2. {long}"
