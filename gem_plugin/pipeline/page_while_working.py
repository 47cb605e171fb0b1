"""What the preliminary report says while the steps are done, and the bar in the log that says where the time went."""

import contextlib
from collections.abc import Iterator
from typing import Any

from gem_plugin.io.run.aside import is_made_aside
from gem_plugin.io.run.files import RunFiles
from gem_plugin.io.run.preliminary_report import drop_preliminary_report, say_in_preliminary_report
from gem_plugin.progress import Progress
from gem_plugin.results.time_spent import bar_in_text, parts_of_run

STEPS_BEFORE_THE_PICTURE = ("prepare", "consensus")
LENGTH_OF_ERROR = 600  # characters


@contextlib.contextmanager
def said_in_page(step: str, run: RunFiles, settings: Any) -> Iterator[None]:
    """Keep the preliminary page true: which step is running, and that one has failed. A final report is never touched."""
    if step in STEPS_BEFORE_THE_PICTURE or (step == "train" and is_made_aside(step, run)):
        yield  # until it has ended, the run is what it was
        drop_preliminary_report(run)
        return
    if step == "train" and not settings.resume:
        drop_preliminary_report(run)
    elif step != "train":  # which writes the page anew
        _say(run, f"Training has ended; {step} is running. {PRELIMINARY}", is_going_on=True)
    try:
        yield
    except BaseException as error:
        words = " ".join(str(error).split())[:LENGTH_OF_ERROR] or type(error).__name__
        _say(run, f"{step} has stopped: {words} {OF_BEFORE}", is_going_on=False)
        raise
    _say(run, f"{step} has ended. {PRELIMINARY} {IF_NOTHING_FOLLOWS}", is_going_on=True)


PRELIMINARY = (
    "The picture is that of the training and preliminary; the report replaces it when the run has ended."
)
IF_NOTHING_FOLLOWS = "Where no other step follows, `gem-em report` writes it."
OF_BEFORE = "The picture is what training had found before. The same command, or Continue, resumes from the last finished part."


def _say(run: RunFiles, sentence: str, is_going_on: bool) -> None:
    with contextlib.suppress(OSError):  # the step has its own words for a full disk
        say_in_preliminary_report(run, sentence, is_going_on)


def say_times(run: RunFiles, progress: Progress) -> None:
    """One bar of the time of all steps that the run has, train in its phases."""
    for line in bar_in_text(parts_of_run(run)):
        progress.say(line)
