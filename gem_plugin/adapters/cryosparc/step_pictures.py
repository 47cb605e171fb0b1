"""What an external job shows as soon as a step is done: its pictures, and the molecule as the picture of the job."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from gem_plugin.adapters.cryosparc.figures import latent_figure, map_figure
from gem_plugin.adapters.cryosparc.progress import CryosparcProgress
from gem_plugin.adapters.cryosparc.surface_pictures import drawn, tile_of
from gem_plugin.io.cryosparc.files import read_cs_rows
from gem_plugin.io.run.files import RunFiles
from gem_plugin.io.run.settings import read_summary
from gem_plugin.io.run.state_files import StateFiles
from gem_plugin.particles.prepared import load_prepared_table


def show_results_of(step: str, run: RunFiles, progress: CryosparcProgress) -> None:
    """What a step found, as soon as it is there; the molecule is the picture of the job in the workspace."""
    drawn(lambda: SHOWERS[step](run, progress) if step in SHOWERS else None)


def _show_consensus(run: RunFiles, progress: CryosparcProgress) -> None:
    if run.consensus_map.is_file():
        text = "Consensus map: slices through the middle of its density"
        progress.pictures.show(map_figure([run.consensus_map], ["consensus"]), text)
        progress.set_tile(tile_of([run.consensus_map]))


def _show_latents(run: RunFiles, progress: CryosparcProgress) -> None:
    if run.latents.is_file():
        text = "Particles in the latent space: all particles on the two largest components"
        progress.pictures.show(latent_figure(np.load(run.latents, allow_pickle=False)), text)


def _show_states(files: StateFiles, progress: CryosparcProgress) -> None:
    numbers = files.numbers_with_maps()
    means = [files.mean(number) for number in numbers]
    if means:
        text = "Mean maps of the states: slices through the middle of their density"
        progress.pictures.show(map_figure(means, [f"state {number}" for number in numbers]), text)
        progress.set_tile(tile_of(means, numbers))


def _show_chosen(run: RunFiles, progress: CryosparcProgress) -> None:
    if run.latents.is_file():
        figure = latent_figure(np.load(run.latents, allow_pickle=False), _chosen_rows(run))
        progress.pictures.show(figure, "The chosen particles in the latent space")
    if run.consensus_map.is_file():
        progress.set_tile(tile_of([run.consensus_map]))


SHOWERS: dict[str, Callable[[RunFiles, CryosparcProgress], None]] = {
    "consensus": _show_consensus,
    "train": _show_latents,
    "landscape": lambda run, progress: _show_states(run.landscape.states, progress),
    "landscape-full": lambda run, progress: _show_states(run.landscape.full.states, progress),
    "select": _show_chosen,
}


def _chosen_rows(run: RunFiles) -> np.ndarray | None:  # (k,) rows; None where views were joined again
    written = read_cs_rows(Path(read_summary(run)["select"]["file"]))
    rows, latents = (
        read_cs_rows(load_prepared_table(run)[2].particle_file),
        np.load(run.latents, mmap_mode="r"),
    )
    return np.flatnonzero(np.isin(rows["uid"], written["uid"])) if len(rows) == len(latents) else None
