"""A star file of all particles with the state as class number, so that RELION's own Select job can choose states."""

from pathlib import Path

import numpy as np

from gem_plugin.io.run.files import RunFiles
from gem_plugin.io.run.origin import with_origin_comment
from gem_plugin.io.star.edit import columns_added_pieces, subset_pieces, write_whole_pieces
from gem_plugin.io.star.text import parse_star
from gem_plugin.particles.prepared import load_prepared_table
from gem_plugin.particles.source import is_cryosparc
from gem_plugin.progress import Progress
from gem_plugin.steps.write_star.step import open_original

CLASS_LABEL = "_rlnClassNumber"
COMPONENT_LABEL = "_gemVolumePC"
N_COMPONENTS_WRITTEN = 5


def write_class_star(
    run: RunFiles,
    target: Path,
    particle_states: np.ndarray,  # (n,) from 1; 0 = none
    progress: Progress,
    coordinates: np.ndarray | None = None,  # (n, c): volume-component coordinates, where known
) -> bool:  # whether a file was written
    """The original rows with _rlnClassNumber and _gemVolumePC1 ... behind them; only for runs that began with a star."""
    if not run.prepared_table.is_file() or is_cryosparc(load_prepared_table(run)[2].particle_file):
        return False
    with progress.waiting(f"class numbers in {target.name}"):
        _write(run, target, particle_states, coordinates)
    return True


def _write(run: RunFiles, target: Path, particle_states: np.ndarray, coordinates: np.ndarray | None) -> None:
    file, run_rows = open_original(run)
    n_components = 0 if coordinates is None else min(N_COMPONENTS_WRITTEN, coordinates.shape[1])
    labels = [CLASS_LABEL, *(f"{COMPONENT_LABEL}{number + 1}" for number in range(n_components))]
    values = [["0"] * len(labels)] * file.particles.n_rows  # rows that are not in the run are left out below
    for particle, row in enumerate(run_rows.tolist()):
        values[row] = [str(particle_states[particle])]
        if coordinates is not None:
            values[row] += [f"{value:.6g}" for value in coordinates[particle, :n_components]]
    content = b"".join(columns_added_pieces(file.document, file.particles, labels, values))
    document = parse_star(content, file.path)
    block = next(
        block
        for block in document.blocks
        if block.name == file.particles.name and CLASS_LABEL in block.labels
    )
    pieces = subset_pieces(document, block, run_rows)
    write_whole_pieces(target, with_origin_comment(pieces, run, document.line_end_bytes()))
