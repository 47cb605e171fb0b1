"""Checks of the image stacks that a particle table names; no image is read."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from gem_plugin.errors import InputError
from gem_plugin.io.mrc.header import MrcHeader, read_mrc_header
from gem_plugin.particles.image_sizes import has_one_size
from gem_plugin.particles.table import ParticleTable
from gem_plugin.progress import Track, untracked

FILES_AT_A_TIME = 4  # so that a disk or a network has something to do while a header is looked at


def check_stacks(
    table: ParticleTable, stack_paths: dict[str, Path], path: Path, track: Track = untracked
) -> dict[Path, MrcHeader]:
    """Headers of all stacks, after checking sizes and slice numbers; no image is read."""
    paths = list(stack_paths.values())
    threads = ThreadPoolExecutor(FILES_AT_A_TIME)
    try:
        tracked = track(threads.map(read_mrc_header, paths), "headers of the stacks", len(paths), "stack")
        headers = dict(zip(paths, tracked, strict=True))
    finally:
        threads.shutdown(cancel_futures=True)
    for name, box_size, first in _boxes_of_stacks(table):
        rows, columns = headers[stack_paths[name]].shape[1:]
        if (rows, columns) != (box_size, box_size):
            raise InputError(
                f"{stack_paths[name]} has images of {columns} x {rows} pixels, expected {box_size} x {box_size} as in {path} "
                f"(first used in row {first}). Is the particle file of another extraction? Images must be square."
            )
    _check_slices(table, stack_paths, headers, path)
    return headers


def _boxes_of_stacks(table: ParticleTable) -> list[tuple[str, int, int]]:
    """Name and box of every stack, and its first row; a stack of which rows expect several boxes comes several times."""
    file_rows_backwards = table.file_rows[
        ::-1
    ].tolist()  # so that the first row of each stack is the last one set
    names = table.stack_names[::-1].tolist()
    if has_one_size(table):
        first_rows = dict(zip(names, file_rows_backwards, strict=True))
        return [(name, table.box_size, row) for name, row in first_rows.items()]
    of_sizes = dict(
        zip(zip(names, table.own_box_sizes[::-1].tolist(), strict=True), file_rows_backwards, strict=True)
    )
    return [(name, box_size, row) for (name, box_size), row in of_sizes.items()]


def _check_slices(
    table: ParticleTable, stack_paths: dict[str, Path], headers: dict[Path, MrcHeader], path: Path
) -> None:
    n_images = {name: headers[stack_path].shape[0] for name, stack_path in stack_paths.items()}
    limits = np.fromiter((n_images[name] for name in table.stack_names), dtype=np.int64, count=len(table))
    beyond = np.flatnonzero((table.slice_indices >= limits) | (table.slice_indices < 0))
    if len(beyond):
        row = int(beyond[0])
        raise InputError(
            f"{path}, row {table.file_rows[row]}: image {table.slice_indices[row] + 1} of {stack_paths[table.stack_names[row]]} is needed, "
            f"which holds {limits[row]} images. Is the stack from another job, or was it cut short?"
        )
