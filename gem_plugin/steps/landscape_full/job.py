"""What every part of landscape-full works with."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from gem_plugin.io.run.files import RunFiles
from gem_plugin.io.run.landscape_files import FullLandscapeFiles, LandscapeFiles
from gem_plugin.io.run.outliers import particles_in_states
from gem_plugin.landscape.volume_source import VolumeSource
from gem_plugin.progress import Progress
from gem_plugin.results.components import VolumeComponents
from gem_plugin.results.particle_file import ParticleFile
from gem_plugin.results.run import Run
from gem_plugin.steps.landscape_full.settings import LandscapeFullSettings


@dataclass(frozen=True)
class FullLandscapeJob:
    """One call of the landscape-full step."""

    source: VolumeSource
    basis: VolumeComponents  # mask and components of the sketch
    full: FullLandscapeFiles
    run: RunFiles
    settings: LandscapeFullSettings
    progress: Progress
    original: ParticleFile | None  # the particles of the run; None for the run of another program
    landscape: LandscapeFiles  # of the sketch

    @cached_property
    def is_used(self) -> np.ndarray:  # (n,) bool
        """The particles that count in states and populations: neither excluded nor outliers."""
        return particles_in_states(self.run, self.source.n_particles)

    @cached_property
    def particle_indices(self) -> np.ndarray:  # (n,) int64
        """The particle of every row; each its own in the run of another program."""
        opened = Run(self.run)
        return opened.particles.particle_indices if opened.is_prepared else np.arange(self.source.n_particles)

    @property
    def figures(self) -> Path:
        """Beside the other figures of the run, unless another folder was asked for."""
        return self.run.figures if self.settings.outdir is None else self.full.figures
