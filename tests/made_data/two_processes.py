"""A command of GEM in several processes, as torchrun starts them: on one machine, or as if on two."""

import os
import subprocess
import sys

SECONDS = 240


def run_in_two_processes(*arguments: object) -> str:
    """What the command printed; AssertionError with the end of it where the command fails."""
    return run_in_processes(2, *arguments)


def run_in_processes(number: int, *arguments: object) -> str:
    """The same in any number of processes."""
    done = finished_in_processes(number, *arguments)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[:3000]
    return done.stdout


def finished_in_processes(number: int, *arguments: object) -> subprocess.CompletedProcess[str]:
    """How the command ended."""
    return subprocess.run(
        command_in_processes(number, *arguments),
        capture_output=True,
        text=True,
        env=environment_of_processes(),
        timeout=SECONDS,
    )


def command_in_processes(number: int, *arguments: object) -> list[str]:
    """The command line."""
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={number}"]
    return [*launcher, "-m", "gem_plugin", *map(str, arguments)]


def environment_of_processes() -> dict[str, str]:
    """One thread for each, as the machine is small."""
    return {**os.environ, "OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"}
