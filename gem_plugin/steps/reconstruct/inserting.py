"""Inserting images into half-maps: in one process, or in several that take their part of the images each and add up the sums."""

from collections.abc import Iterable

import numpy as np
import torch

from gem_plugin.devices import free_memory_in_bytes
from gem_plugin.imaging.back_projection import BackProjection, bytes_of_sums
from gem_plugin.particles.ctf_parameters import ctf_parameters_of
from gem_plugin.particles.prepared import PreparedData
from gem_plugin.processes.channel import open_channel
from gem_plugin.processes.workers import Workers, current_workers
from gem_plugin.progress import Progress
from gem_plugin.steps.reconstruct.inserting_tilts import ImagesToInsert, insert_tilts_

IMAGES_AT_A_TIME = 64
SUMS_IN_USE = 4  # of two half-maps: of all images, of some, and what becomes a map
INSERT, LAST = "insert images", "no more images"


def inserted_together(
    prepared: PreparedData, images: ImagesToInsert, device: torch.device, progress: Progress, title: str
) -> BackProjection:
    """The sums of all images, where device_of_sums says, or of several processes on the CPU."""
    workers = current_workers()
    if workers.size > 1:
        open_channel().ask(work=INSERT)
        _in_all_processes(workers, images)
    return _inserted(prepared, images, workers, device, progress, title)


def device_of_sums(box_size: int, device: torch.device) -> torch.device:
    """Where maps are made of sums: on the device if it has room, which takes a tenth of the time, else on the CPU."""
    needed = SUMS_IN_USE * bytes_of_sums(box_size)
    return device if free_memory_in_bytes(device) >= needed else torch.device("cpu")


def help_to_insert(
    prepared: PreparedData, workers: Workers, device: torch.device, progress: Progress
) -> None:
    """In the processes beside the first: insert their part whenever it asks."""
    while open_channel().asked()["work"] != LAST:
        images = _in_all_processes(workers, [None] * len(ImagesToInsert._fields))
        _inserted(prepared, images, workers, device, progress, INSERT)


def end_inserting(workers: Workers) -> None:
    """In the first process, when nothing more is to be inserted."""
    if workers.size > 1:
        open_channel().ask(work=LAST)


def _in_all_processes(workers: Workers, images: Iterable[np.ndarray | None]) -> ImagesToInsert:
    return ImagesToInsert(*(workers.from_first(values) for values in images))  # type: ignore[arg-type]


def _inserted(
    prepared: PreparedData,
    images: ImagesToInsert,
    workers: Workers,
    device: torch.device,
    progress: Progress,
    title: str,
) -> BackProjection:
    table = prepared.table
    both = BackProjection(table.box_size, table.pixel_size_in_angstroms, device=device)
    own = images.take(workers.own_part(len(images.rows), IMAGES_AT_A_TIME))
    positions = np.arange(len(own.rows))
    parts = [
        positions[start : start + IMAGES_AT_A_TIME] for start in range(0, len(positions), IMAGES_AT_A_TIME)
    ]
    insert_ = _insert_ if prepared.tilts is None else insert_tilts_
    for part in progress.track(parts, title, unit="batch"):
        insert_(both, prepared, own.take(part), device)
    both.move_to_("cpu" if workers.size > 1 else device_of_sums(table.box_size, device))
    workers.sum_in_first_(both.sums)
    return both


def _insert_(
    both: BackProjection, prepared: PreparedData, some: ImagesToInsert, device: torch.device
) -> None:
    taken = prepared.table.take(some.rows)
    views, shifts = some.poses(taken.view_matrices, taken.shifts_in_angstroms)
    both.add_(
        torch.from_numpy(np.array(prepared.images[some.rows])).to(device),
        views.to(device),
        shifts.to(device),
        ctf_parameters_of(taken).to(device),
        torch.from_numpy(some.halves).to(device),
        None if some.weights is None else torch.from_numpy(some.weights).to(device),
    )
