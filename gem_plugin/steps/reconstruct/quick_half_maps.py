"""Half-maps of every state for a check alone: nothing is written, and of a large set some images are looked at.

The numbers are those of reconstruct: how far the particles of a state differ from all, alike in both half-sets.
"""

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from gem_plugin.imaging.back_projection import BackProjection, bytes_of_sums
from gem_plugin.imaging.resolution import RESOLUTION_FSC, first_shell_below, half_map_curves
from gem_plugin.landscape.checks.half_map_support import HalfMapAgreement, measure_half_map_agreement
from gem_plugin.particles.prepared import PreparedData
from gem_plugin.progress import Progress
from gem_plugin.steps.reconstruct.half_maps import back_project, half_sets_of, mask_from_half_maps
from gem_plugin.steps.reconstruct.inserting import SUMS_IN_USE, device_of_sums
from gem_plugin.steps.reconstruct.of_states import random_subset

MAXIMUM_IMAGES = 100_000  # of all states together
Halves = tuple[Tensor, Tensor]  # two half-maps, (box, box, box) each


@dataclass(frozen=True)
class QuickHalfMaps:
    """What the half-maps of the states show."""

    agreements: dict[
        int, HalfMapAgreement
    ]  # by state, without those that have particles in one half-set only
    control: HalfMapAgreement | None  # of a random subset as large as the smallest state
    curve_of_all: (
        np.ndarray
    )  # (box // 2,) shell correlation of the half-maps of all particles, corrected for the mask
    n_images: int  # that were looked at


def memory_of_half_maps(box_size: int, n_states: int) -> int:
    """Bytes that are needed at most."""
    return SUMS_IN_USE * bytes_of_sums(box_size) + 4 * 2 * (n_states + 2) * box_size**3


def measure_quick_half_maps(
    prepared: PreparedData,  # is_used: the particles that count
    states: np.ndarray,  # (n,) from 1; 0: none
    decoded: dict[int, np.ndarray],  # mean maps of the states on the grid of the images; may be empty
    seed: int,
    device: torch.device,
    progress: Progress,
) -> QuickHalfMaps:
    """Back-project the particles of every state into two half-maps, and compare them with those of all."""
    generator = np.random.default_rng(seed)
    prepared = replace(prepared, is_used=_some_of(prepared.is_used, generator))
    halves = half_sets_of(prepared, seed)
    table = prepared.table
    place = device_of_sums(table.box_size, device)  # where maps are compared
    everything = BackProjection(table.box_size, table.pixel_size_in_angstroms, device=place)
    maps: dict[int, Halves] = {}
    for number in [0, *(int(one) for one in np.unique(states) if one > 0)]:
        rows = np.flatnonzero((states == number) & prepared.is_used)
        if not len(rows):
            continue
        both = back_project(prepared, rows, halves, device, progress, f"half-maps of state {number}")
        everything.add_all_of_(both)
        if number and len(np.unique(halves[rows])) == 2:
            maps[number] = both.volume(0).to(place), both.volume(1).to(place)
    whole = everything.volume(0), everything.volume(1)
    sizes = {number: int(((states == number) & prepared.is_used).sum()) for number in maps}
    control = _control(prepared, halves, min(sizes.values(), default=0), seed, device, progress)
    with progress.waiting("half-map check of the states"):
        control = None if control is None else (control[0].to(place), control[1].to(place))
        return _compared(maps, control, whole, decoded, sizes, table.pixel_size_in_angstroms, seed)


def _some_of(is_used: np.ndarray, generator: np.random.Generator) -> np.ndarray:  # (n,) bool
    rows = np.flatnonzero(is_used)
    if len(rows) <= MAXIMUM_IMAGES:
        return is_used
    some = np.zeros_like(is_used)
    some[generator.choice(rows, MAXIMUM_IMAGES, replace=False)] = True
    return some


def _control(
    prepared: PreparedData,
    halves: np.ndarray,
    n_images: int,
    seed: int,
    device: torch.device,
    progress: Progress,
) -> Halves | None:
    rows = random_subset(np.where(prepared.is_used, halves, -1), n_images, seed)
    if len(np.unique(halves[rows])) < 2:
        return None
    both = back_project(prepared, rows, halves, device, progress, "half-maps of a random subset")
    return both.volume(0), both.volume(1)


def _compared(
    maps: dict[int, Halves],
    control: Halves | None,
    whole: Halves,
    decoded: dict[int, np.ndarray],
    sizes: dict[int, int],
    pixel_size_in_angstroms: float,
    seed: int,
) -> QuickHalfMaps:
    mask_of_all = mask_from_half_maps(*whole, pixel_size_in_angstroms)
    curves = half_map_curves(*whole, mask_of_all, torch.Generator().manual_seed(seed))
    last_shell = max(first_shell_below(curves.corrected, RESOLUTION_FSC) - 1, 2)
    where = mask_of_all
    for halves in maps.values():
        where = torch.maximum(where, mask_from_half_maps(*halves, pixel_size_in_angstroms))
    known = {number: decoded[number] for number in maps if number in decoded}
    total = max(sum(sizes[number] for number in known), 1)
    mean = sum((sizes[number] / total * volume for number, volume in known.items()), np.float32(0))
    agreements = {}
    if len(maps) > 1:  # one state alone has nothing to differ from
        for number, halves in maps.items():
            difference = None
            if number in known:
                difference = torch.from_numpy(known[number] - mean).to(where.device)
            agreements[number] = measure_half_map_agreement(halves, whole, where, last_shell, difference)
    of_control = None if control is None else measure_half_map_agreement(control, whole, where, last_shell)
    return QuickHalfMaps(agreements, of_control, curves.corrected.cpu().numpy(), sum(sizes.values()))
