"""After landscape-full, `state` is the same set of states for select, explorer, report and the particle files."""

import io
import re
import warnings
from pathlib import Path

import numpy as np
import pytest

from gem_plugin.errors import InputError
from gem_plugin.explorer.opened_run import OpenedRun
from gem_plugin.io.run.files import RunFiles
from gem_plugin.io.star import particles as star_particles
from gem_plugin.notices import GemNote
from gem_plugin.progress import Progress
from gem_plugin.results import particle_file
from gem_plugin.results.particle_file import open_particle_file
from gem_plugin.results.run import Run
from gem_plugin.settings import settings_from_values
from gem_plugin.steps.landscape_full.settings import LandscapeFullSettings
from gem_plugin.steps.landscape_full.step import run_landscape_full
from gem_plugin.steps.report.settings import ReportSettings
from gem_plugin.steps.report.step import run_report
from gem_plugin.steps.select.settings import SelectSettings
from gem_plugin.steps.select.step import run_select


def selected(run: RunFiles, out: Path, **values: object) -> tuple[list[str], str]:
    """Image names of the chosen particles, and what was said."""
    said = io.StringIO()
    run_select(run, settings_from_values(SelectSettings, {**values, "out": out}), Progress(said))
    return open_particle_file(out)._file.document.content.decode().split("\n"), said.getvalue()


@pytest.mark.parametrize("number", [1, 2, 3])
def test_state_is_one_set_for_everybody(old_run: Path, tmp_path: Path, number: int) -> None:
    files = RunFiles(old_run)
    expected = Run(files).states().rows(number)
    by_state, said = selected(files, tmp_path / "a.star", states=[number])
    by_condition, _ = selected(files, tmp_path / "b.star", where=f"state=={number}")
    assert by_state == by_condition
    assert (
        "States of sketch (column state). This run has other states too: --from full (column full_state)."
        in said
    )
    original = open_particle_file(tmp_path / "a.star", Run(files).particles.image_names[expected])
    assert len(original) == len(expected)
    in_folder = files.landscape.states.particles(number, ".star").read_text().split("\n")
    assert [line for line in by_state if "@" in line] == [line for line in in_folder if "@" in line]
    explorer = OpenedRun(files)
    np.testing.assert_array_equal(np.flatnonzero(explorer.column("state").values == number), expected)
    full, _ = selected(files, tmp_path / "c.star", states=[number], source="full")
    by_full_condition, _ = selected(files, tmp_path / "d.star", where=f"full_state=={number}")
    assert full == by_full_condition != by_state
    np.testing.assert_array_equal(
        explorer.column("full_state").values == number, Run(files).states("full").labels == number
    )


def test_the_report_counts_the_same_particles(old_run: Path) -> None:
    run_report(RunFiles(old_run), ReportSettings(chimerax=False), Progress(io.StringIO()))
    page = RunFiles(old_run).report.read_text(encoding="utf-8")
    counts = Run(old_run).states().counts
    shown = re.findall(r"<h3>State (\d+) <span[^<]*</span></h3><p>([\d,]+) particles", page)
    assert {int(number): int(count) for number, count in shown} == counts


@pytest.mark.parametrize(
    ("pcs", "message"), [((3, 9), "no component 9; the landscape has 3"), ((4,), "no component 4")]
)
def test_a_component_that_is_not_there_is_an_error(old_run: Path, pcs: tuple[int, ...], message: str) -> None:
    before = {path: path.read_bytes() for path in old_run.rglob("*") if path.is_file()}
    settings = LandscapeFullSettings(energy_pcs=pcs, leiden=False)
    with pytest.raises(InputError, match=f"--energy-pcs: there is {message}"):
        run_landscape_full(RunFiles(old_run), settings, Progress(io.StringIO()))
    assert before == {path: path.read_bytes() for path in old_run.rglob("*") if path.is_file()}


@pytest.mark.filterwarnings("ignore:.*rlnRandomSubset is left out:UserWarning")  # tiny states
def test_landscape_full_reads_the_particle_file_once(old_run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read, real = [], star_particles.read_relion_file

    def counted(path: Path) -> star_particles.RelionFile:
        read.append(path)
        return real(path)

    monkeypatch.setattr(particle_file, "read_relion_file", counted)
    settings = LandscapeFullSettings(n_states=2, maps_per_state=2, path_points=0, bootstrap=3, skip_umap=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", GemNote)  # some 50 communities of 60 particles
        run_landscape_full(RunFiles(old_run), settings, Progress(io.StringIO()))
    assert len(read) == 1
    assert RunFiles(old_run).landscape.full.states.particles(2, ".star").is_file()
    assert RunFiles(old_run).landscape.full.particles(".star").is_file()
