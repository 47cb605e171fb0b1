"""Settings of rerun."""

from dataclasses import dataclass
from pathlib import Path

from gem_plugin.settings import setting


@dataclass(frozen=True)
class RerunSettings:
    """Where to."""

    out: Path | None = setting(None, "New folder; default: the old name with _again.")
