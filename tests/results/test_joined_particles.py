"""Particle files with names become one set: in one project, in two, of CryoSPARC; and what cannot be joined."""

from pathlib import Path

import numpy as np
import pytest
from relion_projects import RelionProject
from symmetric_project import cryosparc_project

from gem_plugin.errors import InputError
from gem_plugin.io.project_folder import ImageSearch
from gem_plugin.io.run.files import RunFiles
from gem_plugin.results.joined_particles import JoinedParticles, join_particles, named_files
from gem_plugin.results.particle_file import find_particle_file


def joined(folder: Path, **files: Path) -> JoinedParticles:
    run = RunFiles(folder / "RUN")
    return join_particles(run, [f"{name}={path}" for name, path in files.items()], ImageSearch())


def test_two_projects_keep_their_images_apart(tmp_path: Path) -> None:
    """Stacks and micrographs of one name."""
    projects = [RelionProject(tmp_path / name).write() for name in ("one", "two")]
    found = joined(tmp_path, apo=projects[0].star, atp=projects[1].star)
    assert found.project_folder is None
    assert found.samples.names == ("apo", "atp")
    assert found.samples.numbers.tolist() == [1] * 6 + [2] * 6
    particles = find_particle_file(found.path)
    table = particles.read_table()
    stacks = particles.find_images(table).paths.values()
    assert {path.resolve().relative_to(tmp_path.resolve()).parts[0] for path in stacks} == {"one", "two"}
    assert len(np.unique(table.particle_indices)) == 12
    assert np.unique(table.optics_groups).tolist() == [1, 2]


def test_files_of_one_project_keep_their_names(tmp_path: Path) -> None:
    project = RelionProject(tmp_path / "project").write()
    other = project.star.with_name("other.star")
    project.star.rename(other)
    names = [name.replace("mic", "more") for name in project.columns["_rlnImageName"]]
    project.columns["_rlnImageName"] = names
    project.write()
    found = joined(tmp_path, A=other, B=project.star)
    assert found.project_folder == project.folder.resolve()
    table = find_particle_file(found.path).read_table()
    assert set(table.stack_names.tolist()) == {
        f"Extract/job004/{name}{number}.mrcs" for name in ("mic", "more") for number in (0, 1)
    }


def test_cryosparc_particles_of_two_projects(tmp_path: Path) -> None:
    sources = []
    for number, name in enumerate(("one", "two")):
        source, _, rows = cryosparc_project(tmp_path / name, "C1")
        rows["uid"] += number * 10_000
        with open(source, "wb") as handle:
            np.save(handle, rows)
        sources.append(source)
    found = joined(tmp_path, apo=sources[0], atp=sources[1])
    particles = find_particle_file(found.path)
    assert len(particles) == 40
    paths = particles.find_images(particles.read_table()).paths.values()
    assert {path.resolve().relative_to(tmp_path.resolve()).parts[0] for path in paths} == {"one", "two"}


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        (["apo"], r"--samples is 'apo'; expected name=file"),
        (["a b=x.star", "c=y.star"], "expected name=file"),
        (["a=x.star", "a=y.star"], "--samples names a twice"),
        (["a=x.star"], "--samples has 1 files; expected 2 to 12"),
        (["a=x.star", "b=y.star"], r"There is no file x\.star"),
    ],
)
def test_what_is_no_list_of_samples_is_refused(tmp_path: Path, samples: list[str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        join_particles(RunFiles(tmp_path), samples, ImageSearch())


def test_names_and_files() -> None:
    assert named_files(["apo-1=a.star", "ATP+Mg=b/c.star"]) == {
        "apo-1": Path("a.star"),
        "ATP+Mg": Path("b/c.star"),
    }


def test_particles_of_two_programs_are_refused(tmp_path: Path) -> None:
    project = RelionProject(tmp_path / "project").write()
    source, _, _ = cryosparc_project(tmp_path / "cs", "C1")
    with pytest.raises(InputError, match="are of RELION and CryoSPARC; expected samples of one program"):
        joined(tmp_path, A=project.star, B=source)
