"""The list of jobs: one runs at a time, it is kept with the run, and what cannot be kept ends no job."""

import shutil
from pathlib import Path

import pytest

from gem_plugin.errors import InputError, RunError
from gem_plugin.explorer import job_list
from gem_plugin.explorer.job_list import DONE, FAILED, STOPPED, WITHOUT_AN_END, JobList
from gem_plugin.io.run.files import RunFiles


@pytest.fixture
def files(tmp_path: Path) -> RunFiles:
    (tmp_path / "run").mkdir()
    return RunFiles(tmp_path / "run")


def test_a_second_job_is_refused_with_the_name_of_the_first(files: RunFiles) -> None:
    jobs = JobList(files)
    first = jobs.begin("landscape", "with 4 states")
    with pytest.raises(RunError, match=r"The landscape with 4 states is still running. Wait until"):
        jobs.begin("reconstruction", "open")
    jobs.report(first, "taking the sketch", 0.5)
    assert (jobs.described()[0]["words"], jobs.described()[0]["fraction"]) == ("taking the sketch", 0.5)
    jobs.end(first, DONE, "states 4")
    second = jobs.begin("reconstruction", "open")
    assert [job["number"] for job in jobs.described()] == [second, first], "the newest first"
    jobs.report(first, "too late", 0.1)
    assert jobs.described()[1]["words"] == "states 4"


def test_the_list_is_kept_and_a_job_without_an_end_says_so(files: RunFiles) -> None:
    jobs = JobList(files)
    jobs.end(jobs.begin("flex", "model.pdb"), FAILED, "no model")
    jobs.add_ended("RELION job", "External/job003", "3 particles", {"file": "a.star"})
    jobs.begin("landscape", "with its usual settings")
    again = JobList(files)
    assert [(job["kind"], job["state"]) for job in again.described()] == [
        ("landscape", STOPPED),
        ("RELION job", DONE),
        ("flex", FAILED),
    ]
    assert again.described()[0]["words"] == WITHOUT_AN_END
    again.begin("select", "open")


def test_stop_and_remove(files: RunFiles) -> None:
    jobs, asked = JobList(files), []
    number = jobs.begin("flex", "model.pdb", lambda: asked.append(1))
    with pytest.raises(InputError, match=r"is still running. Stop it first"):
        jobs.remove(number)
    jobs.stop(number)
    assert (asked, jobs.described()[0]["words"]) == ([1], "stopping ...")
    jobs.end(number, STOPPED, "stopped")
    jobs.stop(number)
    assert asked == [1], "it has ended"
    jobs.remove(number)
    assert jobs.described() == []
    for wrong in (jobs.stop, jobs.remove):
        with pytest.raises(InputError, match="There is no job 7 in the list"):
            wrong(7)


def test_damaged_lists_and_runs_that_are_gone(files: RunFiles, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job_list, "MAXIMUM_JOBS", 3)
    jobs = JobList(files)
    for number in range(5):
        jobs.add_ended("select", f"open_{number}", "")
    assert [job["title"] for job in jobs.described()] == ["open_4", "open_3", "open_2"]
    for text in ("{", "[1]", '[{"number": 1}]'):
        files.explore.job_list.write_text(text)
        assert JobList(files).described() == []
    shutil.rmtree(files.root)
    jobs.add_ended("select", "after", "")
    assert jobs.described()[0]["title"] == "after"
    assert not files.root.exists(), "nothing makes the folder anew"
