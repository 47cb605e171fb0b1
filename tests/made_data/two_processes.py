"""A command of GEM in two processes of one machine, as torchrun starts them."""

import os
import subprocess
import sys

SECONDS = 240


def run_in_two_processes(*arguments: object) -> str:
    """What the command printed; AssertionError with the end of it where the command fails."""
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    done = subprocess.run(
        [*launcher, "-m", "gem_plugin", *map(str, arguments)],
        capture_output=True,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"},
        timeout=SECONDS,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout
