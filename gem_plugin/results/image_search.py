"""The settings of steps that say where images are, and how the log names the folder that was taken."""

from pathlib import Path
from typing import Protocol

from gem_plugin.io.project_folder import FoundStacks, ImageSearch
from gem_plugin.notices import warn
from gem_plugin.progress import Progress


class ImageSettings(Protocol):
    """What the settings of a step that reads images have in common."""

    @property
    def project_folder(self) -> Path | None: ...
    @property
    def datadir(self) -> Path | None: ...
    @property
    def strip_prefix(self) -> str | None: ...


def image_search(settings: ImageSettings) -> ImageSearch:
    """Where to look for images by the settings of a step; InputError where they contradict each other."""
    search = ImageSearch(settings.project_folder, settings.datadir, settings.strip_prefix)
    search.check()
    return search


def report_found_stacks(stacks: FoundStacks, progress: Progress) -> None:
    """The folder in the log, and a warning where other images may be meant."""
    progress.say(stacks.remark)
    for doubt in stacks.doubts:
        warn(doubt)
