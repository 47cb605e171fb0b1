"""Pass over prepared particles into half-maps, and measure and write what came out."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from gem_plugin.errors import InputError
from gem_plugin.imaging.back_projection import BackProjection, combine_half_maps
from gem_plugin.imaging.fourier import fourier_shell_correlation
from gem_plugin.imaging.local_resolution import MINIMUM_WINDOW_IN_PIXELS, local_resolution
from gem_plugin.imaging.resolution import (
    MODEL_THRESHOLD,
    RESOLUTION_FSC,
    HalfMapCurves,
    half_map_curves,
    low_pass,
    resolution_in_angstroms,
)
from gem_plugin.io.mrc.maps import read_map, write_map
from gem_plugin.io.run import figure_names as names
from gem_plugin.io.run.figure_names import remove_figures
from gem_plugin.io.run.files import RunFiles
from gem_plugin.io.run.reconstruct_files import ReconstructFiles
from gem_plugin.io.whole_files import write_text_whole
from gem_plugin.landscape.mask import bright_level, make_mask
from gem_plugin.landscape.motion.rigid import RigidMotions
from gem_plugin.particles.half_sets import random_half_sets
from gem_plugin.particles.prepared import PreparedData
from gem_plugin.progress import Progress, Track
from gem_plugin.reports.figures.reconstruction import draw_local_resolution
from gem_plugin.results.masks import read_mask_on_grid
from gem_plugin.steps.reconstruct.inserting import ImagesToInsert, inserted_together
from gem_plugin.steps.reconstruct.settings import ReconstructSettings

MASK_RESOLUTION_IN_PIXELS = 5.0  # the map is smoothed this far before a threshold makes a mask of it
MASK_FRACTION_OF_BRIGHT_LEVEL = 0.2
MASK_MARGIN_IN_PIXELS = 2
MASK_EDGE_IN_PIXELS = 5
WINDOW_IN_RESOLUTIONS = 6.0  # width of the window for local resolution: a few shells up to the crossing
MAXIMUM_MAPS_DRAWN = 8
LOCAL_QUANTILES = (0.05, 0.5, 0.95)  # of the local resolutions inside the mask
ColumnValues = dict[str, float | int | str]


@dataclass(frozen=True)
class LocalWindow:
    """How the local resolution is measured."""

    threshold: float  # of the correlation inside a window
    width_in_angstroms: float | None  # of the window; default: by the resolution of the whole map


@dataclass(frozen=True)
class Measuring:
    """How maps are measured, all of a step alike."""

    seed: int  # of randomised phases
    mask: Tensor | None = None  # (box, box, box); default: from each pair of half-maps
    local: LocalWindow | None = None  # no local resolution without
    progress: Progress = field(default_factory=Progress)


@dataclass(frozen=True)
class HalfMaps:
    """Two maps of different particles, and how to make one filtered map of both."""

    first: Tensor  # (box, box, box)
    second: Tensor
    pixel_size_in_angstroms: float
    filtered: Callable[[Tensor], Tensor]  # from their shell correlation (box // 2,)

    @property
    def box_size(self) -> int:
        return self.first.shape[-1]


def half_maps_of(both: BackProjection, progress: Progress, title: str) -> HalfMaps:
    """The half-maps of a back-projection, on the CPU, Wiener-filtered together."""
    with progress.waiting(f"{title}: half-maps"):
        return HalfMaps(
            both.volume(0).cpu(),
            both.volume(1).cpu(),
            both.pixel_size_in_angstroms,
            lambda shell_correlation: both.wiener_volume(shell_correlation).cpu(),
        )


def half_sets_of(prepared: PreparedData, seed: int) -> np.ndarray:  # (n,) 0 or 1
    """The half of every row; particles without one are dealt out at random with all views, and all where one half is empty."""
    halves = prepared.table.half_sets.astype(np.int64) - 1
    if not {0, 1} <= set(halves.tolist()):
        halves = np.full(len(halves), -1)
    random = random_half_sets(prepared.table.particle_indices, seed)
    return np.where(np.isin(halves, (0, 1)), halves, random)


def back_project(
    prepared: PreparedData,
    rows: np.ndarray,  # (k,)
    halves: np.ndarray,  # (n,) 0 or 1
    device: torch.device,
    progress: Progress,
    title: str,
    weights: np.ndarray | None = None,  # (k,)
    motions: RigidMotions | None = None,  # of the k rows, undone in the poses
) -> BackProjection:
    """Both half-maps of some particles, without the excluded ones; several processes insert their part of the images each."""
    is_used = prepared.is_used[rows]
    if not is_used.all():
        rows = rows[is_used]
        weights = None if weights is None else weights[is_used]
        if motions is not None:
            motions = RigidMotions(*(values[torch.from_numpy(is_used)] for values in motions))
    images = ImagesToInsert(
        rows,
        halves[rows],
        weights,
        *((None, None) if motions is None else (values.numpy() for values in motions)),
    )
    return inserted_together(prepared, images, device, progress, title)


def mask_from_half_maps(first: Tensor, second: Tensor, pixel_size_in_angstroms: float) -> Tensor:
    """A soft mask around the density that both halves show."""
    box_size = first.shape[-1]
    smooth = low_pass(combine_half_maps(first, second).volume, box_size / MASK_RESOLUTION_IN_PIXELS)
    threshold = MASK_FRACTION_OF_BRIGHT_LEVEL * float(bright_level(smooth))
    mask = make_mask(
        smooth.cpu().numpy(),
        threshold,
        pixel_size_in_angstroms,
        MASK_MARGIN_IN_PIXELS * pixel_size_in_angstroms,
        MASK_EDGE_IN_PIXELS * pixel_size_in_angstroms,
    )
    return torch.from_numpy(mask).to(first.device)


def write_and_measure(
    files: ReconstructFiles,
    name: str,
    both: HalfMaps,
    measuring: Measuring,
    decoded: np.ndarray | None = None,  # (box, box, box): the map that the model draws
) -> ColumnValues:
    """Write half-maps, filtered map, mask and curves of one map; give the numbers of its row in the table."""
    with measuring.progress.waiting(f"{name}: maps and curves"):
        return _write_and_measure(files, name, both, measuring, decoded)


def _write_and_measure(
    files: ReconstructFiles, name: str, both: HalfMaps, measuring: Measuring, decoded: np.ndarray | None
) -> ColumnValues:
    pixel_size, box_size = both.pixel_size_in_angstroms, both.box_size
    halves = both.first, both.second
    if not all(float(one.abs().max()) > 0 for one in halves):
        raise InputError(
            f"{name}: one of the half-sets holds no particle. Ask for fewer states, or a wider neighbourhood."
        )
    mask = mask_from_half_maps(*halves, pixel_size) if measuring.mask is None else measuring.mask
    curves = half_map_curves(*halves, mask, torch.Generator().manual_seed(measuring.seed))
    final = both.filtered(curves.corrected)
    against_decoded = None
    if decoded is not None:
        against_decoded = fourier_shell_correlation(
            (halves[0] + halves[1]) / 2 * mask, torch.from_numpy(decoded).float() * mask
        )
    for half in (1, 2):
        write_map(files.half_map(name, half), halves[half - 1].numpy(), pixel_size)
    write_map(files.final_map(name), final.numpy(), pixel_size)
    write_map(files.mask(name), mask.numpy(), pixel_size)
    write_text_whole(files.curves(name), curve_table(curves, against_decoded, box_size * pixel_size))
    row: ColumnValues = {
        "resolution_in_angstroms": _at(curves.corrected, RESOLUTION_FSC, both),
        "resolution_unmasked_in_angstroms": _at(curves.unmasked, RESOLUTION_FSC, both),
        "is_limited_by_pixel_size": int(bool((curves.corrected[1:] >= RESOLUTION_FSC).all())),
    }
    if against_decoded is not None:
        row["agreement_with_decoded_in_angstroms"] = _at(against_decoded, MODEL_THRESHOLD, both)
    files.local_resolution(name).unlink(missing_ok=True)  # of an earlier map
    if measuring.local is not None:
        track = measuring.progress.track
        row |= _write_local_resolution(files, name, both, mask, measuring.local, row, track)
    return row


def _write_local_resolution(
    files: ReconstructFiles,
    name: str,
    both: HalfMaps,
    mask: Tensor,
    window: LocalWindow,
    row: ColumnValues,  # that of the map, with its resolution as a whole
    track: Track,
) -> ColumnValues:
    """The map of local resolutions, and their quantiles."""
    pixel_size = both.pixel_size_in_angstroms
    width = window.width_in_angstroms or WINDOW_IN_RESOLUTIONS * float(row["resolution_in_angstroms"])
    pixels = 2 * round(width / pixel_size / 2)
    pixels = min(max(pixels, MINIMUM_WINDOW_IN_PIXELS), both.box_size)
    found = local_resolution(both.first, both.second, mask, pixel_size, pixels, window.threshold, track=track)
    write_map(files.local_resolution(name), found.numpy(), pixel_size)
    inside = found[found > 0].numpy()
    if not len(inside):
        return {}
    quantiles = np.quantile(inside, LOCAL_QUANTILES)
    return {
        **{
            f"local_resolution_{round(100 * fraction)}_percent_in_angstroms": round(float(value), 2)
            for fraction, value in zip(LOCAL_QUANTILES, quantiles, strict=True)
        },
        "local_resolution_threshold": window.threshold,
        "local_resolution_window_in_angstroms": round(pixels * pixel_size, 1),
    }


def draw_local_resolutions(run: RunFiles, maps_of_table: list[str], title: str) -> None:
    """A figure of the maps whose local resolution was measured, where there are any."""
    files = run.reconstruct
    measured = {
        name: files.local_resolution(name) for name in maps_of_table if files.local_resolution(name).is_file()
    }
    stem = run.figures / names.LOCAL_RESOLUTION.format(title)
    remove_figures(stem.parent, stem.name)
    if not measured:
        return
    maps = {
        name: (read_map(files.final_map(name)).volume, read_map(path).volume)
        for name, path in list(measured.items())[:MAXIMUM_MAPS_DRAWN]
    }
    pixel_size = read_map(next(iter(measured.values()))).pixel_size_in_angstroms
    draw_local_resolution(stem, maps, pixel_size)


def _at(curve: Tensor, threshold: float, both: HalfMaps) -> float:
    return round(resolution_in_angstroms(curve, threshold, both.box_size, both.pixel_size_in_angstroms), 2)


def curve_table(curves: HalfMapCurves, against_decoded: Tensor | None, width_in_angstroms: float) -> str:
    """The curves of one map as csv, one row a shell."""
    columns = {
        "unmasked": curves.unmasked,
        "masked": curves.masked,
        "phase_randomised": curves.randomised,
        "corrected": curves.corrected,
    }
    if against_decoded is not None:
        columns["decoded_against_reconstructed"] = against_decoded
    lines = [",".join(["shell", "resolution_in_angstroms", *columns])]
    for shell in range(len(curves.unmasked)):
        resolution = width_in_angstroms / shell if shell else math.inf
        values = [f"{float(curve[shell]):.5f}" for curve in columns.values()]
        lines.append(",".join([str(shell), f"{resolution:.3f}", *values]))
    return "\n".join(lines) + "\n"


def write_map_table(path: Path, table: dict[str, ColumnValues]) -> None:
    """maps.csv: one row a map, one column for every number that any of them has."""
    columns = list(dict.fromkeys(name for row in table.values() for name in row))
    lines = [",".join(["map", *columns])]
    lines += [
        ",".join([name, *(str(row.get(column, "")) for column in columns)]) for name, row in table.items()
    ]
    write_text_whole(path, "\n".join(lines) + "\n")


def measuring_of(settings: ReconstructSettings, prepared: PreparedData, progress: Progress) -> Measuring:
    """How the settings ask to measure maps."""
    local = (
        LocalWindow(settings.local_threshold, settings.local_window) if settings.local_resolution else None
    )
    return Measuring(settings.seed, given_mask(settings, prepared), local, progress)


def given_mask(settings: ReconstructSettings, prepared: PreparedData) -> torch.Tensor | None:
    """The mask of the settings on the grid of the prepared images."""
    if settings.mask is None:
        return None
    table, origin = prepared.table, prepared.origin
    original = origin.original_box_size, origin.original_pixel_size_in_angstroms
    return torch.from_numpy(
        read_mask_on_grid(settings.mask, table.box_size, table.pixel_size_in_angstroms, original)
    )
