"""However the work ends, CryoSPARC is told: interrupts, errors, a job killed in the web page."""

import contextlib
import os
import signal
import threading
import time

import pytest

from cryosparc_server.commands import newest, train_with
from cryosparc_server.conftest import GENERATION
from cryosparc_server.faults import IGNORED_WARNINGS, operation
from cryosparc_server.http_server import Fault
from cryosparc_server.instance import Instance
from gem_plugin.errors import InputError

pytest.importorskip("cryosparc.tools", reason="cryosparc-tools is absent (pip install 'gem-em[cryosparc]')")

pytestmark = IGNORED_WARNINGS


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


def test_no_look_at_the_status_outlives_the_job(rows, server, instance: Instance, monkeypatch):
    """A look that is under way when the work ends would open a connection that nobody closes."""
    server.faults.append(Fault(operation("status"), times=50, delay_in_seconds=0.2))
    assert train_with(monkeypatch, lambda job, progress: time.sleep(0.1)) == 0
    assert "cryosparc-status" not in [thread.name for thread in threading.enumerate()]


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
    assert "Unexpected error" in written
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
