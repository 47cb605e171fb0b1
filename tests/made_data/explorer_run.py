"""A finished run of the molecule with a turning arm: images, star file, latents, landscape; its model in memory."""

import dataclasses
import io
from pathlib import Path

import numpy as np
import torch
from arm_model import BOX_SIZE, PIXEL_SIZE_IN_ANGSTROMS, arm_source, ring_latents
from small_star_run import write_run

from gem_plugin.gaussians.simulated_images import simulate_images
from gem_plugin.io.array_files import write_array, write_arrays
from gem_plugin.io.mrc.stacks import write_stack
from gem_plugin.io.run.files import RunFiles
from gem_plugin.landscape.motion.gaussians import measure_motion, motion_to_arrays
from gem_plugin.landscape.volume_source import VolumeSource
from gem_plugin.particles.ctf_parameters import ctf_parameters_of
from gem_plugin.particles.prepared import load_prepared_table, save_prepared_table
from gem_plugin.particles.table import ParticleTable
from gem_plugin.progress import Progress
from gem_plugin.steps.landscape.settings import LandscapeSettings
from gem_plugin.steps.landscape.step import map_landscape

N_PARTICLES = 300
N_STATES = 5
SETTINGS = LandscapeSettings(sketch_size=30, n_states=N_STATES, skip_umap=True, pc_dim=4, plot_dim=0)


def make_explorer_run(folder: Path) -> RunFiles:
    """Everything but the checkpoint."""
    run, _ = write_run(folder, N_PARTICLES)
    source = explorer_source()
    table, noise, origin = load_prepared_table(run)
    table = _with_microscope(table)
    save_prepared_table(run.prepared_table, table, noise, origin)
    _write_images(run, table, source)
    write_array(run.latents, source.latents)
    write_array(run.latents_std, np.full(source.latents.shape, 0.1, np.float32))
    map_landscape(source, run.landscape, run, SETTINGS, Progress(io.StringIO()))
    assert source.clouds_at is not None
    cloud = source.clouds_at(source.latents)
    motion = measure_motion(cloud.positions.numpy(), cloud.amplitudes.numpy(), seed=0)
    write_arrays(run.motion, **motion_to_arrays(motion))
    return run


def explorer_source() -> VolumeSource:
    return arm_source(ring_latents(N_PARTICLES))


def _with_microscope(table: ParticleTable) -> ParticleTable:
    """Values of a real microscope, other views and defocus for each particle."""
    generator = np.random.default_rng(4)
    n = len(table)

    def constant(value: float) -> np.ndarray:
        return np.full(n, value, np.float32)

    turns = torch.linalg.qr(torch.from_numpy(generator.normal(size=(n, 3, 3)))).Q.numpy()
    turns *= np.sign(np.linalg.det(turns))[:, None, None]
    return dataclasses.replace(
        table,
        rotation_matrices=turns.astype(np.float32),
        defocus_u_in_angstroms=generator.uniform(8000, 20000, n).astype(np.float32),
        defocus_v_in_angstroms=generator.uniform(8000, 20000, n).astype(np.float32),
        scale_factor=constant(1),
        voltage_in_kilovolts=constant(300),
        spherical_aberration_in_millimetres=constant(2.7),
        amplitude_contrast=constant(0.1),
        contrast_sign=constant(1),
        half_sets=(1 + np.arange(n) % 2).astype(np.int8),
    )


def _write_images(run: RunFiles, table: ParticleTable, source: VolumeSource) -> None:
    assert source.clouds_at is not None
    images = simulate_images(
        source.clouds_at(source.latents),
        torch.from_numpy(table.rotation_matrices),
        torch.from_numpy(table.shifts_in_angstroms),
        ctf_parameters_of(table),
        BOX_SIZE,
        PIXEL_SIZE_IN_ANGSTROMS,
    )
    with write_stack(run.prepared_images, PIXEL_SIZE_IN_ANGSTROMS) as writer:
        writer.append(images.numpy())
