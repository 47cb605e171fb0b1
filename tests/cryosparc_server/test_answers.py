"""Wrong names and logins, and a server that refuses, fails, is slow or goes away: one sentence each."""

import pytest

from cryosparc_server.commands import INPUTS, PLACE, newest, train_with
from cryosparc_server.conftest import GENERATION
from cryosparc_server.faults import IGNORED_WARNINGS, operation
from cryosparc_server.http_server import Fault, LoopbackServer
from cryosparc_server.instance import Instance
from gem_plugin.adapters.cryosparc import start as cryosparc_start
from gem_plugin.adapters.cryosparc.commands import run_command
from gem_plugin.adapters.cryosparc.inputs import INPUT_NAMES

pytest.importorskip("cryosparc.tools", reason="cryosparc-tools is absent (pip install 'gem-em[cryosparc]')")

pytestmark = IGNORED_WARNINGS


def test_wrong_password_is_one_sentence(rows, instance: Instance, monkeypatch, capsys):
    monkeypatch.setenv("CRYOSPARC_PASSWORD", "wrong horse")
    assert run_command("train", [*PLACE, *INPUTS]) == 2
    shown = capsys.readouterr().err
    assert "while logging in to CryoSPARC" in shown
    assert "wrong horse" not in shown
    assert shown.count("\n") == 1
    assert len(instance.jobs) == 2  # the refinement and its extraction: nothing was made


@pytest.mark.skipif(GENERATION < 5, reason="5.0 sends a token with every call")
def test_login_that_ends_for_good_in_the_middle_is_explained(rows, instance: Instance, monkeypatch, capsys):
    def work(job, progress):
        instance.tokens.clear()
        monkeypatch.setenv("CRYOSPARC_PASSWORD", "changed meanwhile")
        job.save_output("particles", None, {})

    assert train_with(monkeypatch, work) == 1
    shown = capsys.readouterr().err
    assert "CryoSPARC refused the login (status 401)" in shown
    assert "J43 could not be marked as failed in CryoSPARC" in shown


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
    server.faults.append(Fault(operation("save"), times=9999, status=500))
    assert run_command("train", [*PLACE, *INPUTS]) == 1
    assert "CryoSPARC failed (status 500) while saving the output particles of J43" in capsys.readouterr().err
    assert newest(instance).statuses == ["running", "failed"]
    assert newest(instance).outputs["particles"].rows is None


def test_lines_that_cannot_be_written_now_are_written_later(rows, server: LoopbackServer, instance: Instance):
    server.faults.append(Fault(operation("log"), times=3, status=500))
    assert run_command("train", [*PLACE, *INPUTS]) == 0
    assert newest(instance).texts().startswith("P3-J43: working in")
    assert "Finished. All files are in" in newest(instance).texts()


def test_a_log_that_can_never_be_written_stops_no_work(
    rows, server: LoopbackServer, instance: Instance, capsys
):
    server.faults.append(Fault(operation("log"), times=9999, status=403))
    assert run_command("train", [*PLACE, *INPUTS]) == 0
    assert "not shown in CryoSPARC: CryoSPARC refused the login (status 403)" in capsys.readouterr().out


def test_a_slow_server_is_one_sentence(rows, server: LoopbackServer, instance: Instance, capsys, clock):
    def jump(seconds: float) -> None:
        clock.seconds += 900

    clock.when_asleep = jump
    server.faults.append(Fault(operation("load"), times=9999, delay_in_seconds=3.0))
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
    assert "J43 could not be marked as failed in CryoSPARC" in shown
    assert "Traceback" not in shown


def test_no_server_at_all_is_one_sentence(rows, server: LoopbackServer, capsys):
    server.close()
    assert run_command("train", [*PLACE, *INPUTS]) != 0
    shown = capsys.readouterr().err
    assert "while logging in to CryoSPARC" in shown
    assert "Traceback" not in shown
