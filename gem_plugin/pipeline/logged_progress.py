"""Progress that also keeps every line in the log file of the run."""

import time
from pathlib import Path
from typing import Any

from gem_plugin.progress import Progress


class LoggedProgress(Progress):
    """Progress that also keeps every line, with its time, in the log file of the run."""

    def __init__(self, log: Path, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.log = log

    def say(self, message: str) -> None:
        super().say(message)
        self._keep(message)

    def _say_warning(self, sentence: str) -> None:
        super()._say_warning(sentence)
        self._keep(f"WARNING: {sentence}")

    def _keep(self, message: str) -> None:
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with open(self.log, "a", encoding="utf-8") as handle:
            handle.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')}  {message}\n")
