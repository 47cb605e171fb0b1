"""A selection as a job of a real RELION project: listed, its particles taken by the next job; or where to click."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from relion_project_folder import RelionProject
from small_star_run import write_run

from gem_plugin.adapters.relion import pipeline_file
from gem_plugin.errors import InputError, RunError
from gem_plugin.explorer import relion_jobs
from gem_plugin.explorer.relion_jobs import make_relion_job
from gem_plugin.io.run.files import RunFiles
from gem_plugin.particles.prepared import load_prepared_table, save_prepared_table

ROWS = np.array([2, 5, 7, 7, 11], np.uint32)


def in_project(folder: Path) -> tuple[RelionProject, RunFiles]:
    folder.mkdir(parents=True)
    run, _ = write_run(folder, 20)
    return RelionProject(folder), run


def test_relion_lists_the_job_and_its_next_job_takes_the_particles(relion: Path, tmp_path: Path) -> None:
    project, run = in_project(tmp_path / "a project")
    imported = project.add_job(
        "Import",
        do_raw="No",
        do_other="Yes",
        fn_in_other="particles.star",
        node_type="Particles STAR file (.star)",
    )
    assert project.run_job(imported) == "finished"
    table, noise, origin = load_prepared_table(run)
    star = project.folder / imported / "particles.star"
    save_prepared_table(run.prepared_table, table, noise, dataclasses.replace(origin, particle_file=star))
    made = make_relion_job(run, "open_state", ROWS)
    assert made.job == "External/job002/"
    assert project.status(made.job) == "finished"
    assert project.nodes(made.job) == {"particles.star": 3}
    assert (project.folder / "External/open_state").resolve() == project.folder / "External/job002"
    edges = project._pipeline()["pipeline_input_edges"]
    assert [f"{imported}particles.star", made.job] in edges.to_numpy().tolist()
    following = project.add_job(
        "Select",
        fn_data=f"{made.job}particles.star",
        do_select_values="Yes",
        select_label="rlnDefocusU",
        select_minval="1",
        select_maxval="99999",
    )
    assert following == "Select/job003/", "RELION goes on counting"
    assert project.run_job(following) == "finished", project.output_of(following)
    text = (project.folder / following / "particles.star").read_text()
    assert [f"{row + 1:06d}@stack.mrcs" in text for row in (2, 5, 7, 11, 3)] == [True] * 4 + [False]
    assert [f"{made.job}particles.star", following] in project._pipeline()[
        "pipeline_input_edges"
    ].to_numpy().tolist()
    assert make_relion_job(run, "open_state", ROWS).job == "External/job004/", "nothing is overwritten"
    assert project.status("External/job004/") == "finished"


def test_relion_reads_its_settings_and_schedules_the_same_again(relion: Path, tmp_path: Path) -> None:
    project, run = in_project(tmp_path / "with space")
    made = make_relion_job(run, "job_named", ROWS)
    copy = project.add_job_from_star(project.folder / made.job / "job.star")
    text = (project.folder / copy / "job.star").read_text()
    for words in ("gem-external-select", "with space/run'", f"{made.job}particles_rows.txt"):
        assert words in text
    assert "External/job_named/" not in (project.folder / "default_pipeline.star").read_text(), (
        "no alias for RELION"
    )


def test_outside_of_a_project_it_says_where_to_click(tmp_path: Path) -> None:
    run, _ = write_run(tmp_path, 20)
    made = make_relion_job(run, "outside", ROWS)
    assert (made.job, made.project) == ("", "")
    particles = run.explore.job("outside") / "particles.star"
    assert made.files[0] == particles
    for words in (
        "lies in a RELION project",
        "Import, tab Others",
        str(particles),
        "Particles STAR file, Run",
    ):
        assert words in made.where


def test_what_cannot_be_listed_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project, run = in_project(tmp_path / "project")
    before = (project.folder / "default_pipeline.star").read_bytes()
    with pytest.raises(InputError, match="cannot be used"):
        make_relion_job(run, "../out", ROWS)
    with pytest.raises(InputError, match="selection is empty"):
        make_relion_job(run, "nothing", ROWS[:0])

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(relion_jobs.pipeline_file, "write_pipeline_text", fail)
        with pytest.raises(OSError, match="No space left"):
            make_relion_job(run, "full_disk", ROWS)
    (project.folder / ".relion_lock").mkdir()
    monkeypatch.setattr(pipeline_file, "SECONDS_TO_WAIT", 0.0)
    with pytest.raises(RunError, match="RELION is writing its job list"):
        make_relion_job(run, "locked", ROWS)
    assert list((project.folder / "External").iterdir()) == []
    assert (project.folder / "default_pipeline.star").read_bytes() == before
