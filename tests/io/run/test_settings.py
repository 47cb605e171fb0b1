"""settings.toml and summary.json: what is written comes back, and wrong input leaves them as they were."""

import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gem_plugin.errors import InputError
from gem_plugin.io.run.files import RunFiles
from gem_plugin.io.run.settings import (
    plain_settings,
    read_run_settings,
    read_summary,
    records_kept_on_input_error,
    take_over_steps,
    write_step_settings,
    write_step_summary,
)

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


@dataclass(frozen=True)
class SomeSettings:
    """One field of each kind."""

    path: Path | None = Path("a b/ü.star")
    text: str = 'quote " backslash \\ and\nline'
    rate: float = 2e-3
    whole: float = 2.0
    infinite: float = float("inf")
    number: int = -7
    is_on: bool = True
    states: tuple[int, ...] = (1, 3)
    nothing: str | None = None


def test_settings_come_back_as_they_were(tmp_path: Path) -> None:
    run = RunFiles(tmp_path / "run")
    write_step_settings(run, "prepare", SomeSettings())
    write_step_settings(run, "eval-vol", SomeSettings(number=8))
    tables = read_run_settings(run)
    assert tables["prepare"] == plain_settings(SomeSettings())
    assert tables["eval-vol"]["number"] == 8
    assert isinstance(tables["prepare"]["whole"], float)
    assert tables["gem"]["torch"]


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_any_text_is_valid_toml(text: str) -> None:
    from gem_plugin.io.run.settings import _toml_table

    assert tomllib.loads(_toml_table("step", {"text": text})) == {"step": {"text": text}}


def test_a_folder_without_settings_has_no_tables(tmp_path: Path) -> None:
    assert read_run_settings(RunFiles(tmp_path)) == {}


@pytest.mark.parametrize(("name", "text"), [("settings.toml", "[train\n"), ("summary.json", "{")])
def test_damaged_records_are_named(tmp_path: Path, name, text) -> None:
    (tmp_path / name).write_text(text)
    read = read_run_settings if name == "settings.toml" else read_summary
    with pytest.raises(InputError, match=name):
        read(RunFiles(tmp_path))


def test_summary_takes_numpy_numbers(tmp_path: Path) -> None:
    write_step_summary(RunFiles(tmp_path), "train", {"loss": np.float32(0.5), "sizes": np.array([3, 4])})
    assert read_summary(RunFiles(tmp_path)) == {"train": {"loss": 0.5, "sizes": [3, 4]}}


def test_wrong_input_leaves_the_records_as_they_were(tmp_path: Path) -> None:
    run = RunFiles(tmp_path)
    write_step_settings(run, "prepare", SomeSettings())
    before = run.settings.read_bytes()

    def work_on_wrong_input() -> None:
        with records_kept_on_input_error(run):
            write_step_settings(run, "prepare", SomeSettings(number=9))
            write_step_summary(run, "prepare", {})
            raise InputError("wrong")

    with pytest.raises(InputError, match="wrong"):
        work_on_wrong_input()
    assert run.settings.read_bytes() == before
    assert not run.summary.exists()


def test_taking_over_steps_tells_whether_anything_changed(tmp_path: Path) -> None:
    earlier, run = RunFiles(tmp_path / "a"), RunFiles(tmp_path / "b")
    write_step_settings(earlier, "train", SomeSettings())
    write_step_summary(earlier, "train", {"loss": 1})
    assert take_over_steps(earlier, run, ["train"])
    assert not take_over_steps(earlier, run, ["train"])
    write_step_summary(earlier, "train", {"loss": 2})
    assert take_over_steps(earlier, run, ["train"])
