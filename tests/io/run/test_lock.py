"""One process a folder, and what is written down about every step."""

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from gem_plugin.errors import InputError, RunError
from gem_plugin.io.mrc.header import mrc_header_bytes
from gem_plugin.io.run.files import RunFiles
from gem_plugin.io.run.lock import locked_run
from gem_plugin.io.run.manifest import check_identity, read_manifest, record_end, record_start
from gem_plugin.version import __version__

HOLD = """
import sys, pathlib
from gem_plugin.io.run.files import RunFiles
from gem_plugin.io.run.lock import locked_run
with locked_run(RunFiles(pathlib.Path(sys.argv[1]))):
    print("held", flush=True)
    sys.stdin.read()
"""


@dataclass(frozen=True)
class _Settings:
    particles: Path
    epochs: int = 3


def test_a_second_process_is_refused_until_the_first_is_killed(tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLD, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(RunError, match=f"Another process works in .*process {holder.pid} on"):
            locked_run(RunFiles(tmp_path)).__enter__()
        holder.kill()
        holder.wait()
    with locked_run(RunFiles(tmp_path)), locked_run(RunFiles(tmp_path)):  # ours twice is no contradiction
        pass


def test_the_manifest_tells_inputs_command_and_end(tmp_path: Path) -> None:
    run, star = RunFiles(tmp_path / "run"), tmp_path / "p.star"
    star.write_text("data_\n")
    record_start(run, "prepare", _Settings(star))
    entry = read_manifest(run)["prepare"]
    assert entry["finished"] is None
    assert entry["inputs"]["particles"]["size"] == 6
    assert len(entry["inputs"]["particles"]["sha256"]) == 64
    assert entry["versions"]["torch"]
    record_end(run, "prepare")
    assert read_manifest(run)["prepare"]["finished"].endswith("Z")
    check_identity("prepare", entry["inputs"]["particles"])
    star.write_text("data_x")
    with pytest.raises(InputError, match="has changed since the run"):
        check_identity("prepare", entry["inputs"]["particles"])
    star.unlink()
    with pytest.raises(InputError, match="is gone"):
        check_identity("prepare", entry["inputs"]["particles"])


def test_a_broken_manifest_is_named(tmp_path: Path) -> None:
    run = RunFiles(tmp_path)
    for text in ("{", "[]"):
        run.manifest.write_text(text)
        with pytest.raises(InputError, match=r"manifest\.json"):
            read_manifest(run)


def test_maps_say_which_program_made_them() -> None:
    header = mrc_header_bytes((4, 4, 4), 1.0, True, (0.0, 1.0, 0.5, 0.1))
    assert f"gem-em {__version__}".encode() in header
    assert len(header) == 1024
