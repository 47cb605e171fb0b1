"""Everything that goes wrong between us and CryoSPARC: each ends in one sentence, and in the right status there."""

import contextlib
import os
import signal
import time
from pathlib import Path

import numpy as np
import pytest

from cryosparc_server.conftest import GENERATION
from cryosparc_server.fake_steps import fake_run_steps, state_map
from cryosparc_server.http_server import Fault, LoopbackServer
from cryosparc_server.instance import Instance
from cryosparc_server.test_jobs import INPUTS, N_PARTICLES, PLACE, newest
from cryosparc_server.tiny_project import add_tiny_refinement
from gem_plugin.adapters import cryosparc_start, cryosparc_work
from gem_plugin.adapters.cryosparc_inputs import INPUT_NAMES
from gem_plugin.adapters.cryosparc_jobs import run_command
from gem_plugin.errors import InputError, StopRequestedError

pytest.importorskip("cryosparc.tools", reason="cryosparc-tools is absent (pip install 'gem-em[cryosparc]')")

pytestmark = pytest.mark.filterwarnings(
    "ignore:.*API client.*:UserWarning", "ignore:.*CommandClient.*:UserWarning"
)
OPERATIONS = {  # what the two generations call the same thing
    "upload": ("projects.upload_file", "POST files"),
    "save": ("jobs.save_output", "POST dataset"),
    "status": ("jobs.find_one", "get_job"),
    "log": ("jobs.add_event_log", "job_send_streamlog"),
    "plot": ("assets.upload", "POST asset"),
    "create": ("jobs.create", "create_external_job"),
    "login": ("login", "get_id_by_email_password"),
    "load": ("jobs.load_input", "POST load_job_input"),
}


def operation(name: str) -> str:
    return OPERATIONS[name][0 if GENERATION >= 5 else 1]


@pytest.fixture
def rows(server: LoopbackServer, instance: Instance, monkeypatch: pytest.MonkeyPatch) -> np.ndarray:
    monkeypatch.setattr(cryosparc_work, "run_steps", fake_run_steps)
    return add_tiny_refinement(instance, n_particles=N_PARTICLES)


def train_with(monkeypatch: pytest.MonkeyPatch, work) -> int:
    """A train job whose work is this function of (job, progress)."""
    monkeypatch.setattr(
        cryosparc_start, "do_work", lambda job, folders, assignment, progress: work(job, progress)
    )
    return run_command("train", [*PLACE, *INPUTS])


# how the work ends


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_marks_the_job_as_failed(
    rows, instance: Instance, monkeypatch, capsys, number: signal.Signals
):
    assert train_with(monkeypatch, lambda job, progress: os.kill(os.getpid(), number) or time.sleep(5)) != 0
    job = newest(instance)
    assert job.statuses == ["running", "failed"]
    assert f"interrupted ({number.name})" in job.texts()
    assert f"interrupted ({number.name})" in capsys.readouterr().err
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(0), SystemExit(1)])
def test_an_interrupt_raised_inside_marks_the_job_as_failed(rows, instance: Instance, monkeypatch, error):
    def work(job, progress):
        raise error

    with contextlib.suppress(SystemExit):
        train_with(monkeypatch, work)
    assert newest(instance).statuses == ["running", "failed"]


def test_a_second_signal_does_not_cut_off_the_last_words(rows, instance: Instance, monkeypatch):
    def work(job, progress):
        log = job.log

        def log_and_signal(*arguments):
            os.kill(os.getpid(), signal.SIGTERM)
            return log(*arguments)

        job.log = log_and_signal
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(5)

    assert train_with(monkeypatch, work) != 0
    assert newest(instance).statuses == ["running", "failed"]


def test_a_very_long_error_is_reported_whole_in_the_log_and_short_as_status(
    rows, instance: Instance, monkeypatch, capsys
):
    def work(job, progress):
        raise ValueError("x" * 90_000 + "END")

    assert train_with(monkeypatch, work) == 1
    job = newest(instance)
    assert job.statuses == ["running", "failed"]
    assert len(job.error) <= 500
    written = "".join(event["text"] for event in job.events)
    assert "x" * 20_000 in written
    assert "Unforeseen error" in written
    assert "Traceback" not in capsys.readouterr().err


def test_our_own_error_is_one_sentence_without_a_traceback(rows, instance: Instance, monkeypatch, capsys):
    def work(job, progress):
        raise InputError("The box is odd. Use an even one.")

    assert train_with(monkeypatch, work) == 2
    job = newest(instance)
    assert job.texts().split("\n")[-1] == "The box is odd. Use an even one."
    assert "Traceback" not in job.texts()
    if GENERATION >= 5:
        assert job.error == "The box is odd. Use an even one."
    assert "Error: The box is odd" in capsys.readouterr().err


def test_the_job_is_started_once_and_never_beside_run(rows, instance: Instance, monkeypatch):
    assert train_with(monkeypatch, lambda job, progress: job.start()) == 0  # asking again changes nothing
    assert newest(instance).statuses == ["running", "completed"]


def test_a_job_killed_in_the_web_page_stops_the_work(rows, instance: Instance, monkeypatch, capsys):
    def work(job, progress):
        instance.set_status(instance.jobs[job.uid], "killed")
        for _ in progress.track(range(10_000), "long"):
            time.sleep(0.01)

    start = time.monotonic()
    assert train_with(monkeypatch, work) == 3
    assert time.monotonic() - start < 20
    assert newest(instance).statuses == ["running", "killed"]  # not overwritten by us
    assert "was marked as killed in CryoSPARC, so the work stops here" in capsys.readouterr().err


# connections that drop


def test_a_dropped_upload_is_noticed_and_repeated(
    rows, server: LoopbackServer, instance: Instance, monkeypatch, tmp_path
):
    instance.shown_folder = tmp_path / "elsewhere"
    server.faults.append(Fault(operation("upload"), drops_connection=True))
    assert run_command("run", [*PLACE, *INPUTS]) == 0
    saved = [path for path in (instance.folder / "J43" / "gem_results").iterdir()]
    assert {path.name: path.stat().st_size for path in saved}["state_001_mean.mrc"] == 1024 + state_map(
        1
    ).nbytes
    assert all(path.stat().st_size > 1024 for path in saved)


def test_an_upload_that_never_arrives_whole_fails_the_job(
    rows, server: LoopbackServer, instance, monkeypatch, tmp_path
):
    instance.shown_folder = tmp_path / "elsewhere"
    monkeypatch.setattr(type(instance), "file", _writes_half(type(instance).file))
    assert run_command("train", [*PLACE, *INPUTS]) == 1
    assert "did not arrive whole in J43/gem_results/map.mrc" in newest(instance).texts()
    assert newest(instance).statuses[-1] == "failed"


def _writes_half(original):
    """An Instance.file whose paths lose half of what is written to them."""

    class Half(type(Path())):
        def write_bytes(self, data: bytes) -> int:
            return super().write_bytes(data[: len(data) // 2])

    return lambda self, path: Half(original(self, path))


@pytest.mark.skipif(GENERATION < 5, reason="5.0 repeats requests by itself")
def test_the_bare_client_does_lose_a_dropped_upload(rows, server: LoopbackServer, instance: Instance):
    """The trap itself: without our check a file of no bytes would count as uploaded."""
    from contextlib import closing

    from gem_plugin.adapters.cryosparc_client import connect_to_cryosparc

    with closing(connect_to_cryosparc(None, 20)) as connection:
        job = connection.client.find_project("P3").create_external_job("W1")
        server.faults.append(Fault("projects.upload_file", drops_connection=True))
        Path("a.txt").write_bytes(b"a" * 3_000_000)
        with open("a.txt", "rb") as handle:
            job.upload("a.txt", handle)
    assert (instance.folder / job.uid / "a.txt").stat().st_size < 3_000_000


def test_a_dropped_output_is_saved_again(rows, server: LoopbackServer, instance: Instance):
    server.faults.append(Fault(operation("save"), drops_connection=True))
    assert run_command("train", [*PLACE, *INPUTS]) == 0
    assert len(newest(instance).outputs["particles"].rows) == N_PARTICLES


def test_a_dropped_plot_is_sent_again_or_left_out(rows, server: LoopbackServer, instance: Instance):
    server.faults.append(Fault(operation("plot"), drops_connection=True))
    assert run_command("train", [*PLACE, *INPUTS]) == 0
    plots = [event["text"] for event in newest(instance).events if event["type"] == "image"]
    assert "Training" in plots or GENERATION < 5


# answers of the server


def test_wrong_password_is_one_sentence(rows, instance: Instance, monkeypatch, capsys):
    monkeypatch.setenv("CRYOSPARC_PASSWORD", "wrong horse")
    assert run_command("train", [*PLACE, *INPUTS]) == 2
    shown = capsys.readouterr().err
    assert "while logging in to CryoSPARC" in shown
    assert "wrong horse" not in shown
    assert shown.count("\n") == 1
    assert len(instance.jobs) == 2  # the refinement and its extraction: nothing was made


@pytest.mark.skipif(GENERATION < 5, reason="5.0 sends a token with every call")
def test_login_that_ends_in_the_middle_is_explained(rows, instance: Instance, monkeypatch, capsys):
    def work(job, progress):
        instance.tokens.clear()
        job.save_output("particles", None, {})

    assert train_with(monkeypatch, work) == 2
    shown = capsys.readouterr().err
    assert "CryoSPARC refused the login (status 401)" in shown
    assert "could not be told that J43 failed" in shown


def test_missing_credentials_say_what_to_do(rows, monkeypatch, capsys):
    monkeypatch.delenv("CRYOSPARC_EMAIL")
    monkeypatch.delenv("CRYOSPARC_PASSWORD")
    assert run_command("train", [*PLACE, *INPUTS]) != 0
    shown = capsys.readouterr().err
    assert "CRYOSPARC_PASSWORD" in shown
    assert shown.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--project", "P9", "--workspace", "W1", *INPUTS], "P9"),
        (["--project", "P3", "--workspace", "W9", *INPUTS], "W9"),
        ([*PLACE, "--particles", "J99", "--volume", "J42"], "J99"),
        (
            [*PLACE, "--particles", "J42.particles_class_1", "--volume", "J42"],
            "Expected the output particles_class_1 of type particle in J42; its outputs are: particles (particle), volume",
        ),
        ([*PLACE, "--particles", "J42", "--volume", "J7"], "Expected the output volume of type volume in J7"),
        ([*PLACE, "--particles", "J42", "--volume", "J42", "--epochs", "-3"], "--epochs is -3"),
    ],
)
def test_wrong_names_are_said_before_anything_is_made(rows, instance: Instance, capsys, arguments, message):
    assert run_command("train", arguments) != 0
    shown = capsys.readouterr().err
    assert message in shown
    assert shown.count("\n") == 1
    assert all(job.status == "completed" for job in instance.jobs.values())


def test_a_job_that_still_runs_cannot_be_used(rows, instance: Instance, capsys):
    instance.jobs["J42"].status = "running"
    assert run_command("train", [*PLACE, *INPUTS]) == 2
    assert "The job J42 is running, expected completed. Wait until it ends" in capsys.readouterr().err


def test_particles_without_alignments_are_refused_before_anything_is_made(rows, instance: Instance, capsys):
    assert run_command("train", [*PLACE, "--particles", "J7", "--volume", "J42"]) == 2
    shown = capsys.readouterr().err
    assert (
        "J7.particles has no alignments3D; it has blob, ctf, location. Take the particles of a homogeneous"
        in shown
    )
    assert len(instance.jobs) == 2


def test_an_input_that_cannot_be_connected_fails_the_job(rows, instance: Instance, monkeypatch, capsys):
    """The server has the last word on connections; the job that exists by then says what it was."""
    monkeypatch.setattr(cryosparc_start, "find_input", _without_checking_slots)
    assert run_command("train", [*PLACE, "--particles", "J7", "--volume", "J42"]) != 0
    assert newest(instance).statuses == ["running", "failed"]
    assert "lacks required slots ['alignments3D']" in capsys.readouterr().err
    assert "lacks required slots ['alignments3D']" in newest(instance).texts()


def _without_checking_slots(project, named, kind):
    return project.find_output(named, kind, INPUT_NAMES[kind])


def test_missing_fields_are_repeated_from_the_server(rows, instance: Instance, monkeypatch, capsys):
    def work(job, progress):
        job.add_output("particle", "particles", {"blob": "blob"}, "particles", "All")
        alloc = job._job.alloc_output

        def without_shape(name, count):
            dataset = alloc(name, count)
            dataset.drop_fields(["blob/shape"])
            return dataset

        job._job.alloc_output = without_shape
        job.save_output("particles", rows["uid"], {})

    assert train_with(monkeypatch, work) == 1
    shown = capsys.readouterr().err
    assert "did not accept it (status 422) while saving the output particles of J43" in shown
    assert "blob/shape" in shown
    assert newest(instance).statuses == ["running", "failed"]


def test_a_failing_server_is_asked_again(rows, server: LoopbackServer, instance: Instance):
    server.faults.append(Fault(operation("save"), status=500))
    assert run_command("train", [*PLACE, *INPUTS]) == 0
    assert newest(instance).status == "completed"


def test_a_server_that_keeps_failing_is_one_sentence(
    rows, server: LoopbackServer, instance: Instance, capsys
):
    server.faults.append(Fault(operation("save"), times=99, status=500))
    assert run_command("train", [*PLACE, *INPUTS]) == 1
    assert "CryoSPARC failed (status 500) while saving the output particles of J43" in capsys.readouterr().err
    assert newest(instance).statuses == ["running", "failed"]
    assert newest(instance).outputs["particles"].rows is None


def test_a_log_that_cannot_be_written_stops_no_work(rows, server: LoopbackServer, instance: Instance, capsys):
    server.faults.append(Fault(operation("log"), times=3, status=500))
    assert run_command("train", [*PLACE, *INPUTS]) == 0
    assert "not shown in CryoSPARC: CryoSPARC failed (status 500)" in capsys.readouterr().out


def test_a_slow_server_is_one_sentence(rows, server: LoopbackServer, instance: Instance, capsys):
    server.faults.append(Fault(operation("load"), times=99, delay_in_seconds=3.0))
    assert run_command("train", [*PLACE, *INPUTS, "--timeout", "1"]) == 1
    shown = capsys.readouterr().err
    assert "CryoSPARC did not answer in time while loading the input particles" in shown
    assert newest(instance).statuses == ["running", "failed"]


def test_a_server_that_stops_in_the_middle_is_one_sentence(
    rows, server: LoopbackServer, instance, monkeypatch, capsys
):
    def work(job, progress):
        job.add_output("particle", "particles", {"blob": "blob"}, "particles", "All")
        server.close()
        job.save_output("particles", None, {})

    assert train_with(monkeypatch, work) != 0
    shown = capsys.readouterr().err
    assert "The connection to CryoSPARC was lost while" in shown
    assert "CryoSPARC could not be told that J43 failed" in shown
    assert "Traceback" not in shown


def test_no_server_at_all_is_one_sentence(rows, server: LoopbackServer, capsys):
    server.close()
    assert run_command("train", [*PLACE, *INPUTS]) != 0
    shown = capsys.readouterr().err
    assert "while logging in to CryoSPARC" in shown
    assert "Traceback" not in shown


# being started again


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
