"""What every stage of the landscape step works with."""

from dataclasses import dataclass
from pathlib import Path

from gem_plugin.io.run.files import RunFiles
from gem_plugin.io.run.landscape_files import LandscapeFiles
from gem_plugin.landscape.volume_source import VolumeSource
from gem_plugin.progress import Progress
from gem_plugin.results.particle_file import ParticleFile
from gem_plugin.results.stage_records import StageRecords
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
    original: ParticleFile | None  # the particles of the run; None for the run of another program

    @property
    def figures(self) -> Path:
        """Beside the other figures of the run, unless another folder was asked for."""
        return self.run.figures if self.settings.outdir is None else self.files.figures


def is_of_run(job: LandscapeJob) -> bool:
    """Whether this is the landscape of the run; checks and verdicts are of that one alone."""
    return job.files.root == job.run.landscape.root
