"""Progress: a bar with the time left in a terminal, one plain line now and then in a log, also for work in one piece."""

import fcntl
import io
import os
import re
import select
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path

import pytest

from gem_plugin import progress as progress_module
from gem_plugin.errors import StopRequestedError
from gem_plugin.progress import SECONDS_BETWEEN_LOG_LINES, Progress, counted, meter


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
    assert re.fullmatch(r"maps: 4 maps in \d+\.\d s", lines[-1])
    assert "\r" not in log.getvalue()


@pytest.mark.parametrize(
    ("number", "unit", "expected"),
    [
        (1, "batch", "1 batch"),
        (32, "batch", "32 batches"),
        (60, "epoch", "60 epochs"),
        (0, "map", "0 maps"),
        (20, "map", "20 maps"),
        (2, "box", "2 boxes"),
        (3, "trajectory", "3 trajectories"),
        (3, "key", "3 keys"),
    ],
)
def test_things_are_counted_in_plain_english(number: int, unit: str, expected: str) -> None:
    assert counted(number, unit) == expected


def test_the_end_of_a_loop_counts_its_steps() -> None:
    log = io.StringIO()
    list(Progress(log).track(range(1), "batches", unit="batch"))
    list(Progress(log).track(range(2), "rounds"))
    assert re.fullmatch(r"batches: 1 batch in 0\.0 s\nrounds: 2 steps in 0\.0 s\n", log.getvalue())


def test_the_speed_is_in_whole_words() -> None:
    assert meter(10, 20, 2.0, "fit", "batch").endswith("5.00 batches/s]")
    assert meter(10, 20, 20.0, "fit", "batch").endswith("2.00s/batch]")


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
    assert re.search(r" maps/s\]", terminal.getvalue())
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


def test_a_loop_in_a_piece_of_work_tells_the_time_left_in_place_of_the_clock() -> None:
    log = io.StringIO()
    progress = Progress(log, seconds_between_lines=0.05)
    with progress.waiting("UMAP"):
        for _ in progress.track(range(4), "UMAP epochs", unit="epoch"):
            time.sleep(0.12)
    lines = log.getvalue().splitlines()
    assert [line for line in lines if "so far" in line] == []
    assert re.search(r"UMAP epochs: +50% 2/4 \[\d\d:\d\d<\d\d:\d\d", lines[1])
    assert re.fullmatch(r"UMAP: \d\.\d s", lines[-1])
    assert not any(line.startswith("UMAP epochs: 4 epochs in") for line in lines), "one end, not two"


def test_a_loop_that_is_left_early_gives_the_clock_its_voice_back() -> None:
    log = io.StringIO()
    progress = Progress(log, seconds_between_lines=0.05)
    with progress.waiting("k-means"):
        rounds = progress.track(range(9), "rounds")
        next(rounds)
        del rounds
        time.sleep(0.2)
    assert "k-means: 00:00 so far" in log.getvalue()


def test_work_that_took_no_time_is_not_worth_a_line() -> None:
    log = io.StringIO()
    with Progress(log).waiting("reading"):
        pass
    assert log.getvalue() == ""


SHAPE_OF_THE_TERMINAL = (24, 100)  # rows, columns
SIMULATE = ["simulate", "--n-particles", "3000", "--box", "48", "--apix", "6"]
WITH_A_SHORT_PACE = """
import sys
from gem_plugin import progress
progress.Progress.__init__.__defaults__ = (None, progress._nothing, 0.0)  # a line after every round
from gem_plugin.cli.main import main
main()
"""
TIME_LEFT = r"simulating: .*\d+/30 \[\d\d:\d\d<\d\d:\d\d, "


def test_a_real_command_writes_plain_lines_into_a_pipe(tmp_path: Path) -> None:
    command = [sys.executable, "-c", WITH_A_SHORT_PACE, *SIMULATE, "--out", str(tmp_path / "data")]
    done = subprocess.run(command, capture_output=True, timeout=120)
    assert done.returncode == 0, done.stderr.decode()
    text = done.stdout.decode()
    assert "\r" not in text
    assert "\x1b" not in text
    lines = [line for line in text.splitlines() if re.match(TIME_LEFT, line)]
    assert len(lines) == 30
    assert done.stderr == b""


def test_a_real_command_draws_a_bar_in_a_terminal(tmp_path: Path) -> None:
    code = "from gem_plugin.cli.main import main; main()"
    command = [sys.executable, "-c", code, *SIMULATE, "--out", str(tmp_path / "data")]
    ours, terminal = os.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", *SHAPE_OF_THE_TERMINAL, 0, 0))
    with subprocess.Popen(command, stdin=terminal, stdout=terminal, stderr=terminal) as process:
        os.close(terminal)
        text = read_all(ours, seconds=120)
        process.wait(timeout=10)
    assert process.returncode == 0, text
    bars = [piece for piece in re.split(r"[\r\n]+", text) if re.match(TIME_LEFT, piece)]
    assert len(bars) > 1, text
    assert all(re.match(r"simulating: +\d+%\|.*\| \d+/30 ", bar) for bar in bars)
    assert re.search(r"\r" + TIME_LEFT, text), "each is drawn over the one before"


def read_all(terminal: int, seconds: float) -> str:
    """What is written to the other side until it is closed."""
    pieces, end = [], time.monotonic() + seconds
    while time.monotonic() < end:
        if not select.select([terminal], [], [], 0.5)[0]:
            continue
        try:
            piece = os.read(terminal, 65536)
        except OSError:  # Linux: the program has ended
            break
        if not piece:
            break
        pieces.append(piece)
    os.close(terminal)
    return b"".join(pieces).decode(errors="replace")
