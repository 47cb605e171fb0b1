"""Runs of simulated tilt series: prepared tables with states that are given, or with images, a model and its landscape."""

import io
from pathlib import Path
from typing import Any

import numpy as np
from arm_model import arm_source, ring_latents
from tilt_projects import RELION, read, simulate_small

from gem_plugin.io.array_files import write_array
from gem_plugin.io.mrc.stacks import write_stack
from gem_plugin.io.run.files import RunFiles
from gem_plugin.landscape.volume_source import VolumeSource
from gem_plugin.particles.prepared import ParticleOrigin, save_prepared_table
from gem_plugin.particles.tilt_series.images import TiltImageReader
from gem_plugin.particles.tilt_series.saved import save_tilt_series, table_of_particles
from gem_plugin.progress import Progress
from gem_plugin.steps.landscape.settings import LandscapeSettings
from gem_plugin.steps.landscape.step import map_landscape


def make_tilt_run(
    project: Path, folder: Path, form: str = RELION, states: np.ndarray | None = None, **options: Any
) -> RunFiles:
    """As prepare leaves it, with the states of a landscape where they are given."""
    run = RunFiles(folder)
    particles = read(project / form, **options)
    run.prepared_tilt_series.parent.mkdir(parents=True)
    save_tilt_series(run.prepared_tilt_series, particles, np.ones(len(particles.images), np.float32))
    origin = ParticleOrigin(particles.path, None, particles.box_size, particles.pixel_size_in_angstroms)
    save_prepared_table(
        run.prepared_table, table_of_particles(particles), np.ones(particles.box_size // 2 + 1), origin
    )
    if states is not None:
        run.landscape.root.mkdir(parents=True)
        write_array(run.landscape.particle_states, states)
    return run


def make_tilt_run_with_model(folder: Path) -> tuple[RunFiles, VolumeSource]:
    """30 particles with images, latents and the landscape of a model that is in memory; in 3 tomograms of 7 tilts."""
    changes = {"n_particles": 30, "tilt_step": 15.0, "fewest_tilts": 5}
    project = simulate_small(folder / "project", **changes)
    run = make_tilt_run(project, folder / "run")
    particles = read(project / RELION)
    with TiltImageReader(particles) as reader, write_stack(run.prepared_images, 8.0) as writer:
        writer.append(reader.read(np.arange(len(particles.images))))
    source = arm_source(ring_latents(len(particles)))
    write_array(run.latents, source.latents)
    write_array(run.latents_std, np.full(source.latents.shape, 0.1, np.float32))
    settings = LandscapeSettings(sketch_size=12, n_states=2, skip_umap=True, pc_dim=2, plot_dim=0)
    map_landscape(source, run.landscape, run, settings, Progress(io.StringIO()))
    return run, source
