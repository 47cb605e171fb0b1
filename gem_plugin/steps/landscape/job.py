"""What every stage of the two landscape steps works with."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gem_plugin.io.run.files import RunFiles
from gem_plugin.io.run.landscape_files import LandscapeFiles
from gem_plugin.landscape.volume_source import VolumeSource
from gem_plugin.progress import Progress
from gem_plugin.results.stage_records import StageRecords

if TYPE_CHECKING:
    from gem_plugin.steps.landscape.settings import LandscapeSettings


@dataclass(frozen=True)
class LandscapeJob:
    """One call of the landscape step."""

    source: VolumeSource
    files: LandscapeFiles
    records: StageRecords  # which stages of an earlier call are still valid
    run: RunFiles
    settings: LandscapeSettings
    progress: Progress

    @property
    def figures(self) -> Path:
        """Beside the other figures of the run, unless another folder was asked for."""
        return self.run.figures if self.settings.outdir is None else self.files.root / "figures"
