"""Progress in the log of an external job: lines, one line in place for each loop, and pictures.

Nothing here waits for the server: a thread sends it, and the work continues while the server is away.
"""

import contextlib
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from gem_plugin.adapters.cryosparc.external_job import ExternalJob
from gem_plugin.adapters.cryosparc.log_sender import LogSender
from gem_plugin.adapters.cryosparc.pictures import JobPictures
from gem_plugin.adapters.cryosparc.retries import NO_PATIENCE
from gem_plugin.io.run.files import RunFiles
from gem_plugin.pipeline.logged_progress import LoggedProgress
from gem_plugin.progress import Item, counted, every, meter, number_of, time_so_far
from gem_plugin.reports.training_page import TrainingView

SECONDS_BETWEEN_LINES = {5: 10.0, 4: 120.0}  # 4.7 cannot update a line, so it gets few
MINIMUM_SECONDS_FOR_A_LINE = 10.0  # what took less is reported in the local log only


class CryosparcProgress(LoggedProgress):
    """Says everything here and in CryoSPARC; a log that cannot be written for a moment stops no work."""

    def __init__(
        self, run: RunFiles, job: ExternalJob, check_stop: Callable[[], None], **options: Any
    ) -> None:
        super().__init__(run.log, check_stop=check_stop, **options)
        self.job = job
        self.warnings: list[str] = []  # in full, in their order
        self.sender = LogSender(lambda what: LoggedProgress.say(self, f"(not shown in CryoSPARC: {what})"))
        self.pictures = JobPictures(run, self._send_picture)
        self._seconds_between_updates = SECONDS_BETWEEN_LINES[5 if job.is_generation_5 else 4]

    def say(self, message: str) -> None:
        super().say(message)
        self.log_only(message)

    def log_only(self, message: str, level: str = "text") -> None:
        """A text for CryoSPARC's log alone."""
        self.sender.put(lambda: self.job.log(message, level, NO_PATIENCE))

    def _say_warning(self, sentence: str) -> None:
        super()._say_warning(sentence)
        self.warnings.append(sentence)
        self.log_only(sentence, "warning")

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
                self.pictures.show_curve_when_due()
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

    def show_preview(self, view: object) -> None:
        assert isinstance(view, TrainingView)
        self.pictures.preview = view
        self.pictures.show_curve_when_due()

    def checkpoint(self) -> None:
        """A line in the log to which CryoSPARC's page can jump."""
        self.sender.put(lambda: self.job.checkpoint(NO_PATIENCE))

    def set_tile(self, picture: bytes) -> None:
        """Make a PNG file the picture of the job in the workspace."""
        self.sender.put(lambda: self.job.set_tile_image(picture, NO_PATIENCE), "tile")

    def set_output_image(self, name: str, picture: bytes) -> None:
        """Make a PNG file the picture of an output."""
        self.sender.put(lambda: self.job.set_output_image(name, picture, NO_PATIENCE))

    def _send_picture(self, picture: bytes, text: str) -> None:
        self.sender.put(lambda: self.job.log_plot(picture, text, NO_PATIENCE))

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
        is_replaced = self.job.is_generation_5  # 4.7 shows each as a new line
        self.sender.put(
            lambda: self.job.log_in_place(description, text, NO_PATIENCE),
            f"line {description}" if is_replaced else None,
        )
