"""The contract of an External job: exit files in every case, stop requests, and what the user reads."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from gem_plugin.adapters.relion import watcher
from gem_plugin.io.run.files import RunFiles
from gem_plugin.io.run.settings import read_summary

INPUTS = ("--in_parts", "run_data.star", "--in_3dref", "map.mrc")


def exit_files(folder: Path) -> list[str]:
    return sorted(path.name.removeprefix("RELION_JOB_EXIT_") for path in folder.glob("RELION_JOB_EXIT_*"))


def wait_for(path: Path) -> None:
    end = time.monotonic() + 30
    while not path.exists():
        assert time.monotonic() < end, f"{path} did not appear"
        time.sleep(0.05)


def test_a_warning_of_a_step_is_in_run_err_and_in_the_log(project, run_job) -> None:
    done = run_job("train", "--o", "External/job005/", "--in_parts", "tilted.star", "--in_3dref", "map.mrc")
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("WARNING: The beam is tilted.") == 1  # RELION keeps stderr as run.err
    assert (project / "External/job005/run.log").read_text().count("WARNING: The beam is tilted.") == 1


def test_success_is_written_with_nodes_and_pdf(project, run_job) -> None:
    done = run_job("train", "--o", "External/job005/", *INPUTS, "--j", "3")
    folder = project / "External/job005"
    assert done.returncode == 0, done.stderr
    assert exit_files(folder) == ["SUCCESS"]
    nodes = (folder / "RELION_OUTPUT_NODES.star").read_text()
    assert "External/job005/particles.star 3 ParticleGroupMetadata.star.relion" in nodes
    assert "External/job005/consensus_map.mrc 6 DensityMap.mrc" in nodes
    assert "External/job005/logfile.pdf 13 LogFile.pdf.relion" in nodes
    assert (folder / "logfile.pdf").read_bytes().startswith(b"%PDF")
    assert read_summary(RunFiles(folder))["train"]["threads"] == "3"


def test_ccpem_style_call_works(project, run_job) -> None:
    done = run_job(
        "train", "--in_parts", "p.star", "--in_3Dref", "map.mrc", "--o", "External/job002/", "--epochs", "3"
    )
    assert done.returncode == 0, done.stderr
    summary = read_summary(RunFiles(project / "External/job002"))
    assert summary["train"]["epochs"] == 3
    assert summary["train"]["threads"] == "1"


def test_pipeline_control_is_ignored_and_unused_inputs_are_mentioned(project, run_job) -> None:
    control = ("--pipeline_control", "External/job005/", "--in_movies", "movies.star")
    done = run_job("train", "--o", "External/job005/", *INPUTS, "--j", "1", *control)
    assert done.returncode == 0, done.stderr
    assert "--in_movies movies.star has no effect on this job" in done.stdout


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        (("--epocs", "5"), "Unknown option --epocs. Did you mean --epochs?"),
        (("--epochs", "many"), "--epochs is 'many'; expected a whole number"),
        (("--epochs", "--j", "2"), "Option --epochs came without a value"),
        (("--epochs", "0"), "--epochs is 0; expected at least 1"),
        (("stray",), "Unexpected word 'stray'"),
        (("--j", "none"), "--j is 'none'; expected a number of threads"),
    ],
)
def test_wrong_options_fail_with_one_message(project, run_job, extra, message) -> None:
    done = run_job("train", "--o", "External/job005/", *INPUTS, *extra)
    assert done.returncode == 1
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert exit_files(project / "External/job005") == ["FAILURE"]
    assert not (project / "External/job005/RELION_OUTPUT_NODES.star").exists()


@pytest.mark.parametrize(
    ("ending", "message"),
    [
        ("memory", "The memory ran out"),
        ("torch-memory", "can't allocate memory"),
        ("killed", "most likely because the memory ran out"),
        ("crash", "crashed (SIGSEGV)"),
        ("unforeseen", "ZeroDivisionError: unforeseen"),
    ],
)
def test_every_bad_ending_writes_failure(project, run_job, ending, message) -> None:
    done = run_job("train", "--o", "External/job005/", *INPUTS, "--ending", ending)
    assert done.returncode == 1
    assert message in done.stderr
    assert exit_files(project / "External/job005") == ["FAILURE"]


@pytest.mark.parametrize("ending", [(), ("--ending", "unforeseen")])
def test_an_open_window_of_relion_learns_of_the_end(project, run_job, ending) -> None:
    (project / "default_pipeline.star").touch()
    run_job("train", "--o", "External/job005/", *INPUTS, *ending)
    assert (project / ".pipeline_has_changed").exists()


def test_a_folder_that_is_no_project_gets_no_file_of_relion(project, run_job) -> None:
    run_job("train", "--o", "External/job005/", *INPUTS)
    assert not (project / ".pipeline_has_changed").exists()


def test_without_output_folder_the_job_says_so(project, run_job) -> None:
    done = run_job("train", *INPUTS)
    assert done.returncode != 0
    assert "No output folder was given" in done.stderr


def test_output_folder_that_cannot_be_made_is_explained(project, run_job) -> None:
    (project / "External").write_text("a file where a folder is needed")
    done = run_job("train", "--o", "External/job005/", *INPUTS)
    assert done.returncode == 1
    assert "the job cannot be run in External/job005" in done.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_signal_ends_the_job_with_failure(project, start_job, number) -> None:
    job = start_job("train", "--o", "External/job005/", *INPUTS, "--ending", "long")
    wait_for(project / "External/job005/train/checkpoint.pt")
    job.send_signal(number)
    _, err = job.communicate(timeout=10)
    assert job.returncode == 1
    assert f"{number.name} received: stopping" in err
    assert exit_files(project / "External/job005") == ["FAILURE"]


def test_abort_request_is_honoured_at_once_by_a_loop(project, start_job) -> None:
    job = start_job("train", "--o", "External/job005/", *INPUTS, "--ending", "long")
    wait_for(project / "External/job005/train/checkpoint.pt")
    (project / "External/job005/RELION_JOB_ABORT_NOW").touch()
    _, err = job.communicate(timeout=10)
    assert "Continue resumes from there" in err
    assert exit_files(project / "External/job005") == ["ABORTED"]


@pytest.mark.slow
def test_abort_request_is_honoured_within_30_s_when_the_work_does_not_react(project, start_job) -> None:
    job = start_job("train", "--o", "External/job005/", *INPUTS, "--ending", "deaf")
    assert any(line.startswith("deaf") for line in job.stdout)
    (project / "External/job005/RELION_JOB_ABORT_NOW").touch()
    job.communicate(timeout=30)
    assert exit_files(project / "External/job005") == ["ABORTED"]


def test_deaf_work_is_killed_before_a_scheduler_would_kill_the_job(project, start_job) -> None:
    job = start_job("train", "--o", "External/job005/", *INPUTS, "--ending", "deaf")
    assert any(line.startswith("deaf") for line in job.stdout)
    job.send_signal(signal.SIGTERM)
    job.communicate(timeout=5)  # ccpem-pipeliner sends SIGKILL after 5 s
    assert exit_files(project / "External/job005") == ["FAILURE"]


def test_worker_left_alone_stops_and_writes_failure(project, start_job) -> None:
    job = start_job("train", "--o", "External/job005/", *INPUTS, "--ending", "long")
    wait_for(project / "External/job005/train/checkpoint.pt")
    job.kill()
    wait_for(project / "External/job005/RELION_JOB_EXIT_FAILURE")
    job.communicate(timeout=10)


def test_nothing_that_the_job_started_outlives_it(project, start_job) -> None:
    job = start_job("train", "--o", "External/job005/", *INPUTS, "--ending", "long")
    wait_for(project / "External/job005/train/checkpoint.pt")
    children = subprocess.run(["pgrep", "-P", str(job.pid)], capture_output=True, text=True).stdout.split()
    job.send_signal(signal.SIGTERM)
    job.communicate(timeout=10)
    assert len(children) == 1
    with pytest.raises(ProcessLookupError):
        os.kill(int(children[0]), 0)


def test_continue_keeps_what_is_done_and_resumes_training(project, run_job) -> None:
    call = ("train", "--o", "External/job005/", *INPUTS)
    assert run_job(*call, "--ending", "well", "--epochs", "2").returncode == 0
    again = run_job(*call, "--ending", "well", "--epochs", "2")
    assert again.stdout.count("already done with these settings, kept") == 4
    more = run_job(*call, "--ending", "well", "--epochs", "5")
    assert more.stdout.count("already done with these settings, kept") == 2
    assert read_summary(RunFiles(project / "External/job005"))["train"]["resumed"] is True
    fresh = run_job(*call, "--epochs", "5", "--box", "32")
    assert "already done" not in fresh.stdout
    assert read_summary(RunFiles(project / "External/job005"))["train"]["resumed"] is False


def test_traces_of_an_earlier_start_are_removed(project, run_job) -> None:
    folder = project / "External/job005"
    folder.mkdir(parents=True)
    for name in ("RELION_JOB_EXIT_SUCCESS", "RELION_JOB_ABORT_NOW", "RELION_OUTPUT_NODES.star"):
        (folder / name).touch()
    run_job("train", "--o", "External/job005/")
    assert exit_files(folder) == ["FAILURE"]
    assert not (folder / "RELION_OUTPUT_NODES.star").exists()


def test_landscape_finds_the_train_job_by_its_particles(project, run_job) -> None:
    run_job("train", "--o", "External/job005/", *INPUTS)
    done = run_job(
        "landscape", "--o", "External/job006/", "--in_parts", "External/job005/particles.star", "--M", "2"
    )
    assert done.returncode == 0, done.stderr
    nodes = (project / "External/job006/RELION_OUTPUT_NODES.star").read_text()
    assert "External/job006/landscape/states/state_001.star 3 ParticleGroupMetadata.star.relion" in nodes
    assert "External/job006/landscape/states/state_002_reference.mrc 6 DensityMap.mrc" in nodes
    assert "External/job006/particles.star" not in nodes
    assert (project / "External/job006/latents.npy").is_symlink()
    assert (project / "External/job005/latents.npy").read_text() == "latents"


def test_select_works_on_the_landscape_job_named_by_run(project, run_job) -> None:
    run_job("train", "--o", "External/job005/", *INPUTS)
    run_job("landscape", "--o", "External/job006/", "--run", "External/job005/", "--M", "3")
    done = run_job("select", "--o", "External/job007/", "--run", "External/job006/", "--states", "1,3")
    assert done.returncode == 0, done.stderr
    nodes = (project / "External/job007/RELION_OUTPUT_NODES.star").read_text()
    assert "External/job007/particles.star 3" in nodes
    assert "state_" not in nodes
    wrong = run_job("select", "--o", "External/job008/", "--run", "External/job006/", "--states", "1,4")
    assert "There is no state 4; there are 3." in wrong.stderr
    assert exit_files(project / "External/job008") == ["FAILURE"]


def test_landscape_is_done_again_after_more_training(project, run_job) -> None:
    landscape = ("landscape", "--o", "External/job006/", "--run", "External/job005/", "--M", "2")
    run_job("train", "--o", "External/job005/", *INPUTS)
    run_job(*landscape)
    assert "already done" in run_job(*landscape).stdout
    run_job("train", "--o", "External/job005/", *INPUTS, "--epochs", "7")
    assert "already done" not in run_job(*landscape).stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--in_parts", "Refine3D/job004/run_data.star"), "does not belong to a GEM job"),
        (("--run", "External/job099/"), "does not belong to a GEM job"),
        ((), "No earlier job was given"),
    ],
)
def test_landscape_without_a_train_job_says_what_to_give(project, run_job, arguments, message) -> None:
    done = run_job("landscape", "--o", "External/job006/", *arguments)
    assert message in done.stderr
    assert exit_files(project / "External/job006") == ["FAILURE"]


def test_landscape_of_an_unfinished_train_job_says_so(project, run_job) -> None:
    run_job("train", "--o", "External/job005/", *INPUTS, "--ending", "memory")
    done = run_job("landscape", "--o", "External/job006/", "--run", "External/job005/")
    assert "has not finished: its step 'train' is missing" in done.stderr


def test_help_lists_every_option(project, run_job) -> None:
    done = run_job("train", "--help")
    assert done.returncode == 0
    for word in ("--epochs", "--particles", "Density threshold."):
        assert word in done.stdout


def test_systems_without_hangup_and_groups_of_processes_can_watch_a_job(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Windows: no SIGHUP, no os.killpg."""
    code = (
        "import os, signal\ndel signal.SIGHUP, os.killpg\n"
        "from gem_plugin.adapters.relion.watcher import SIGNALS_TO_END, _SignalsSeen\n"
        "import gem_plugin.adapters.cryosparc.running_job as running\n"
        "_SignalsSeen()\nwith running.signals_ignored(): pass\n"
        "print([one.name for one in SIGNALS_TO_END])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "['SIGTERM', 'SIGINT']", done.stderr
    monkeypatch.delattr(os, "killpg")
    worker = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    watcher._signal_group(worker, signal.SIGKILL)
    assert worker.wait(timeout=30) == -signal.SIGTERM
