"""Copies of the templates, as a user of the installed package gets them."""

import io
import sys
from pathlib import Path

import pytest

from gem_plugin.errors import InputError
from gem_plugin.progress import Progress
from gem_plugin.steps.templates.settings import TemplatesSettings
from gem_plugin.steps.templates.step import run_templates


def test_every_template_and_the_tested_versions_are_copied(repository: Path, tmp_path: Path) -> None:
    said = io.StringIO()
    run_templates(TemplatesSettings(out=tmp_path / "copies", full_paths=False), Progress(said))
    originals = {
        path.relative_to(repository): path for path in (repository / "templates").rglob("*") if path.is_file()
    }
    assert len(originals) > 10
    for name, original in originals.items():
        assert (tmp_path / "copies" / name.relative_to("templates")).read_text() == original.read_text()
    assert (tmp_path / "copies" / "constraints.txt").read_text() == (
        repository / "constraints.txt"
    ).read_text()
    assert f"{len(originals) + 1} files" in said.getvalue()


def test_programs_have_their_whole_path(tmp_path: Path) -> None:
    run_templates(TemplatesSettings(out=tmp_path / "copies"), Progress(io.StringIO()))
    text = (tmp_path / "copies" / "relion" / "run.job.star").read_text()
    assert f"fn_exe {Path(sys.executable).parent}/gem-external-run\n" in text


def test_nothing_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "relion").mkdir()
    (tmp_path / "relion" / "run.job.star").write_text("mine")
    with pytest.raises(InputError, match=r"run.job.star is there already. Give another --out"):
        run_templates(TemplatesSettings(out=tmp_path), Progress(io.StringIO()))
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["run.job.star"]
