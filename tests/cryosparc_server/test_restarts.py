"""Started again after an interruption, and going on from another job's results."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from cryosparc_server.commands import INPUTS, N_PARTICLES, PLACE, newest
from cryosparc_server.fake_steps import fake_run_steps
from cryosparc_server.faults import IGNORED_WARNINGS
from cryosparc_server.http_server import LoopbackServer
from cryosparc_server.instance import Instance, ServerError
from cryosparc_server.tiny_project import add_tiny_refinement
from gem_plugin.adapters.cryosparc import work as cryosparc_work
from gem_plugin.adapters.cryosparc.commands import run_command
from gem_plugin.errors import StopRequestedError

pytest.importorskip("cryosparc.tools", reason="cryosparc-tools is absent (pip install 'gem-em[cryosparc]')")

pytestmark = IGNORED_WARNINGS


def test_interrupted_work_goes_on_in_a_new_job(rows, instance: Instance, monkeypatch):
    command = [*PLACE, *INPUTS, "--resume-file", "job.json"]
    done = []

    def stops_after_consensus(names, run, values, progress):
        fake_run_steps(names, run, values, progress)
        done.append(names[0])
        if names[0] == "consensus" and len(done) == 2:
            raise StopRequestedError("preempted")

    monkeypatch.setattr(cryosparc_work, "run_steps", stops_after_consensus)
    assert run_command("train", command) == 3
    assert instance.jobs["J43"].status == "failed"
    assert run_command("train", command) == 0
    second = instance.jobs["J44"]
    assert second.status == "completed"
    assert "Continues the work of J43" in second.description
    assert not (instance.folder / "J44" / "gem" / "x").exists()
    assert (instance.folder / "J44" / "gem").resolve() == (instance.folder / "J43" / "gem").resolve()
    path = second.outputs["consensus"].rows["map/path"][0].decode()
    assert path == "J44/gem_results/map.mrc"  # not in the folder of the failed job, which may be deleted
    assert (instance.folder / path).is_file()
    assert run_command("landscape", [*PLACE, "--train", "J44"]) == 0


def test_a_job_that_was_cut_off_is_taken_up_again(rows, instance: Instance, monkeypatch):
    """SIGKILL or a power failure: CryoSPARC still shows the job as running."""
    command = [*PLACE, *INPUTS, "--resume-file", "job.json"]
    assert run_command("train", command) == 0
    job = instance.jobs["J43"]
    job.status, job.statuses = "running", []
    assert run_command("train", command) == 0
    assert newest(instance).uid == "J43"
    assert job.statuses == ["completed"]


def test_a_job_deleted_meanwhile_is_made_anew(rows, instance: Instance):
    command = [*PLACE, *INPUTS, "--resume-file", "job.json"]
    assert run_command("train", command) == 0
    del instance.jobs["J43"]
    instance.jobs["J60"] = instance.jobs["J42"]  # so that the number is not given again
    assert run_command("train", command) == 0
    assert instance.jobs["J61"].status == "completed"


def test_a_job_marked_as_deleted_is_made_anew_though_its_status_says_running(rows, instance: Instance):
    command = [*PLACE, *INPUTS, "--resume-file", "job.json"]
    assert run_command("train", command) == 0
    instance.jobs["J43"].status, instance.jobs["J43"].is_deleted = "running", True
    assert run_command("train", command) == 0
    assert instance.jobs["J44"].status == "completed"
    assert instance.jobs["J43"].status == "running"  # left alone


def test_a_failing_server_does_not_pass_for_a_deleted_job(
    rows, server: LoopbackServer, instance: Instance, monkeypatch, capsys
):
    """An error of the server about the job of the last start must not leave that job behind and make another."""
    command = [*PLACE, *INPUTS, "--resume-file", "job.json"]
    assert run_command("train", command) == 0
    instance.jobs["J43"].status = "running"
    original = type(instance).job

    def fails_for_one_job(self, project, uid):
        if uid == "J43":
            raise ServerError(500, "the database is locked")
        return original(self, project, uid)

    monkeypatch.setattr(type(instance), "job", fails_for_one_job)
    assert run_command("train", command) == 1
    assert "CryoSPARC failed (status 500)" in (shown := capsys.readouterr().err)
    assert "the database is locked" in shown
    assert list(instance.jobs) == ["J7", "J42", "J43"]


def test_rows_keep_the_order_in_which_the_interrupted_work_knows_them(rows, instance: Instance, monkeypatch):
    """Should the server list the particles in another order the second time, the latents still belong to them."""
    command = [*PLACE, *INPUTS, "--resume-file", "job.json"]
    assert run_command("train", command) == 0
    job = instance.jobs["J43"]
    first = job.outputs["particles"].rows
    job.status = "running"
    refinement = instance.jobs["J42"].outputs["particles"]
    refinement.rows = refinement.rows[::-1]
    assert run_command("train", command) == 0
    np.testing.assert_array_equal(job.outputs["particles"].rows, first)
    refinement.rows = refinement.rows[:-1]
    job.status = "running"
    assert run_command("train", command) == 2
    assert "has 40 particles of an earlier start, the job is connected to 39 others" in job.texts()


def test_a_resume_file_of_another_project_is_refused(rows, capsys):
    Path("job.json").write_text('{"project": "P8", "job": "J1", "run_folder": "."}')
    assert run_command("train", [*PLACE, *INPUTS, "--resume-file", "job.json"]) == 2
    assert "belongs to a job of P8, not of P3" in capsys.readouterr().err
    Path("job.json").write_text("data_particles")
    assert run_command("train", [*PLACE, *INPUTS, "--resume-file", "job.json"]) == 2
    assert "was not written by GEM" in capsys.readouterr().err


def test_landscape_of_a_job_without_results_says_where_it_looked(rows, capsys):
    assert run_command("landscape", [*PLACE, "--train", "J42"]) == 2
    assert "The files of J42 were not found in" in capsys.readouterr().err


def test_other_particles_than_those_of_the_run_are_refused(rows, instance: Instance, capsys):
    run_command("train", [*PLACE, *INPUTS])
    output = instance.jobs["J43"].outputs["particles"]
    output.rows = output.rows[:-3]
    assert run_command("landscape", [*PLACE, "--train", "J43"]) == 2
    assert "(37) are not those that the run was made with (40)" in capsys.readouterr().err
    assert newest(instance).statuses == ["running", "failed"]


@pytest.mark.slow
def test_the_queue_script_resumes_after_preemption(
    server, instance: Instance, repository: Path, tmp_path: Path
):
    """templates/slurm/cryosparc_job.sh as SLURM runs it: TERM in the middle, then the same job number again."""
    add_tiny_refinement(instance, n_particles=N_PARTICLES)
    programs = tmp_path / "bin"
    programs.mkdir()
    command = f'exec "{sys.executable}" -m gem_plugin.adapters.cryosparc.commands train "$@"'
    (programs / "gem-cryosparc-train").write_text(f"#!/bin/bash\n{command}\n")
    (programs / "gem-cryosparc-train").chmod(0o755)
    environment = {
        **os.environ,
        "PATH": f"{programs}:{os.environ['PATH']}",
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
        "SLURM_JOB_ID": "1234",
        "SLURM_CPUS_PER_TASK": "1",
    }
    script = ["bash", repository / "templates" / "slurm" / "cryosparc_job.sh", "train", *PLACE, *INPUTS]
    script += ["--box", "32", "--n-gaussians", "60", "--epochs"]
    first = subprocess.Popen([*script, "10000"], env=environment, start_new_session=True)
    history = instance.folder / "J43" / "gem" / "train" / "history.csv"
    wait_until(lambda: history.is_file() and len(history.read_text().splitlines()) > 2, first)
    first.send_signal(signal.SIGTERM)
    assert first.wait(timeout=100) == 3
    assert instance.jobs["J43"].status == "failed"
    assert "interrupted (SIGTERM)" in instance.jobs["J43"].texts()
    n_epochs = len(history.read_text().splitlines()) - 1
    subprocess.run([*script, str(n_epochs + 1)], env=environment, check=True, timeout=300)
    second = instance.jobs["J44"]
    assert second.status == "completed"
    assert "prepare: already done with these settings, kept" in second.texts()
    assert len(history.read_text().splitlines()) - 1 == n_epochs + 1
    assert len(second.outputs["particles"].rows) == N_PARTICLES


def wait_until(is_so, process: subprocess.Popen) -> None:
    """Until something is so, the process ended, or two minutes passed."""
    end = time.monotonic() + 120
    while not is_so() and process.poll() is None and time.monotonic() < end:
        time.sleep(0.1)
    assert is_so()
