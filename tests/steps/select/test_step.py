"""Chosen states and latents come back as rows of the original file, joined by image name."""

import io
from pathlib import Path

import numpy as np
import pytest
from cryosparc_rows import make_rows
from relion_projects import RelionProject

from gem_plugin.errors import InputError
from gem_plugin.io.cryosparc.files import read_cs_rows, write_cs_rows
from gem_plugin.io.run.files import RunFiles
from gem_plugin.io.star.columns import read_columns
from gem_plugin.io.star.text import read_star_document
from gem_plugin.particles.from_cryosparc import read_cryosparc_particles
from gem_plugin.particles.prepared import ParticleOrigin, save_prepared_table
from gem_plugin.progress import Progress
from gem_plugin.results.written_particles import write_latents
from gem_plugin.steps.prepare.settings import PrepareSettings
from gem_plugin.steps.prepare.step import run_prepare
from gem_plugin.steps.select.settings import SelectSettings
from gem_plugin.steps.select.step import run_select
from gem_plugin.steps.write_star.settings import WriteStarSettings
from gem_plugin.steps.write_star.step import run_write_star

QUIET = Progress(io.StringIO())


@pytest.fixture
def project(tmp_path: Path) -> RelionProject:
    return RelionProject(tmp_path / "project").write()


@pytest.fixture
def run(project: RelionProject) -> RunFiles:
    """A run of six particles with states 1, 2, 2, none, 4, 1."""
    run = RunFiles(project.folder / "External" / "job011")
    run_prepare(run, PrepareSettings(particles=project.star), QUIET)
    states = run.landscape.particle_states
    states.parent.mkdir(parents=True)
    np.save(states, np.array([1, 2, 2, 0, 4, 1]))
    np.save(run.latents, np.arange(12, dtype=np.float32).reshape(6, 2) / 3)
    return run


def names_in(path: Path) -> list[str]:
    document = read_star_document(path)
    block = document.find_block("particles")
    assert block is not None
    return read_columns(document, block, text_labels=["_rlnImageName"])["_rlnImageName"].tolist()


def lines_only_in_the_second(first: Path, second: Path) -> set[str]:
    return set(second.read_text().splitlines()) - set(first.read_text().splitlines())


def test_particles_of_states_are_written_verbatim(run: RunFiles, project: RelionProject) -> None:
    summary = run_select(run, SelectSettings(states=(1, 4)), QUIET)
    out = Path(summary["file"])
    assert names_in(out) == [project.columns["_rlnImageName"][row] for row in (0, 4, 5)]
    assert lines_only_in_the_second(project.star, out) == set()
    assert (summary["particles"], summary["of"]) == (3, 6)


def test_latents_of_the_same_run_are_not_overwritten(run: RunFiles) -> None:
    run_write_star(run, WriteStarSettings(), QUIET)
    before = run.particles(".star").read_bytes()
    assert run_select(run, SelectSettings(states=(1,)), QUIET)["file"] == str(
        run.root / "selected/particles.star"
    )
    assert run.particles(".star").read_bytes() == before


def test_job_of_its_own_writes_particles_star(run: RunFiles, project: RelionProject) -> None:
    job = RunFiles(project.folder / "External" / "job012")
    job.landscape.root.mkdir(parents=True)
    job.prepared_table.parent.mkdir()
    job.prepared_table.symlink_to(run.prepared_table)
    job.landscape.particle_states.symlink_to(run.landscape.particle_states)
    assert run_select(job, SelectSettings(states=(2,)), QUIET)["file"] == str(job.particles(".star"))
    assert len(names_in(job.particles(".star"))) == 2


@pytest.mark.parametrize("states", [(3,), (1, 9), (0,)])
def test_state_that_does_not_exist(states: tuple[int, ...], run: RunFiles) -> None:
    with pytest.raises(InputError, match=rf"There is no state {states[-1]} in .*; the states are 1, 2, 4\."):
        run_select(run, SelectSettings(states=states), QUIET)
    assert not (run.root / "selected").exists()


def test_neither_states_nor_rows(run: RunFiles) -> None:
    with pytest.raises(InputError, match="Expected either --states, such as --states 1,3, or --rows"):
        run_select(run, SelectSettings(), QUIET)


def test_no_landscape_yet(run: RunFiles) -> None:
    run.landscape.particle_states.unlink()
    with pytest.raises(InputError, match=r"particle_states.npy is missing. Run `gem-em landscape"):
        run_select(run, SelectSettings(states=(1,)), QUIET)


def test_rows_of_a_file_can_be_selected(run: RunFiles, project: RelionProject, tmp_path: Path) -> None:
    (tmp_path / "rows.txt").write_text("5\n2\n")
    out = tmp_path / "chosen.star"
    run_select(run, SelectSettings(rows=tmp_path / "rows.txt", out=out), QUIET)
    assert names_in(out) == [project.columns["_rlnImageName"][row] for row in (2, 5)]


def test_file_that_was_reordered_since_is_joined_by_name(run: RunFiles, project: RelionProject) -> None:
    wanted = [project.columns["_rlnImageName"][row] for row in (1, 2)]
    project.columns = {label: values[::-1] for label, values in project.columns.items()}
    project.write_star()
    out = Path(run_select(run, SelectSettings(states=(2,)), QUIET)["file"])
    assert names_in(out) == wanted[::-1]


def test_file_that_lost_particles_since_is_refused(run: RunFiles, project: RelionProject) -> None:
    project.columns = {label: values[1:] for label, values in project.columns.items()}
    project.write_star()
    with pytest.raises(
        InputError, match=r"run_data.star lacks 1 of the 6 particles of the run, first 000001@"
    ):
        run_select(run, SelectSettings(states=(2,)), QUIET)


def test_latents_are_added_behind_the_original_rows(run: RunFiles, project: RelionProject) -> None:
    write_latents(run, np.load(run.latents))
    document = read_star_document(run.particles(".star"))
    block = document.find_block("particles")
    assert block is not None
    assert block.labels == (*project.columns, "_gemLatent1", "_gemLatent2")
    found = read_columns(document, block, ["_gemLatent1", "_gemLatent2"])
    np.testing.assert_allclose(found["_gemLatent2"], np.load(run.latents)[:, 1], atol=1e-6)
    original = read_star_document(project.star)
    for row in range(6):
        assert document.row_bytes(block, row).startswith(
            original.row_bytes(original.blocks[1], row).rstrip(b"\n")
        )


def test_chosen_rows_with_latents(run: RunFiles, tmp_path: Path) -> None:
    (tmp_path / "rows.txt").write_text("4\n1\n")
    run_write_star(run, WriteStarSettings(rows=tmp_path / "rows.txt", out=tmp_path / "two.star"), QUIET)
    document = read_star_document(tmp_path / "two.star")
    found = read_columns(document, document.blocks[1], ["_gemLatent1"])
    np.testing.assert_allclose(found["_gemLatent1"], np.load(run.latents)[[1, 4], 0], atol=1e-6)


def test_all_rows_without_latents_are_the_file_itself(
    run: RunFiles, project: RelionProject, tmp_path: Path
) -> None:
    run_write_star(run, WriteStarSettings(latents=False, out=tmp_path / "all.star"), QUIET)
    assert (tmp_path / "all.star").read_bytes() == project.star.read_bytes()


def test_run_on_particles_with_latents_replaces_them(run: RunFiles) -> None:
    write_latents(run, np.zeros((6, 3)))
    again = RunFiles(run.root / "again")
    run_prepare(again, PrepareSettings(particles=run.particles(".star")), QUIET)
    write_latents(again, np.ones((6, 2)))
    labels = read_star_document(again.particles(".star")).blocks[1].labels
    assert [label for label in labels if label.startswith("_gem")] == ["_gemLatent1", "_gemLatent2"]
    original = names_in(run.particles(".star"))
    assert names_in(again.particles(".star")) == original


def test_number_of_latents_that_does_not_fit(run: RunFiles) -> None:
    with pytest.raises(InputError, match="The run has 6 particles, but latents of 5"):
        write_latents(run, np.zeros((5, 2)))
    assert not run.particles(".star").exists()


def test_states_of_cryosparc_particles_are_written_as_cs(tmp_path: Path) -> None:
    job = tmp_path / "J42"
    write_cs_rows(job / "J42_011_particles.cs", make_rows(12))
    run = RunFiles(tmp_path / "run")
    origin = ParticleOrigin(job, None, 32, 3.0)
    save_prepared_table(run.prepared_table, read_cryosparc_particles(job), np.ones(17), origin)
    states = run.landscape.particle_states
    states.parent.mkdir(parents=True)
    np.save(states, np.repeat([1, 2, 3], 4))
    written = read_cs_rows(Path(run_select(run, SelectSettings(states=(3, 1)), QUIET)["file"]))
    assert written["uid"].tolist() == make_rows(12)["uid"][[0, 1, 2, 3, 8, 9, 10, 11]].tolist()


def test_an_earlier_selection_is_not_lost_silently(run: RunFiles) -> None:
    out = Path(run_select(run, SelectSettings(states=(1,)), QUIET)["file"])
    before = out.read_bytes()
    told = r"particles\.star is there already .* would be lost\. .* --out .*particles-2\.star, or --overwrite"
    with pytest.raises(InputError, match=told):
        run_select(run, SelectSettings(states=(2,)), QUIET)
    assert out.read_bytes() == before
    run_select(run, SelectSettings(states=(2,), out=out.with_name("particles-2.star")), QUIET)
    with pytest.raises(InputError, match=r"--out .*particles-3\.star"):
        run_select(run, SelectSettings(states=(2,)), QUIET)
    run_select(run, SelectSettings(states=(2,), overwrite=True), QUIET)
    assert out.read_bytes() != before
