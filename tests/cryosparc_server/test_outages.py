"""A server that is away, at every phase of a job: short outages are waited for, after long ones the results are sent later."""

import shlex
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from cryosparc_server.commands import INPUTS, N_PARTICLES, PLACE, assert_has_all_fields_of, load, newest
from cryosparc_server.conftest import GENERATION
from cryosparc_server.fake_clock import FakeClock
from cryosparc_server.fake_steps import fake_run_steps, states_of
from cryosparc_server.faults import IGNORED_WARNINGS, operation
from cryosparc_server.http_server import Fault, LoopbackServer, Outage
from cryosparc_server.instance import Instance
from gem_plugin.adapters.cryosparc import client, outputs, pictures, step_pictures
from gem_plugin.adapters.cryosparc import work as cryosparc_work
from gem_plugin.adapters.cryosparc.commands import run_command
from gem_plugin.adapters.cryosparc.finish import run_finish
from gem_plugin.errors import StopRequestedError

pytest.importorskip("cryosparc.tools", reason="cryosparc-tools is absent (pip install 'gem-em[cryosparc]')")

pytestmark = IGNORED_WARNINGS
SHORT, LONG = 40.0, 1200.0  # seconds
BEFORE = ["status", "create", "input", "connect", "start", "mkdir", "upload", "load", "output"]
AFTER = ["save", "end"]  # of the work
MINUTES = "Tried again for 1"  # 15 or 16 of them


@pytest.fixture
def quick(rows: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> np.ndarray:
    """The rows of J42; no time is spent on pictures."""
    for module in (outputs, pictures, step_pictures):
        monkeypatch.setattr(module, "drawn", lambda draw: None)
    return rows


@pytest.fixture
def outage(server: LoopbackServer, instance: Instance, clock: FakeClock) -> Callable[[str, float], Outage]:
    """Orders an outage that begins with a call; when it ends, the server has restarted and knows no login."""

    def order(phase: str, seconds: float) -> Outage:
        forget = instance.tokens.clear if GENERATION >= 5 else (lambda: None)  # 4.7 knows users, no tokens
        one = Outage(
            operation(phase), drops_connection=True, seconds=seconds, now=clock.now, at_the_end=forget
        )
        server.faults.append(one)
        return one

    return order


def assert_is_whole(instance: Instance, job_uid: str, rows: np.ndarray) -> None:
    """All outputs of a run job, every row with every field."""
    assert instance.jobs[job_uid].statuses == ["running", "completed"]
    assert instance.jobs[job_uid].inputs["particles"].connections == [("J42", "particles")]
    assert_has_all_fields_of(load(job_uid, "particles"), rows)
    for number in (1, 2, 3):
        found = load(job_uid, f"particles_state_{number}")
        assert_has_all_fields_of(found, rows[states_of(N_PARTICLES) == number])
        assert len(load(job_uid, f"volume_state_{number}")) == 1
    assert {"consensus", "mask"} <= set(instance.jobs[job_uid].outputs)


@pytest.mark.parametrize("phase", [*BEFORE, *AFTER])
def test_a_restart_of_40_seconds_changes_nothing(
    quick: np.ndarray, instance: Instance, outage, clock: FakeClock, phase: str
):
    """The connections drop, every call fails, and afterwards the server has forgotten all logins."""
    ordered = outage(phase, SHORT)
    assert run_command("run", [*PLACE, *INPUTS]) == 0
    assert ordered.is_over
    assert SHORT <= clock.seconds < 3 * SHORT
    assert [uid for uid, job in instance.jobs.items() if job.inputs and uid != "J42"] == [
        newest(instance).uid
    ]
    assert_is_whole(instance, newest(instance).uid, quick)


@pytest.mark.parametrize("phase", [*BEFORE[1:], *AFTER])
@pytest.mark.skipif(GENERATION < 5, reason="only 5.0 sends a token that can expire with every call")
def test_a_token_that_expires_is_renewed_without_a_pause(
    quick: np.ndarray, instance: Instance, server: LoopbackServer, clock: FakeClock, phase: str
):
    answer, expired = server.answer, []

    def expire_once(name, request):
        if name == operation(phase) and not expired:
            expired.append(name)
            instance.tokens.clear()
        return answer(name, request)

    server.answer = expire_once  # type: ignore[method-assign]
    assert run_command("run", [*PLACE, *INPUTS]) == 0
    assert expired
    assert clock.seconds == 0
    assert_is_whole(instance, newest(instance).uid, quick)


@pytest.mark.parametrize("phase", AFTER)
def test_after_20_minutes_the_results_are_sent_by_one_command(
    quick: np.ndarray, instance: Instance, outage, clock: FakeClock, capsys, phase: str
):
    outage(phase, LONG)
    assert run_command("run", [*PLACE, *INPUTS]) == 1
    assert 900 <= clock.seconds < LONG
    shown = capsys.readouterr().err.splitlines()
    assert any(MINUTES in line and "minutes" in line for line in shown)
    assert "All results are whole in" in shown[-2]
    program, folder = shlex.split(shown[-1])
    assert program == "gem-cryosparc-finish"
    clock.seconds += LONG  # the server is back; the job still shows as running there
    assert instance.jobs["J43"].statuses == ["running"]
    assert run_finish([folder]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "J43"
    assert_is_whole(instance, "J43", quick)
    assert run_finish([folder]) == 0  # once more does nothing
    assert "P3-J43 is complete; nothing is missing." in capsys.readouterr().out
    assert list(instance.jobs) == ["J7", "J42", "J43"]


@pytest.mark.parametrize("phase", ["mkdir", "load", "output"])
def test_20_minutes_before_the_work_end_with_the_command_that_resumes(
    quick: np.ndarray, instance: Instance, outage, clock: FakeClock, capsys, phase: str
):
    outage(phase, LONG)
    assert run_command("run", [*PLACE, *INPUTS]) == 1
    shown = capsys.readouterr().err
    assert MINUTES in shown
    assert "gem-cryosparc-finish" not in shown
    clock.seconds += LONG
    if phase == "mkdir":
        return  # there is no folder yet; the same command starts again
    line = shown.splitlines()[-1]
    assert line.startswith(f"cd {Path.cwd()} && gem-cryosparc-run --project P3")
    again = shlex.split(line.partition("gem-cryosparc-run ")[2])
    assert run_command("run", again) == 0
    assert_is_whole(instance, "J43", quick)


def test_a_server_that_is_away_does_not_hold_up_the_work(
    quick: np.ndarray, instance: Instance, server: LoopbackServer, clock: FakeClock, monkeypatch
):
    """Log lines wait in a thread of their own while the steps work, and are all there afterwards."""
    pause_before = []

    def steps_without_a_server(names, run, values, progress):
        if names[0] == "consensus":
            server.faults.append(
                Outage("", drops_connection=True, seconds=1.0, now=clock.now, began=clock.now())
            )
        fake_run_steps(names, run, values, progress)
        progress.say(f"a line of {names[0]}")
        if names[0] == "analyze":
            pause_before.append(clock.seconds)
            clock.seconds += 1.0
        return {}

    monkeypatch.setattr(cryosparc_work, "run_steps", steps_without_a_server)
    assert run_command("train", [*PLACE, *INPUTS]) == 0
    assert pause_before == [0.0]
    texts = newest(instance).texts()
    places = [texts.index(f"a line of {name}") for name in ("prepare", "consensus", "train", "analyze")]
    assert places == sorted(places)


@pytest.mark.parametrize("ending", ["failed", "killed", "deleted", "gone"])
def test_results_of_a_job_that_ended_go_into_a_new_one_with_the_same_inputs(
    quick: np.ndarray, instance: Instance, server: LoopbackServer, capsys, monkeypatch, ending: str
):
    server.faults.append(Fault(operation("save"), times=1, status=403))
    assert run_command("run", [*PLACE, *INPUTS]) == 2
    command = capsys.readouterr().err.splitlines()[-1]
    assert command.startswith("gem-cryosparc-finish ")
    job = instance.jobs["J43"]
    assert job.statuses == ["running", "failed"]
    if ending == "deleted":
        job.is_deleted = True
    elif ending == "gone":
        del instance.jobs["J43"]
        instance.jobs["J60"] = instance.jobs["J42"]  # so that the number is not given again
    else:
        job.status = ending
    assert run_finish(shlex.split(command)[1:]) == 0
    new = newest(instance)
    assert new.uid != "J43"
    assert_is_whole(instance, new.uid, quick)
    assert "Results of J43, which is" in new.description
    path = new.outputs["volume_state_1"].rows["map/path"][0].decode()
    assert path.startswith(f"{new.uid}/")  # the folder of the old job may be deleted
    assert (instance.folder / path).is_file()


def test_only_what_is_missing_is_sent(quick: np.ndarray, instance: Instance, server: LoopbackServer, capsys):
    """SIGKILL in the middle of sending: CryoSPARC still shows the job as running, with some outputs."""
    saved = operation("save")
    original, names = server.faults, []

    def count(name, *rest):
        names.append(name)

    save = type(instance).save_output
    instance.save_output = lambda job, name, rows: (count(name), save(instance, job, name, rows))  # type: ignore[method-assign]
    original.append(Fault(saved, times=0))
    assert run_command("run", [*PLACE, *INPUTS]) == 0
    first = list(names)
    job = instance.jobs["J43"]
    job.status, job.statuses = "running", ["running"]
    record = instance.folder / "J43" / "gem" / "cryosparc_job.json"
    text = record.read_text()
    record.write_text(text.replace(f'"{first[-1]}"', '"none"'))
    names.clear()
    assert run_finish([str(instance.folder / "J43")]) == 0
    assert names == [first[-1]]
    assert_is_whole(instance, "J43", quick)


def test_work_that_is_not_finished_names_the_command_that_resumes(
    quick: np.ndarray, instance: Instance, capsys, monkeypatch
):
    def killed_in_training(names, run, values, progress):
        if names[0] == "train":
            raise StopRequestedError("the job was interrupted (SIGTERM)")
        return fake_run_steps(names, run, values, progress)

    monkeypatch.setattr(cryosparc_work, "run_steps", killed_in_training)
    assert run_command("run", [*PLACE, *INPUTS, "--epochs", "7"]) == 3
    resume = capsys.readouterr().err.splitlines()[-1]
    assert run_finish([str(instance.folder / "J43")]) == 2
    shown = capsys.readouterr().err.splitlines()
    assert "is not finished, so there is nothing to send yet" in shown[0]
    assert shown[-1] == resume
    monkeypatch.setattr(cryosparc_work, "run_steps", fake_run_steps)
    assert run_command("run", shlex.split(resume.partition("gem-cryosparc-run ")[2])) == 0
    assert_is_whole(instance, "J44", quick)
    assert "Continues the work of J43" in instance.jobs["J44"].description


def test_a_folder_without_a_job_is_one_sentence(server: LoopbackServer, tmp_path: Path, capsys):
    assert run_finish([str(tmp_path)]) == 2
    assert "holds no cryosparc_job.json" in capsys.readouterr().err


def test_the_record_holds_no_secret(quick: np.ndarray, instance: Instance):
    from cryosparc_server.instance import EMAIL, LICENSE, PASSWORD

    assert run_command("train", [*PLACE, *INPUTS]) == 0
    text = (instance.folder / "J43" / "gem" / "cryosparc_job.json").read_text()
    assert not any(secret in text for secret in (EMAIL, LICENSE, PASSWORD))


def test_a_new_login_that_is_refused_is_tried_until_the_user_has_logged_in(
    quick: np.ndarray, instance: Instance, clock: FakeClock, monkeypatch, server: LoopbackServer
):
    """A saved login that has ended: the user logs in again in another shell while the job waits."""
    if GENERATION < 5:
        pytest.skip("4.7 sends the license with every call")
    take_over, tries = client._take_over_login, []

    def refuse_three_times(old, new):
        tries.append(clock.seconds)
        if len(tries) <= 3:
            raise ValueError("authentication not provided or expired")
        take_over(old, new)

    monkeypatch.setattr(client, "_take_over_login", refuse_three_times)

    def steps(names, run, values, progress):
        instance.tokens.clear()
        return fake_run_steps(names, run, values, progress)

    monkeypatch.setattr(cryosparc_work, "run_steps", steps)
    assert run_command("train", [*PLACE, *INPUTS]) == 0
    assert len(tries) >= 4
    assert newest(instance).statuses == ["running", "completed"]
