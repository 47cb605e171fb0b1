"""Progress in the log of an external job: lines, one line in place for each loop, and new figures as they appear."""

import contextlib
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from gem_plugin.adapters.cryosparc.external_job import ExternalJob
from gem_plugin.adapters.cryosparc.figures import training_figure
from gem_plugin.errors import InputError, RunError
from gem_plugin.io.run.files import RunFiles
from gem_plugin.pipeline.logged_progress import LoggedProgress
from gem_plugin.progress import Item, counted, every, meter, number_of, time_so_far
from gem_plugin.reports.figures.order import figure_files

SECONDS_BETWEEN_LINES = {5: 10.0, 4: 120.0}  # 4.7 cannot update a line, so it gets few
MINIMUM_SECONDS_FOR_A_LINE = 10.0  # what took less is reported in the local log only
SECONDS_BETWEEN_FIGURES = 60.0


class CryosparcProgress(LoggedProgress):
    """Says everything here and in CryoSPARC; a log that cannot be written for a moment stops no work."""

    def __init__(
        self, run: RunFiles, job: ExternalJob, check_stop: Callable[[], None], **options: Any
    ) -> None:
        super().__init__(run.log, check_stop=check_stop, **options)
        self.job = job
        self.figures = FigurePublisher(run, job)
        self._seconds_between_updates = SECONDS_BETWEEN_LINES[5 if job.is_generation_5 else 4]

    def say(self, message: str) -> None:
        super().say(message)
        self._send(lambda: self.job.log(message))

    def _say_warning(self, sentence: str) -> None:
        super()._say_warning(sentence)
        self._send(lambda: self.job.log(sentence, "warning"))

    def track(
        self, items: Iterable[Item], description: str, total: int | None = None, unit: str = "step"
    ) -> Iterator[Item]:
        total = number_of(items) if total is None else total
        start = last_update = time.monotonic()
        done = 0
        for item in super().track(items, description, total, unit):
            yield item
            done += 1
            now = time.monotonic()
            if now - last_update >= self._seconds_between_updates:
                last_update = now
                self._send_line(description, meter(done, total, now - start, description, unit))
                self._send(self.figures.publish_when_due)
        self._send_end(
            description, f"{description}: {counted(done, unit)}", start, was_shown=last_update > start
        )

    @contextlib.contextmanager
    def waiting(self, description: str) -> Iterator[None]:
        start = time.monotonic()

        def show() -> None:
            if not self._n_loops:  # which show themselves
                self._send_line(description, time_so_far(description, start))

        with every(self._seconds_between_updates, show), super().waiting(description):
            yield
        self._send_end(description, description, start)

    def checkpoint(self) -> None:
        """A line in the log to which CryoSPARC's page can jump."""
        self._send(self.job.checkpoint)

    def show_new_figures(self) -> None:
        """Show what the last step drew."""
        self._send(self.figures.publish)

    def show(self, figure: Any, text: str) -> None:
        """Show one figure."""
        self._send(lambda: self.job.log_plot(figure, text))

    def set_tile(self, figure: Any) -> None:
        """Make a figure the picture of the job in the workspace."""
        self._send(lambda: self.job.set_tile_image(figure))

    def _say_state(self, message: str) -> None:
        """Loops and clocks go to the local log; CryoSPARC gets its lines in place."""
        super().say(message)

    def _say_end(self, message: str) -> None:
        super().say(message)

    def _send_end(self, description: str, text: str, start: float, was_shown: bool = False) -> None:
        seconds = time.monotonic() - start
        if was_shown or seconds >= MINIMUM_SECONDS_FOR_A_LINE:
            self._send_line(description, f"{text} in {seconds:.1f} s")

    def _send_line(self, description: str, text: str) -> None:
        self._send(lambda: self.job.log_in_place(description, text))

    def _send(self, call: Callable[[], None]) -> None:
        try:
            call()
        except (RunError, InputError) as error:
            super().say(f"(not shown in CryoSPARC: {error})")


class FigurePublisher:
    """Shows in the job each figure of the run that is new or has changed, and the training curve as it grows."""

    def __init__(self, run: RunFiles, job: ExternalJob) -> None:
        self.run, self.job = run, job
        self._shown: dict[Path, float] = {}  # path -> time of change when it was shown
        self._last_time = time.monotonic()

    def publish_when_due(self) -> None:
        if time.monotonic() - self._last_time >= SECONDS_BETWEEN_FIGURES:
            self.publish()

    def publish(self) -> None:
        """Show what is new."""
        self._last_time = time.monotonic()
        if not self.run.history.is_symlink() and self._is_new(self.run.history):
            figure = training_figure(self.run.history)
            if figure is not None:
                self.job.log_plot(figure, "Training")
        for path in figure_files(self.run):
            if self._is_new(path):
                self.job.log_plot(
                    path, path.relative_to(self.run.root).with_suffix("").as_posix().replace("/", " ")
                )

    def _is_new(self, path: Path) -> bool:
        try:
            changed = path.stat().st_mtime
        except OSError:
            return False
        if self._shown.get(path) == changed:
            return False
        self._shown[path] = changed
        return True
