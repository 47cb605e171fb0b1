"""A project folder and a way to start External jobs with the fake steps in it."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

HERE = Path(__file__).parent
WATCHED = """
import sys
from gem_plugin.adapters.relion.watcher import run_external_job
sys.exit(run_external_job([sys.executable, sys.argv[1], sys.argv[2]], sys.argv[3:]))
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty project folder, and the working folder, as RELION has it."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def hear_hangup() -> None:
    """Also where the tests themselves run under nohup."""
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.fixture
def start_job(project: Path) -> Callable[..., subprocess.Popen]:
    """Start a job of the fake steps as RELION would: one shell-like command, the project as working folder."""

    def start(name: str, *arguments: str) -> subprocess.Popen:
        command = [sys.executable, "-c", WATCHED, str(HERE / "fake_worker.py"), name, *arguments]
        return subprocess.Popen(
            command,
            cwd=project,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ,
            preexec_fn=hear_hangup,
        )

    return start


@pytest.fixture
def run_job(start_job: Callable[..., subprocess.Popen]) -> Callable[..., subprocess.CompletedProcess]:
    """Run such a job to its end."""

    def run(name: str, *arguments: str) -> subprocess.CompletedProcess:
        process = start_job(name, *arguments)
        out, err = process.communicate(timeout=60)
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)

    return run
