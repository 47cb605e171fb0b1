"""Where the particles of a run are in CryoSPARC: from what external jobs note, and from names of files and folders."""

import json
from pathlib import Path

import numpy as np
import pytest
from cryosparc_rows import make_rows

from gem_plugin.io.cryosparc.jobs import CryosparcParticles
from gem_plugin.io.run.files import RunFiles
from gem_plugin.particles.from_cryosparc import table_from_cryosparc
from gem_plugin.particles.prepared import ParticleOrigin, save_prepared_table
from gem_plugin.results.cryosparc_source import (
    CryosparcSource,
    find_cryosparc_source,
    write_cryosparc_source,
)
from gem_plugin.results.run import Run


def make_run(folder: Path, particle_file: Path) -> RunFiles:
    """A run whose particles came from this file, which need not be there any more."""
    run = RunFiles(folder)
    table = table_from_cryosparc(CryosparcParticles(make_rows(3), Path("x.cs"), Path()))
    save_prepared_table(run.prepared_table, table, np.ones(3), ParticleOrigin(particle_file, None, 32, 1.0))
    return run


@pytest.mark.parametrize(
    ("name", "project", "sources"),
    [
        ("CS-igg/J42/J42_011_particles.cs", None, ("J42",)),
        ("old/P12/J24/cryosparc_P12_J24_001_particles.cs", "P12", ("J24",)),
        ("exports/jobs/P3_J2_nonuniform/J2_particles/J2_particles_exported.cs", "P3", ("J2",)),
        ("exports/groups/P3_J2_particles/P3_J2_particles_exported.csg", "P3", ("J2",)),
        ("CS-igg/J5/J5_particles_class_1.csg", None, ("J5.particles_class_1",)),
        ("exports/P3_J5_particles_selected_exported.csg", "P3", ("J5.particles_selected",)),
        ("mine/subset.cs", None, ()),
    ],
)
def test_names_tell_the_job(tmp_path: Path, name: str, project: str | None, sources: tuple[str, ...]):
    run = make_run(tmp_path / "run", tmp_path / name)
    assert find_cryosparc_source(Run(run)) == CryosparcSource(project, None, sources)


def test_a_job_directory_tells_its_job_and_notes_its_project(tmp_path: Path):
    (tmp_path / "CS-igg" / "J42").mkdir(parents=True)
    run = make_run(tmp_path / "run", tmp_path / "CS-igg" / "J42")
    assert find_cryosparc_source(Run(run)) == CryosparcSource(None, None, ("J42",))
    (tmp_path / "CS-igg" / "project.json").write_text(json.dumps({"uid": "P7"}))
    assert find_cryosparc_source(Run(run)) == CryosparcSource("P7", None, ("J42",))
    (tmp_path / "CS-igg" / "J42" / "job.json").write_text(json.dumps({"project_uid": "P8"}))
    assert find_cryosparc_source(Run(run)) == CryosparcSource("P8", None, ("J42",))


def test_the_note_of_an_external_job_comes_first(tmp_path: Path):
    run = make_run(tmp_path / "J50" / "gem", tmp_path / "J50" / "gem" / "input" / "particles.cs")
    write_cryosparc_source(run, CryosparcSource("P3", "W1", ("J50", "J42.particles_class_1")))
    assert find_cryosparc_source(Run(run)) == CryosparcSource("P3", "W1", ("J50", "J42.particles_class_1"))


def test_a_damaged_note_is_no_note(tmp_path: Path):
    run = make_run(tmp_path / "run", tmp_path / "J42" / "J42_011_particles.cs")
    run.cryosparc_source.write_text("[1, 2")
    assert find_cryosparc_source(Run(run)) == CryosparcSource(None, None, ("J42",))


def test_particles_of_relion_are_nowhere_in_cryosparc(tmp_path: Path):
    assert find_cryosparc_source(Run(make_run(tmp_path / "run", tmp_path / "J42" / "run_data.star"))) is None
