"""How long `gem-em --help` takes: the goal is under one second, so that the shell feels at once."""

import statistics
import subprocess
import sys
import time
from pathlib import Path

N_STARTS = 7
GOAL_IN_SECONDS = 1.0


def main() -> None:
    """Start the command several times and print the median."""
    command = [str(Path(sys.executable).parent / "gem-em"), "--help"]
    seconds = []
    for _ in range(N_STARTS):
        start = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        seconds.append(time.perf_counter() - start)
    print(
        f"gem-em --help: median {statistics.median(seconds):.2f} s, slowest {max(seconds):.2f} s (goal {GOAL_IN_SECONDS} s)"
    )


if __name__ == "__main__":
    main()
