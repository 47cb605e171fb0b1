"""A second process takes calls; whatever becomes of it, the first one has what the function gives."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from gem_plugin import notices, second_process
from gem_plugin.errors import StopRequestedError
from gem_plugin.io.whole_files import whole_file
from gem_plugin.operating_system import n_processors
from gem_plugin.second_process import SecondProcess, has_two_cores

SCRIPT = """
import os
from gem_plugin.second_process import SecondProcess
print("run")
with SecondProcess() as second:
    print(second.begin(os.getpid).result() != os.getpid())
"""


@pytest.fixture
def second(monkeypatch: pytest.MonkeyPatch) -> Iterator[SecondProcess]:
    monkeypatch.setattr(second_process, "has_two_cores", lambda: True)
    with SecondProcess("gem_plugin.errors") as second:
        yield second


def raise_a_broken_connection() -> None:
    raise ConnectionError("that of a call, not that between the processes")


class OnlyHere:
    """Can be sent, and not be received elsewhere."""

    def __reduce__(self) -> tuple:
        return only_here, (os.getpid(),)


def only_here(number: int) -> OnlyHere:
    if os.getpid() != number:
        raise ImportError("not here")
    return OnlyHere()


def write_slowly(path: Path) -> None:
    """Only as fast as whoever waits for it."""
    with whole_file(path) as temporary:
        temporary.write_text("half")
        time.sleep(60)


def stop_once_there_is_a_file(folder: Path) -> None:
    if list(folder.iterdir()):
        raise StopRequestedError("enough")


def test_calls_are_answered_by_another_process_one_after_the_other(second: SecondProcess) -> None:
    calls = [second.begin(os.getpid) for _ in range(3)]
    assert len({os.getpid(), *(call.result() for call in calls)}) == 2


def test_with_one_core_each_call_is_done_here_when_its_result_is_wanted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(second_process, "has_two_cores", lambda: False)
    done: list[int] = []
    with SecondProcess() as second:
        call = second.begin(done.append, 1)
        assert not call.take_back()
        assert done == []
        call.result()
        assert done == [1]
        assert second.begin(os.getpid).result() == os.getpid()


@pytest.mark.parametrize(
    ("processors", "threads", "expected"),
    [(2, "", True), (2, "2", True), (8, "4,1", True), (2, "1", False), (1, "", False), (1, "2", False)],
)
def test_two_cores_are_used_where_both_machine_and_queue_give_them(
    monkeypatch: pytest.MonkeyPatch, processors: int, threads: str, expected: bool
) -> None:
    monkeypatch.setattr(second_process, "n_processors", lambda: processors)
    monkeypatch.setenv("OMP_NUM_THREADS", threads)
    assert has_two_cores() is expected


def test_a_call_that_is_not_begun_can_be_taken_back_and_is_done_once(second: SecondProcess) -> None:
    other = second.begin(os.getpid).result()
    slow, waiting = second.begin(time.sleep, 1), second.begin(os.getpid)
    time.sleep(0.2)
    assert waiting.take_back()
    assert not waiting.take_back()
    assert not slow.take_back()
    assert waiting.result() == os.getpid()
    slow.result()
    assert second.begin(os.getpid).result() == other


def test_errors_and_notices_come_as_from_one_process(second: SecondProcess) -> None:
    with pytest.raises(ValueError, match="invalid literal"):
        second.begin(int, "x").result()
    heard: list[notices.Notice] = []
    with notices.listening(heard.append):
        second.begin(notices.warn, "Look at this.").result()
    assert [one.sentence for one in heard] == ["Look at this."]
    assert second.begin(os.getpid).result() != os.getpid()


def test_what_is_printed_or_cannot_be_sent_spoils_no_answer(second: SecondProcess) -> None:
    second.begin(print, "between the answers").result()
    assert second.begin(lambda: 7).result() == 7
    with pytest.raises(ConnectionError):
        second.begin(raise_a_broken_connection).result()
    assert isinstance(second.begin(tuple, [OnlyHere()]).result()[0], OnlyHere)
    assert second.begin(iter, (3,)).result().__next__() == 3
    assert second.begin(compile, "1", "", "eval").result() is not None  # code cannot be sent back
    assert second.begin(os.getpid).result() != os.getpid()


def test_after_a_kill_everything_is_done_here(second: SecondProcess) -> None:
    os.kill(second.begin(os.getpid).result(), signal.SIGKILL)
    assert [second.begin(os.getpid).result() for _ in range(2)] == [os.getpid()] * 2


def test_without_a_second_process_everything_is_done_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(second_process, "has_two_cores", lambda: True)
    monkeypatch.setattr(sys, "executable", "/no/such/python")
    with SecondProcess() as second:
        assert second.begin(os.getpid).result() == os.getpid()
    monkeypatch.undo()
    monkeypatch.setattr(second_process, "has_two_cores", lambda: True)
    with SecondProcess("no_such_module") as second:
        assert second.begin(os.getpid).result() == os.getpid()


def test_on_windows_everything_is_done_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its processes cannot be handed a pipe: subprocess refuses with an AssertionError."""
    monkeypatch.setattr(second_process, "has_two_cores", lambda: True)
    monkeypatch.setattr(second_process, "CAN_HAND_OVER_PIPES", False)
    with SecondProcess() as second:
        assert second.begin(os.getpid).result() == os.getpid()


def test_a_request_to_stop_ends_both_and_leaves_no_half_file(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(second_process, "has_two_cores", lambda: True)
    start = time.monotonic()
    with SecondProcess() as second:
        number = second.begin(os.getpid).result()
        call = second.begin(write_slowly, tmp_path / "picture.png")
        with pytest.raises(StopRequestedError):
            call.result(partial(stop_once_there_is_a_file, tmp_path))
    assert time.monotonic() - start < 10
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(ProcessLookupError):
        os.kill(number, 0)


@pytest.mark.skipif(n_processors() < 2 or sys.platform != "linux", reason="two cores and /proc")
def test_nothing_is_left_when_the_first_process_is_killed(tmp_path: Path) -> None:
    """The second one sees the end of what it reads."""
    (tmp_path / "script.py").write_text(SCRIPT.replace(" != os.getpid()", ", flush=True") + "    input()\n")
    command, environment = [sys.executable, tmp_path / "script.py"], {**os.environ, "OMP_NUM_THREADS": "2"}
    process = subprocess.Popen(
        command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "run\n"
    number = int(process.stdout.readline())
    process.kill()
    process.communicate()
    end = time.monotonic() + 10
    while is_alive(number) and time.monotonic() < end:
        time.sleep(0.05)
    assert not is_alive(number)


def is_alive(number: int) -> bool:
    try:
        return Path(f"/proc/{number}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.skipif(n_processors() < 2, reason="two cores")
def test_the_script_of_a_user_runs_once(tmp_path: Path) -> None:
    """Unlike with multiprocessing, which needs `if __name__ == "__main__"` in it."""
    (tmp_path / "script.py").write_text(SCRIPT)
    command, environment = [sys.executable, tmp_path / "script.py"], {**os.environ, "OMP_NUM_THREADS": "2"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.stdout.split() == ["run", "True"], done.stderr
