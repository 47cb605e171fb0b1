"""A prepared run whose particles show a molecule with a turning arm: the truth is known, nothing is trained."""

from pathlib import Path

import numpy as np
import torch
from arm_model import ArmModel

from gem_plugin.gaussians.simulated_images import simulate_images
from gem_plugin.io.array_files import write_array
from gem_plugin.io.mrc.header import mrc_header_bytes
from gem_plugin.io.mrc.maps import write_map
from gem_plugin.io.run.files import RunFiles
from gem_plugin.landscape.volume_source import VolumeSource
from gem_plugin.particles.ctf_parameters import ctf_parameters_of
from gem_plugin.particles.prepared import ParticleOrigin, save_prepared_table
from gem_plugin.particles.random_acquisition import Microscope, draw_acquisition

BOX, PIXEL_SIZE_IN_ANGSTROMS = 32, 4.0
MICROSCOPE = Microscope(300, 2.7, 0.1, 0, (8_000, 16_000), 6)


def make_moving_run(root: Path, n_particles: int = 600, noise: float = 2.0) -> tuple[RunFiles, VolumeSource]:
    """Two states (arm along x, arm along y, some spread); the states and decoded means are the true ones."""
    run, generator = RunFiles(root), np.random.default_rng(3)
    angles = np.where(np.arange(n_particles) % 3 == 0, np.pi / 2, 0) + generator.normal(0, 0.1, n_particles)
    latents = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    table = draw_acquisition(n_particles, MICROSCOPE, BOX, PIXEL_SIZE_IN_ANGSTROMS, "p.mrcs", generator)
    halves = (np.arange(n_particles) // 3 % 2 + 1).astype(np.int8)
    table = table.__class__(**{**vars(table), "half_sets": halves})
    images = simulate_images(
        ArmModel().gaussians_at(torch.from_numpy(latents)),
        torch.from_numpy(table.rotation_matrices),
        torch.from_numpy(table.shifts_in_angstroms),
        ctf_parameters_of(table),
        BOX,
        PIXEL_SIZE_IN_ANGSTROMS,
    ).numpy()
    images += noise * images.std() * generator.normal(size=images.shape).astype(np.float32)
    run.prepared_images.parent.mkdir(parents=True)
    header = mrc_header_bytes(images.shape, PIXEL_SIZE_IN_ANGSTROMS, False, (-1.0, 1.0, 0.0, 1.0))
    run.prepared_images.write_bytes(header + images.astype("<f4").tobytes())
    origin = ParticleOrigin(root / "p.star", None, BOX, PIXEL_SIZE_IN_ANGSTROMS)
    save_prepared_table(run.prepared_table, table, np.ones(BOX // 2 + 1), origin)
    write_array(run.latents, latents)
    write_array(run.latents_std, np.full_like(latents, 0.1))
    source = arm_source_of(latents)
    _write_landscape(run, 1 + (np.arange(n_particles) % 3 == 0), source)
    return run, source


def arm_source_of(latents: np.ndarray) -> VolumeSource:
    from arm_model import arm_source

    return arm_source(latents, BOX)


def map_at(angle: float) -> np.ndarray:  # (box, box, box)
    """The true map with the arm at an angle, on the grid of the images."""
    from gem_plugin.gaussians.volume import render_volumes

    point = torch.tensor([[np.cos(angle), np.sin(angle)]], dtype=torch.float32)
    return render_volumes(ArmModel().gaussians_at(point), BOX, PIXEL_SIZE_IN_ANGSTROMS)[0].numpy()


def _write_landscape(run: RunFiles, states: np.ndarray, source: VolumeSource) -> None:
    files = run.landscape
    write_array(files.particle_states, states.astype(np.int64))
    for number, angle in ((1, 0.0), (2, np.pi / 2)):
        write_map(files.states.mean(number), map_at(angle), PIXEL_SIZE_IN_ANGSTROMS)
