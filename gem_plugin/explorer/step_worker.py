"""The process that does one step for the page: `python -m gem_plugin.explorer.step_worker STEP RUN`, settings on standard input.

Every line of standard output is JSON: what it does and how far it is, then its numbers or why it failed. It ends when it
is asked to (SIGTERM), and when the explorer that started it is gone; the run then is what it was before.
"""

import json
import os
import sys
import time
import traceback
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, TextIO

from gem_plugin.adapters.relion.worker import StopWatch
from gem_plugin.errors import GemError, StopRequestedError
from gem_plugin.io.run.files import RunFiles
from gem_plugin.pipeline.last_settings import settings_with_last
from gem_plugin.pipeline.logged_progress import LoggedProgress
from gem_plugin.pipeline.run_steps import run_step
from gem_plugin.pipeline.step_table import STEPS
from gem_plugin.progress import Item, number_of

SECONDS_BETWEEN_LINES = 0.2
NICENESS = 10  # so that the page stays quick


class ReportedProgress(LoggedProgress):
    """Progress as JSON lines, a few in a second; sentences go into the log of the run as well."""

    def __init__(self, run: RunFiles, stop: StopWatch, lines: TextIO) -> None:
        self._nothing = open(os.devnull, "w")  # noqa: SIM115
        super().__init__(run.log, self._nothing, check_stop=stop.check)
        self._lines = lines
        self._last = 0.0

    def say(self, message: str) -> None:
        super().say(message)
        self.tell({"words": message})

    def tell(self, line: dict[str, Any]) -> None:
        print(json.dumps(line, default=str), file=self._lines, flush=True)

    def track(
        self, items: Iterable[Item], description: str, total: int | None = None, unit: str = "step"
    ) -> Iterator[Item]:
        total = number_of(items) if total is None else total
        for done, item in enumerate(super().track(items, description, total, unit)):
            now = time.monotonic()
            if now - self._last > SECONDS_BETWEEN_LINES:
                self._last = now
                self.tell({"words": description, "fraction": done / total if total else None})
            yield item

    def close(self) -> None:
        self._nothing.close()


def main() -> None:
    """Do the step; what goes wrong is the last line."""
    name, root = sys.argv[1:3]
    values = json.load(sys.stdin)
    os.nice(NICENESS)
    lines = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what libraries print is no line of ours
    run = RunFiles(Path(root))
    progress = ReportedProgress(run, StopWatch(), lines)
    try:
        step = STEPS[name]
        numbers = run_step(step, run, settings_with_last(step, run, values, progress), progress)
        progress.tell({"numbers": numbers})
    except StopRequestedError:
        progress.tell({"stopped": True})
    except (GemError, OSError, MemoryError) as error:
        progress.tell({"error": str(error) or type(error).__name__})
    except Exception as error:
        traceback.print_exc()
        progress.tell(
            {"error": f"{type(error).__name__}: {error} (the terminal of gem-em explore shows where)"}
        )
    finally:
        progress.close()
        lines.close()


if __name__ == "__main__":
    main()
