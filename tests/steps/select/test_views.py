"""Selections of views: as expanded rows, or as particles with enough subunits in the chosen states; on every way in."""

import io
from pathlib import Path

import numpy as np
import pytest
import starfile
from symmetric_project import run_of_cryosparc_views, run_of_star_views

from gem_plugin.api import Run as RunOfPython
from gem_plugin.errors import InputError
from gem_plugin.io.cryosparc.files import read_cs_rows
from gem_plugin.io.run.settings import write_step_settings
from gem_plugin.notices import listening
from gem_plugin.progress import Progress
from gem_plugin.results.run import Run
from gem_plugin.steps.select.settings import SelectSettings
from gem_plugin.steps.select.step import run_select

STATES = np.array(
    [1, 1, 1, 1, 1, 2, 1, 2, 2, 2, 2, 2, 1, 2, 1, 2, 1, 2]
)  # particles with 3, 2, 1, 0, 2, 1 in state 1


@pytest.fixture
def run(tmp_path: Path) -> Run:
    run = run_of_star_views(tmp_path)
    run.files.landscape.particle_states.parent.mkdir(parents=True)
    np.save(run.files.landscape.particle_states, STATES)
    write_step_settings(run.files, "select", SelectSettings())
    return run


def selected(run: Run, **settings: object) -> tuple[dict, str]:
    said = io.StringIO()
    with listening(lambda notice: None):
        summary = run_select(
            run.files, SelectSettings(states=(1,), overwrite=True, **settings), Progress(said)
        )  # type: ignore[arg-type]
    return summary, said.getvalue()


def test_expanded_rows_of_a_state(run: Run) -> None:
    summary, said = selected(run)
    found = starfile.read(summary["file"], always_dict=True)["particles"]
    assert len(found) == summary["particles"] == 9
    assert found["gemSymmetryCopy"].tolist() == [0, 1, 2, 0, 1, 0, 0, 2, 1]
    assert "9 of 18 views written to" in said


@pytest.mark.parametrize(("minimum", "particles"), [(1, [0, 1, 2, 4, 5]), (2, [0, 1, 4]), (3, [0])])
def test_particles_with_enough_subunits_in_the_state(run: Run, minimum: int, particles: list[int]) -> None:
    summary, said = selected(run, unexpanded=True, min_subunits=minimum)
    found = starfile.read(summary["file"], always_dict=True)["particles"]
    assert found["myColumn"].tolist() == [f"kept_{row}" for row in particles]
    assert "gemSymmetryCopy" not in found
    assert f"{len(particles)} of 6 particles written to" in said
    python = RunOfPython(run.files.root).select(states=[1], unexpanded=True, min_subunits=minimum)
    assert len(python) == len(particles)
    target = run.files.root / "python.star"
    with listening(lambda notice: None):
        python.write(target)
    assert target.read_bytes() == Path(summary["file"]).read_bytes()


def test_expanded_rows_of_particles_with_enough_subunits(run: Run) -> None:
    summary, _ = selected(run, min_subunits=2)
    found = starfile.read(summary["file"], always_dict=True)["particles"]
    assert found["myColumn"].tolist() == ["kept_0"] * 3 + ["kept_1"] * 2 + ["kept_4"] * 2


def test_cryosparc_gets_views_or_particles(tmp_path: Path) -> None:
    run, rows = run_of_cryosparc_views(tmp_path)
    chosen = run.files.root / "rows.txt"
    chosen.write_text("".join(f"{row}\n" for row in (0, 5, 13, 14, 15)))
    how = {"rows": chosen, "overwrite": True}
    views = run_select(run.files, SelectSettings(**how), Progress(io.StringIO()))  # type: ignore[arg-type]
    assert read_cs_rows(Path(views["file"]))["sym_expand/idx"].tolist() == [0, 5, 1, 2, 3]
    how |= {"unexpanded": True, "min_subunits": 3}
    particles = run_select(run.files, SelectSettings(**how), Progress(io.StringIO()))  # type: ignore[arg-type]
    np.testing.assert_array_equal(read_cs_rows(Path(particles["file"])), rows[[2]])


def test_settings_without_effect_are_refused(tmp_path: Path) -> None:
    from relion_projects import RelionProject

    from gem_plugin.io.run.files import RunFiles
    from gem_plugin.steps.prepare.settings import PrepareSettings
    from gem_plugin.steps.prepare.step import run_prepare

    project, files = RelionProject(tmp_path / "project").write(), RunFiles(tmp_path / "run")
    run_prepare(files, PrepareSettings(project.star), Progress(io.StringIO()))
    for settings, flag in (({"unexpanded": True}, "--unexpanded"), ({"min_subunits": 2}, "--min-subunits")):
        with pytest.raises(InputError, match=f"{flag} is for particles with several views"):
            run_select(files, SelectSettings(where=("defocus gt 0",), **settings), Progress(io.StringIO()))  # type: ignore[arg-type]


def test_the_relion_job_takes_both_settings(run: Run) -> None:
    from gem_plugin.adapters.relion.arguments import parse_job_arguments
    from gem_plugin.pipeline.settings_of_steps import fields_of_steps

    words = [
        "--o",
        "External/job009/",
        "--run",
        "External/job005",
        "--states",
        "1",
        "--unexpanded",
        "--min_subunits",
        "2",
        "--j",
        "1",
    ]
    values = parse_job_arguments(words, fields_of_steps(("select",)), True).values
    assert values == {"states": (1,), "unexpanded": True, "min_subunits": 2}
    words = ["--o", "External/job009/", "--in_parts", "a.star", "--in_3dref", "m.mrc", "--symmetry", "C3"]
    assert parse_job_arguments(words, fields_of_steps(("prepare",)), False).values["symmetry"] == "C3"
