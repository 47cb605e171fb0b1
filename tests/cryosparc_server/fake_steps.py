"""Steps that leave the files of real ones without the work, for tests of what lies around them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gem_plugin.io.array_files import write_array
from gem_plugin.io.mrc.maps import read_map, write_map
from gem_plugin.io.run.files import RunFiles
from gem_plugin.io.run.settings import write_step_settings, write_step_summary
from gem_plugin.particles.prepared import ParticleOrigin, save_prepared_table
from gem_plugin.progress import Progress
from gem_plugin.results.particle_file import read_particles
from gem_plugin.steps.select.settings import SelectSettings
from gem_plugin.steps.select.step import run_select

LATENT_SIZE, N_STATES = 3, 3


def fake_run_steps(
    names: Sequence[str], run: RunFiles, values: dict[str, Any], progress: Progress
) -> dict[str, dict]:
    """In place of gem_plugin.pipeline.run_steps.run_steps."""
    for name in names:
        for _ in progress.track(range(3), f"fake {name}"):
            pass
        numbers = FAKES[name](run, values, progress) or {}
        write_step_settings(run, name, SelectSettings())
        write_step_summary(run, name, numbers)
    return {}


def _prepare(run: RunFiles, values: dict[str, Any], progress: Progress) -> None:
    table = read_particles(values["particles"])
    missing = [
        name for name in set(table.stack_names.tolist()) if not (values["project_folder"] / name).is_file()
    ]
    assert not missing, f"stacks are not at hand: {missing}"
    assert Path(values["map"]).is_file()
    save_prepared_table(
        run.prepared_table, table, np.ones(17), ParticleOrigin(values["particles"], None, 32, 4.0)
    )
    run.prepared_images.write_bytes(b"images")


def _consensus(run: RunFiles, values: dict[str, Any], progress: Progress) -> None:
    write_map(run.consensus_map, state_map(0), 4.0)
    run.consensus_gaussians.parent.mkdir(exist_ok=True)
    run.consensus_gaussians.write_text("ply")


def _train(run: RunFiles, values: dict[str, Any], progress: Progress) -> None:
    n_particles = len(read_particles(values["particles"]))
    write_array(run.latents, latents_of(n_particles))
    run.history.parent.mkdir(exist_ok=True)
    run.history.write_text("epoch,loss\n1,3.5\n2,3.1\n")
    run.checkpoint.write_bytes(b"model")


def _landscape(run: RunFiles, values: dict[str, Any], progress: Progress) -> None:
    files = run.landscape
    n_particles = len(np.load(run.latents))
    write_array(files.particle_states, states_of(n_particles))
    write_map(files.mask, read_map(values["mask"]).volume if "mask" in values else np.ones((32, 32, 32)), 4.0)
    for number in range(1, N_STATES + 1):
        write_map(files.states.mean(number), state_map(number), 4.0)


def _landscape_full(run: RunFiles, values: dict[str, Any], progress: Progress) -> None:
    files = run.landscape.full
    write_array(files.particle_states, full_states_of(len(np.load(run.latents))))
    for number in (1, 2):
        write_map(files.states.mean(number), state_map(10 + number), 4.0)


def _select(run: RunFiles, values: dict[str, Any], progress: Progress) -> dict[str, Any]:
    return run_select(run, SelectSettings(states=values["states"]), progress)


def _nothing(run: RunFiles, values: dict[str, Any], progress: Progress) -> None:
    return None


FAKES = {
    "prepare": _prepare,
    "consensus": _consensus,
    "train": _train,
    "analyze": _nothing,
    "landscape": _landscape,
    "landscape-full": _landscape_full,
    "report": _nothing,
    "select": _select,
}


def latents_of(n_particles: int) -> np.ndarray:
    return np.random.default_rng(8).normal(size=(n_particles, LATENT_SIZE)).astype(np.float32)


def states_of(n_particles: int) -> np.ndarray:
    return np.random.default_rng(9).integers(1, N_STATES + 1, n_particles)


def full_states_of(n_particles: int) -> np.ndarray:
    return np.random.default_rng(10).integers(1, 3, n_particles)


def state_map(number: int) -> np.ndarray:
    """A rod with an arm that is bent more in each state, and a little noise by which the maps differ everywhere."""
    z, y, x = np.mgrid[:32, :32, :32] - 16
    bend = 0.2 * number
    along = x * np.cos(bend) + y * np.sin(bend)
    across = y * np.cos(bend) - x * np.sin(bend)
    rod = np.exp(-(x**2 / 60 + y**2 / 8 + z**2 / 8))
    arm = np.exp(-((along - 8) ** 2 / 40 + across**2 / 8 + z**2 / 8))
    noise = np.random.default_rng(number).normal(size=(32, 32, 32))
    return (rod + arm + 0.01 * noise).astype(np.float32)
