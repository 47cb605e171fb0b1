"""UMAP of the latents: the slowest part for many particles, so that no step makes again what another has made."""

from pathlib import Path

import numpy as np

from gem_plugin.io.array_files import read_array, write_array
from gem_plugin.landscape.latents.umap import umap_embedding
from gem_plugin.progress import Progress
from gem_plugin.results.stage_records import StageRecords, fingerprint

STAGE = "umap"
MINIMUM_PARTICLES = 3


def drop_other_layout(path: Path, records: StageRecords, latents: np.ndarray, seed: int) -> None:
    """Where no layout is asked for, remove one of other latents, such as those of an earlier training."""
    if path.is_file() and not records.is_valid(STAGE, fingerprint(latents, seed), path):
        records.forget(STAGE)
        path.unlink()


def lay_out_latents(
    path: Path,  # where the layout is to be
    records: StageRecords,  # of that folder
    latents: np.ndarray,  # (n, latent_size)
    seed: int,
    progress: Progress,
    other: Path | None = None,  # where another step may have written the same
) -> np.ndarray | None:  # (n, 2); None for fewer than three particles
    """The layout of these latents with this seed: found here, found there, or made now."""
    if len(latents) < MINIMUM_PARTICLES:
        return None
    requested = fingerprint(latents, seed)
    if records.is_valid(STAGE, requested, path):
        return read_array(path, "gem-em analyze")
    if other is not None and StageRecords(other.parent).is_valid(STAGE, requested, other):
        layout = read_array(other, "gem-em analyze")
    else:
        with progress.waiting(f"UMAP of {len(latents)} latents"):
            layout = umap_embedding(latents, seed, track=progress.track)
    records.forget(STAGE)
    write_array(path, layout)
    records.keep(STAGE, requested)
    return layout
