"""How long it takes until something happens: `gem-em --help`, `import gem_plugin`, the settings of every step.

Other programs make their job forms from the settings, and a shell should feel at once; none of the three loads torch.
"""

import statistics
import subprocess
import sys
import time
from pathlib import Path

N_STARTS = 7
OF_ALL_STEPS = (
    "from gem_plugin.pipeline.step_table import STEPS; [step.settings_class for step in STEPS.values()]"
)
COMMANDS = {  # what is started, and its goal in seconds
    "gem-em --help": ([str(Path(sys.executable).parent / "gem-em"), "--help"], 0.2),
    "import gem_plugin": ([sys.executable, "-c", "import gem_plugin"], 0.3),
    "settings of every step": ([sys.executable, "-c", OF_ALL_STEPS], 0.5),
}


def main() -> None:
    """Start each command several times and print the median."""
    for name, (command, goal) in COMMANDS.items():
        seconds = [_seconds(command) for _ in range(N_STARTS)]
        print(
            f"{name}: median {statistics.median(seconds):.2f} s, slowest {max(seconds):.2f} s (goal {goal} s)"
        )


def _seconds(command: list[str]) -> float:
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
