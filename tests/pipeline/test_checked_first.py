"""What a late step of gem-em run would refuse is refused before the first step begins."""

import io
from pathlib import Path

import numpy as np
import pytest
from relion_projects import RelionProject

from gem_plugin.errors import InputError
from gem_plugin.io.mrc.maps import write_map
from gem_plugin.io.run.files import RunFiles
from gem_plugin.pipeline.checked_first import check_against_particles
from gem_plugin.pipeline.run_steps import RUN_STEPS, run_steps
from gem_plugin.pipeline.settings_of_steps import settings_of_step
from gem_plugin.pipeline.step_table import STEPS
from gem_plugin.progress import Progress


@pytest.fixture
def project(tmp_path: Path) -> RelionProject:
    return RelionProject(tmp_path / "project", n_particles=40).write()


def mask(path: Path, box: int, pixel_size: float) -> Path:
    values = np.zeros((box, box, box), np.float32)
    values[box // 4 : -box // 4, box // 4 : -box // 4, box // 4 : -box // 4] = 1
    write_map(path, values, pixel_size)
    return path


def values_of(project: RelionProject, changes: dict) -> dict:
    return {"particles": project.star, "map": project.map, "sketch_size": 12, **changes}


def refused(project: RelionProject, **changes: object) -> str:
    run = RunFiles(project.folder / "RUN")
    with pytest.raises(InputError) as error:
        run_steps(RUN_STEPS, run, values_of(project, changes), Progress(io.StringIO()))
    assert sorted(path.name for path in run.root.rglob("*")) == [run.lock.name], "nothing was begun"
    return str(error.value)


def accepted(project: RelionProject, **changes: object) -> None:
    settings = {name: settings_of_step(STEPS[name], values_of(project, changes)) for name in RUN_STEPS}
    check_against_particles(RUN_STEPS, RunFiles(project.folder / "RUN"), settings, Progress(io.StringIO()))


def test_settings_that_contradict_each_other(project: RelionProject):
    mask_file = mask(project.folder / "mask.mrc", 16, 2.0)
    assert "--thresh has no effect on a given mask" in refused(project, mask=mask_file, thresh=0.1)
    assert "--n-basis has no effect with --decoder mlp" in refused(project, decoder="mlp", n_basis=5)
    assert "-M is 13; expected 1 to 12, the number of sketch maps" in refused(project, n_states=13)


def test_more_states_than_particles_or_rows_that_are_not_there(project: RelionProject):
    rows = project.folder / "rows.txt"
    rows.write_text("0\n1\n2\n")
    assert "-M is 5; expected 1 to 3" in refused(project, sketch_ind=rows, n_states=5)
    rows.write_text("0\n41\n")
    assert "41" in refused(project, sketch_ind=rows, n_states=2)


def test_masks_and_regions_that_contradict_the_grid(project: RelionProject):
    wide, coarse = mask(project.folder / "wide.mrc", 20, 20.0), mask(project.folder / "c.mrc", 16, 3.0)
    for path in (wide, coarse):
        assert f"{path.name}: the mask has " in refused(project, focus_mask=path)
        assert f"{path.name}: the mask has " in refused(project, region=(f"arm={path}",))
        assert f"{path.name}: the mask has " in refused(project, mask=path)
    assert "--region arm: there is no file" in refused(project, region=("arm=/nowhere/there.mrc",))


def test_masks_that_fit_in_any_way_are_taken(project: RelionProject):
    for box, pixel_size in ((16, 2.0), (16, 1.0), (16, 0.0), (32, 1.0), (8, 4.0), (20, 2.0)):
        path = mask(project.folder / "fits.mrc", box, pixel_size)
        accepted(project, region=(f"arm={path}",))
        accepted(project, focus_mask=path)


def test_mask_of_an_earlier_landscape_that_is_not_there(project: RelionProject):
    assert "--skip-mask: there is no " in refused(project, skip_mask=True)


def test_half_sets_that_the_particles_lack(project: RelionProject):
    project.columns["_rlnRandomSubset"] = ["1"] * 40
    project.write_star()
    assert "--halves: the particles have 40 in half-set 1 and 0" in refused(project, halves=True)


def test_particles_of_the_run_itself_are_no_input(project: RelionProject):
    run = RunFiles(project.folder / "RUN")
    run.root.mkdir()
    run.particles(".star").write_text(project.star.read_text())
    before = run.particles(".star").read_bytes()
    values = {"particles": run.particles(".star"), "project_folder": project.folder, "map": project.map}
    with pytest.raises(
        InputError, match=r"is a file that the run in .* writes itself, and would be destroyed"
    ):
        run_steps(RUN_STEPS, run, values, Progress(io.StringIO()))
    assert run.particles(".star").read_bytes() == before


def test_every_named_check_is_there():
    for step in STEPS.values():
        if step.is_there:
            step.check_settings(step.settings_class())


def test_a_column_that_cannot_be_compared(project: RelionProject):
    assert "has no column _rlnNothing" in refused(project, compare="rlnNothing")
    assert "has one value for all particles (1)" in refused(project, compare="rlnOpticsGroup")
    assert "has 2 different values (1, 2); 0 of them have 50 particles" in refused(
        project, compare="rlnRandomSubset"
    )
    accepted(project, compare="half_set")  # a column of the run, which is not there yet
