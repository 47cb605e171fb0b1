"""Locks, processes, memory and syncing on systems that lack what Linux has."""

import builtins
import math
import os
import subprocess
import sys
import types
from pathlib import Path
from typing import Any

import pytest

from gem_plugin import operating_system
from gem_plugin.errors import RunError
from gem_plugin.io.run.files import RunFiles
from gem_plugin.io.run.lock import locked_run
from gem_plugin.io.whole_files import remove_unfinished_files, write_text_whole
from gem_plugin.operating_system import (
    LOCKED_BYTE,
    free_memory_in_bytes,
    is_process_running,
    lock_without_waiting,
    n_processors,
    sync_file,
    sync_folder,
)


class FakeMsvcrt(types.ModuleType):
    """Windows's locks: of bytes, refused with PermissionError."""

    LK_NBLCK = 2

    def __init__(self) -> None:
        super().__init__("msvcrt")
        self.calls: list[tuple[int, int]] = []
        self.is_held = False

    def locking(self, number: int, mode: int, n_bytes: int) -> None:
        self.calls.append((os.lseek(number, 0, os.SEEK_CUR), n_bytes))
        if self.is_held:
            raise PermissionError(13, "Permission denied")


@pytest.fixture
def windows(monkeypatch: pytest.MonkeyPatch) -> FakeMsvcrt:
    """What Windows lacks is gone: fcntl, SIGHUP is not used here, folders cannot be opened."""
    fake, really_open = FakeMsvcrt(), os.open

    def open_no_folder(path: Any, *arguments: Any) -> int:
        if Path(path).is_dir():
            raise PermissionError(13, "Permission denied")
        return really_open(path, *arguments)

    monkeypatch.setattr(operating_system.sys, "platform", "win32")
    monkeypatch.setitem(sys.modules, "fcntl", None)
    monkeypatch.setitem(sys.modules, "msvcrt", fake)
    monkeypatch.setattr(operating_system.os, "open", open_no_folder)
    return fake


@pytest.fixture
def without_proc(monkeypatch: pytest.MonkeyPatch) -> None:
    """macOS has no /proc."""
    really_open, really_exists = builtins.open, Path.exists

    def open_elsewhere(path: Any, *arguments: Any, **named: Any) -> Any:
        if str(path).startswith("/proc"):
            raise FileNotFoundError(2, "No such file or directory", str(path))
        return really_open(path, *arguments, **named)

    monkeypatch.setattr(builtins, "open", open_elsewhere)
    monkeypatch.setattr(
        Path, "exists", lambda path: not str(path).startswith("/proc") and really_exists(path)
    )


def test_a_second_lock_is_refused(tmp_path: Path) -> None:
    with open(tmp_path / "lock", "a+") as first, open(tmp_path / "lock", "a+") as second:
        lock_without_waiting(first)
        with pytest.raises(BlockingIOError):
            lock_without_waiting(second)


def test_a_run_is_locked_on_windows_too(windows: FakeMsvcrt, tmp_path: Path) -> None:
    run = RunFiles(tmp_path / "RUN")
    with locked_run(run):
        assert f"process {os.getpid()}" in run.lock.read_text()
    assert windows.calls == [(LOCKED_BYTE, 1)]
    windows.is_held = True
    with pytest.raises(RunError, match="Another process works in"), locked_run(run):
        pass


def test_whole_files_are_written_on_windows(windows: FakeMsvcrt, tmp_path: Path) -> None:
    write_text_whole(tmp_path / "a" / "b.txt", "text")
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["b.txt"]
    unfinished = tmp_path / ".c.part1.txt"
    unfinished.touch()
    assert remove_unfinished_files(tmp_path) == []  # nobody can say whether its process runs


def test_files_of_running_processes_stay_where_there_is_no_proc(without_proc: None, tmp_path: Path) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    ours, theirs = tmp_path / f".a.part{os.getpid()}.npy", tmp_path / f".a.part{ended.pid}.npy"
    ours.touch()
    theirs.touch()
    assert remove_unfinished_files(tmp_path) == [theirs]
    assert ours.is_file()


def test_a_process_of_another_user_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(number: int, signal: int) -> None:
        raise PermissionError(1, "Operation not permitted")

    assert is_process_running(os.getpid())
    assert not is_process_running(2**62)
    monkeypatch.setattr(operating_system.os, "kill", refuse)
    assert is_process_running(1)


def test_memory_of_a_mac_is_half_of_what_is_installed(
    without_proc: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes = {"SC_PAGE_SIZE": 16_384, "SC_PHYS_PAGES": 2**20}
    monkeypatch.setattr(operating_system.os, "sysconf", sizes.__getitem__)
    assert free_memory_in_bytes() == 8 * 2**30


def test_memory_of_windows_is_not_known(without_proc: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(operating_system.os, "sysconf")
    assert math.isinf(free_memory_in_bytes())


def test_memory_of_linux_is_what_is_available() -> None:
    assert 1e6 < free_memory_in_bytes() < 1e15


def test_syncing_leaves_the_content(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("text")
    sync_file(tmp_path / "a")
    sync_folder(tmp_path)
    sync_folder(tmp_path / "absent")
    assert (tmp_path / "a").read_text() == "text"


def test_processors_that_a_queue_gave_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {0, 3, 7}, raising=False)
    assert n_processors() == 3


def test_all_processors_where_the_system_does_not_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 10)
    assert n_processors() == 10
