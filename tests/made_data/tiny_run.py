"""A finished run made in a second: the molecule with a turning arm, an untrained model's files, states."""

from pathlib import Path

import numpy as np

from gem_plugin.io.array_files import write_array
from gem_plugin.io.mrc.maps import write_map
from gem_plugin.io.run.files import RunFiles

N_PARTICLES = 300
N_STATES = 3
BOX_SIZE = 24


def make_tiny_run(root: Path) -> RunFiles:
    """Latents on a ring, three arcs as states, a ball that moves as the maps."""
    run = RunFiles(root)
    generator = np.random.default_rng(1)
    angles = generator.uniform(0, 2 * np.pi, N_PARTICLES)
    latents = np.stack([np.cos(angles), np.sin(angles), 0.1 * generator.normal(size=N_PARTICLES)], axis=1)
    write_array(run.latents, latents.astype(np.float32))
    write_array(run.latents_std, np.full(latents.shape, 0.1, np.float32))
    files = run.landscape
    states = 1 + (angles * N_STATES / (2 * np.pi)).astype(np.int64)
    write_array(files.particle_states, states)
    for number in range(1, N_STATES + 1):
        write_map(files.states.mean(number), moving_ball(number), 4.0)
    for number in range(1, 4):
        write_map(run.analyze.component_folder(1) / f"vol_{number:03d}.mrc", moving_ball(number), 4.0)
    run.history.parent.mkdir(parents=True, exist_ok=True)
    run.history.write_text("epoch,loss,kl,validation_loss\n1,5.0,2.0,5.5\n2,4.0,6.0,4.5\n3,3.5,7.0,4.4\n")
    return run


def moving_ball(number: int) -> np.ndarray:
    """A ball at a place that depends on the number."""
    z, y, x = np.mgrid[:BOX_SIZE, :BOX_SIZE, :BOX_SIZE] - BOX_SIZE // 2
    return np.exp(-((x - 2 * number) ** 2 + y**2 + z**2) / 8).astype(np.float32)
