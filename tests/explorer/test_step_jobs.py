"""Steps that the page starts: in a process of their own, refused before any work, stopped, nothing replaced silently."""

import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_star_run import write_run

from gem_plugin.errors import GemError, InputError
from gem_plugin.explorer import step_jobs
from gem_plugin.explorer.job_list import JobList
from gem_plugin.explorer.saved_names import NameTakenError
from gem_plugin.explorer.step_jobs import StepJobs, StepRequest, WouldReplaceError, described_steps
from gem_plugin.io.array_files import write_array
from gem_plugin.io.run.files import RunFiles

ROWS = np.array([3, 5, 9])
LONG_WORK = """
import json, sys, time
print(json.dumps({"words": "working", "fraction": 0.25}), flush=True)
print("no line of ours", flush=True)
time.sleep(60)
"""


@pytest.fixture
def run(tmp_path: Path) -> RunFiles:
    files, _ = write_run(tmp_path, 20)
    write_array(files.landscape.particle_states, np.repeat([1, 2], 10))
    return files


@pytest.fixture
def jobs(run: RunFiles) -> JobList:
    return JobList(run)


@pytest.fixture
def steps(run: RunFiles, jobs: JobList) -> Iterator[StepJobs]:
    opened = StepJobs(run, jobs)
    yield opened
    opened.close()


def ended(jobs: JobList) -> dict[str, Any]:
    end = time.monotonic() + 90
    while jobs.running() is not None:
        assert time.monotonic() < end, "the job does not end"
        time.sleep(0.05)
    return jobs.described()[0]


def test_select_writes_the_states_and_what_is_selected(run: RunFiles, jobs: JobList, steps: StepJobs) -> None:
    steps.start(StepRequest("select", {"states": "2"}, "second"))
    job = ended(jobs)
    assert (job["state"], job["title"]) == ("done", "second"), job
    assert "particles 10" in job["words"]
    assert job["result"]["file"] == str(run.explore.particles("second", ".star"))
    assert run.explore.particles("second", ".star").read_text().count("@stack.mrcs") == 10
    with pytest.raises(NameTakenError, match=r"second.star .* would be lost"):
        steps.start(StepRequest("select", {"states": "1"}, "second"))
    steps.start(StepRequest("select", {"where": "state eq 1"}, "chosen", rows=ROWS))
    assert ended(jobs)["state"] == "done"
    text = run.explore.particles("chosen", ".star").read_text()
    assert [f"{row + 1:06d}@" in text for row in (3, 5, 9, 4)] == [True, True, True, False]


def test_what_is_wrong_is_said_before_any_work(run: RunFiles, jobs: JobList, steps: StepJobs) -> None:
    wrong: list[tuple[StepRequest, str]] = [
        (StepRequest("train", {}), "There is no step 'train'; expected select"),
        (StepRequest("select", {"out": "/tmp/x.star"}, "open"), "'out' of select cannot be set here"),
        (StepRequest("select", {"states": "1,b"}, "open"), "--states is '"),
        (StepRequest("select", {"states": "1"}, "../open"), "cannot be used; expected letters"),
        (StepRequest("select", {}, "open", rows=ROWS[:0]), "The selection is empty"),
        (StepRequest("landscape", {"n_states": "-2"}), "expected at least 1"),
        (StepRequest("landscape", {"linkage": "none"}), "expected one of"),
        (StepRequest("reconstruct", {}), "without the particle images nothing can be reconstructed"),
        (StepRequest("flex", {}), "Load an atomic model first"),
    ]
    for request, reason in wrong:
        with pytest.raises(InputError) as caught:
            steps.start(request)
        assert reason in str(caught.value), (request, caught.value)
    assert jobs.described() == []


def test_results_that_would_be_replaced_are_named_first(
    run: RunFiles, jobs: JobList, steps: StepJobs
) -> None:
    run.summary.write_text(json.dumps({"landscape": {"states": 2}, "reconstruct": {"maps": 2}}))
    with pytest.raises(
        WouldReplaceError, match="results of landscape, reconstruct, which landscape would replace"
    ):
        steps.start(StepRequest("landscape", {"n_states": "3"}))
    assert jobs.described() == []
    steps.start(StepRequest("landscape", {"n_states": "3"}, overwrite=True))
    job = ended(jobs)
    assert (job["state"], job["title"]) == ("failed", "with n states 3")
    assert "Run `gem-em train" in job["words"], "the reason of the step itself"
    assert np.load(run.landscape.particle_states).tolist() == [1] * 10 + [2] * 10, "all is as it was"


def test_a_step_can_be_stopped_and_no_second_begins(
    run: RunFiles, jobs: JobList, steps: StepJobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(step_jobs, "WORKER", (sys.executable, "-c", LONG_WORK))
    steps.start(StepRequest("select", {"states": "1"}, "first"))
    end = time.monotonic() + 30
    while jobs.described()[0]["fraction"] != 0.25:
        assert time.monotonic() < end
        time.sleep(0.02)
    with pytest.raises(GemError, match="The select first is still running"):
        steps.start(StepRequest("select", {"states": "2"}, "second"))
    jobs.stop(jobs.described()[0]["number"])
    job = ended(jobs)
    assert (job["state"], job["words"]) == ("stopped", "stopped; the run is as it was before")


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "most likely because the memory ran out"),
        ("raise SystemExit(5)", "the process ended with code 5"),
    ],
)
def test_a_process_that_dies_is_a_failure_with_a_reason(
    jobs: JobList, steps: StepJobs, monkeypatch: pytest.MonkeyPatch, script: str, reason: str
) -> None:
    monkeypatch.setattr(step_jobs, "WORKER", (sys.executable, "-c", script))
    steps.start(StepRequest("select", {"states": "1"}, "first"))
    job = ended(jobs)
    assert job["state"] == "failed"
    assert reason in job["words"]


def test_forms_offer_settings_with_their_last_values(run: RunFiles) -> None:
    run.settings.write_text(
        '[landscape]\nn_states = 7\nlinkage = "average"\nfresh = true\n[select]\nstates = [3]\n'
    )
    described = described_steps(run)
    fields = {field["name"]: field for field in described["landscape"]["fields"]}
    assert (fields["n_states"]["value"], fields["linkage"]["value"]) == ("7", "average")
    assert fields["fresh"]["value"] is False
    assert "ward" in fields["linkage"]["choices"]
    assert {field["name"]: field["value"] for field in described["select"]["fields"]}["states"] == ""
