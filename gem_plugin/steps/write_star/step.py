"""write-star: chosen particles of a RELION run as a star file, rows as in the original, latents added."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from gem_plugin.errors import InputError
from gem_plugin.io.array_files import read_array, read_rows
from gem_plugin.io.run.files import RunFiles
from gem_plugin.io.run.origin import with_origin_comment
from gem_plugin.io.star.edit import columns_added_pieces, rows_of_names, subset_pieces, write_whole_pieces
from gem_plugin.io.star.particles import RelionFile, read_image_names, read_relion_file
from gem_plugin.io.star.text import parse_star
from gem_plugin.particles.prepared import load_prepared_table
from gem_plugin.particles.source import is_cryosparc
from gem_plugin.progress import Progress
from gem_plugin.steps.write_star.settings import WriteStarSettings

LATENT_LABEL = "_gemLatent"


def run_write_star(run: RunFiles, settings: WriteStarSettings, progress: Progress) -> dict[str, Any]:
    """Write particles.star: original header and rows, and the latents behind them."""
    out = settings.out or run.particles_star
    with progress.waiting(f"writing {out.name}"):
        file, run_rows = open_original(run)
        chosen = None if settings.rows is None else read_rows(settings.rows, len(run_rows))
        latents = read_array(run.latents, f"gem-em train {run.root}") if settings.latents else None
        pieces = _pieces(file, run_rows, chosen, latents)
        if latents is not None:  # a plain subset differs from the original by missing rows only
            pieces = with_origin_comment(pieces, run, file.document.line_end_bytes())
        write_whole_pieces(out, pieces)
    n_written = len(run_rows) if chosen is None else len(chosen)
    progress.say(f"{n_written} particles written to {out}")
    return {"particles": n_written, "star": str(out)}


def write_latents_star(
    run: RunFiles, latents: np.ndarray
) -> None:  # (n, latent_size), in the order of the run
    """Write particles.star with the latents of all particles; for the step that makes the latents."""
    file, run_rows = open_original(run)
    pieces = _pieces(file, run_rows, None, latents)
    write_whole_pieces(run.particles_star, with_origin_comment(pieces, run, file.document.line_end_bytes()))


def open_original(
    run: RunFiles,
) -> tuple[RelionFile, np.ndarray]:  # file, (n,) its row of each particle of the run
    """The star file that the run started from, joined to the run by image name."""
    table, _, origin = load_prepared_table(run)
    if is_cryosparc(origin.particle_file):
        raise InputError(
            f"{origin.particle_file}: this run started from CryoSPARC particles. Use `gem-em write-cs {run.root}`."
        )
    file = read_relion_file(origin.particle_file)
    return file, rows_of_names(read_image_names(file), table.image_names, file.path)


def _pieces(
    file: RelionFile, run_rows: np.ndarray, chosen: np.ndarray | None, latents: np.ndarray | None
) -> Iterator[bytes]:
    """The file with latents, then without the rows that were not chosen."""
    if latents is not None:
        if len(latents) != len(run_rows):
            raise InputError(
                f"The run has {len(run_rows)} particles, but latents of {len(latents)}. Train again."
            )
        file = _with_latents(file, run_rows, latents)
    return subset_pieces(file.document, file.particles, run_rows if chosen is None else run_rows[chosen])


def _with_latents(file: RelionFile, run_rows: np.ndarray, latents: np.ndarray) -> RelionFile:
    labels = [f"{LATENT_LABEL}{number}" for number in range(1, latents.shape[1] + 1)]
    texts: list[list[str]] = [
        ["0"] * len(labels)
    ] * file.particles.n_rows  # rows outside the run are left out below
    for row, values in zip(run_rows.tolist(), latents.tolist()):
        texts[row] = [f"{value:.6f}" for value in values]
    content = b"".join(columns_added_pieces(file.document, file.particles, labels, texts))
    document = parse_star(content, file.path)
    name = file.particles.name
    particles = next(block for block in document.blocks if block.name == name and labels[0] in block.labels)
    return RelionFile(document, particles, document.find_block("optics"))
