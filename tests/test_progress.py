"""Progress: a bar with the time left in a terminal, one plain line now and then in a log, also for work in one piece."""

import io
import re
import time

import pytest

from gem_plugin import progress as progress_module
from gem_plugin.errors import StopRequestedError
from gem_plugin.progress import SECONDS_BETWEEN_LOG_LINES, Progress


class Terminal(io.StringIO):
    """A stream that says that a person watches."""

    def isatty(self) -> bool:
        return True


def stop() -> None:
    raise StopRequestedError("stop")


def test_a_log_gets_plain_lines_with_the_time_left() -> None:
    log = io.StringIO()
    for _ in Progress(log, seconds_between_lines=0.05).track(range(4), "maps", unit="map"):
        time.sleep(0.06)
    lines = log.getvalue().splitlines()
    assert len(lines) == 5, "one after each map, and the end"
    assert re.search(r"maps.*2/4 \[\d\d:\d\d<\d\d:\d\d", lines[1]), "done, total, so far < left"
    assert re.fullmatch(r"maps: 4 map in \d+\.\d s", lines[-1])
    assert "\r" not in log.getvalue()


def test_a_quick_loop_says_one_line_only() -> None:
    log = io.StringIO()
    list(Progress(log).track(range(1000), "maps"))
    assert len(log.getvalue().splitlines()) == 1
    assert SECONDS_BETWEEN_LOG_LINES == 30


def test_a_terminal_gets_a_bar_with_the_time_left() -> None:
    terminal = Terminal()
    for _ in Progress(terminal).track(range(3), "maps", unit="map"):
        time.sleep(0.11)
    assert "\r" in terminal.getvalue()
    assert re.search(r"maps: .*\| [12]/3 \[\d\d:\d\d<\d\d:\d\d, ", terminal.getvalue())


def test_work_in_one_piece_tells_a_log_how_long_it_has_taken() -> None:
    log = io.StringIO()
    with Progress(log, seconds_between_lines=0.05).waiting("UMAP"):
        time.sleep(0.5)
    lines = log.getvalue().splitlines()
    assert len(lines) >= 2
    assert all(re.fullmatch(r"UMAP: \d\d:\d\d so far", line) for line in lines[:-1])
    assert re.fullmatch(r"UMAP: \d+\.\d s", lines[-1])
    time.sleep(0.1)
    assert log.getvalue().splitlines() == lines, "it is silent afterwards"


def test_work_in_one_piece_has_a_clock_in_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress_module, "SECONDS_BETWEEN_TICKS", 0.02)
    terminal = Terminal()
    with Progress(terminal).waiting("UMAP"):
        time.sleep(0.1)
    assert re.search(r"UMAP: \d\d:\d\d so far", terminal.getvalue())


def test_a_stop_is_heard_in_loops_and_after_work_in_one_piece() -> None:
    progress = Progress(io.StringIO(), check_stop=stop)
    with pytest.raises(StopRequestedError):
        list(progress.track(range(3), "maps"))
    with pytest.raises(StopRequestedError), progress.waiting("UMAP"):
        pass


def test_an_error_in_the_work_comes_through_and_ends_the_clock() -> None:
    log = io.StringIO()
    with pytest.raises(ValueError, match="broken"), Progress(log, seconds_between_lines=0.02).waiting("UMAP"):
        raise ValueError("broken")
    time.sleep(0.06)
    assert log.getvalue() == ""
