"""-o of a landscape never takes a folder with other things in it, nor the landscape of another run."""

import io
from pathlib import Path

import numpy as np
import pytest

from gem_plugin.errors import InputError
from gem_plugin.io.run.files import RunFiles
from gem_plugin.io.run.landscape_files import LandscapeFiles
from gem_plugin.io.run.settings import write_step_settings
from gem_plugin.io.whole_files import write_text_whole
from gem_plugin.pipeline.named_folders import check_outdir
from gem_plugin.pipeline.run_steps import run_step
from gem_plugin.pipeline.step_table import STEPS
from gem_plugin.progress import Progress
from gem_plugin.steps.landscape.settings import LandscapeSettings


@pytest.fixture
def run(tmp_path: Path) -> RunFiles:
    run = RunFiles(tmp_path / "RUN")
    write_text_whole(run.latents, "latents")
    return run


def refused(run: RunFiles, outdir: Path) -> str:
    before = {path: path.read_bytes() for path in run.root.parent.rglob("*") if path.is_file()}
    with pytest.raises(InputError) as error:
        run_step(STEPS["landscape"], run, LandscapeSettings(outdir=outdir), Progress(io.StringIO()))
    assert {path: path.read_bytes() for path in run.root.parent.rglob("*") if path.is_file()} == before
    return str(error.value)


def test_new_and_empty_folders_and_those_inside_the_landscape_are_taken(run: RunFiles, tmp_path: Path):
    (tmp_path / "empty").mkdir()
    for outdir in (tmp_path / "empty", tmp_path / "new", run.landscape.root / "second"):
        check_outdir("landscape", run, LandscapeSettings(outdir=outdir))


def test_a_folder_of_the_user_is_refused(run: RunFiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    write_text_whole(tmp_path / "mine" / "particles.star", "mine")
    assert "mine holds other things than a landscape" in refused(run, tmp_path / "mine")
    assert "-o " + str(tmp_path / "mine-2") in refused(run, tmp_path / "mine")
    assert "holds the run" in refused(run, run.root)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    assert "is the working folder" in refused(run, Path("."))


def test_a_landscape_of_another_run_is_refused_and_that_of_the_last_start_is_made_again(
    run: RunFiles, tmp_path: Path
):
    other = tmp_path / "OTHER" / "landscape"
    write_text_whole(LandscapeFiles(other).scan, "scan")
    np.save(LandscapeFiles(other).particle_states, np.ones(3))
    assert "holds a landscape that the last gem-em landscape of" in refused(run, other)
    write_step_settings(run, "landscape", LandscapeSettings(outdir=other))
    check_outdir("landscape", run, LandscapeSettings(outdir=other))
