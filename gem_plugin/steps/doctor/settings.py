"""Settings of doctor."""

from dataclasses import dataclass
from pathlib import Path

from gem_plugin.settings import setting


@dataclass(frozen=True)
class DoctorSettings:
    """What to look at."""

    folder: Path = setting(Path("."), "Folder whose disk is tested: where the runs will be.")
    self_test: bool = setting(True, "Make and reconstruct a small data set: ten seconds.")
