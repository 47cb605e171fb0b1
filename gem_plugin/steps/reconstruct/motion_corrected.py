"""Motion-corrected consensus: every particle is back-projected with its motion undone, part by part.

The model says how each part of the molecule lies in each particle. Fitted as a rotation and a shift, this changes the pose
under which the particle's image is inserted into the map of that part; the maps of the parts are then put together,
each where its Gaussians are. Every voxel is the work of all particles, and only of images, never of decoded density.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gem_plugin.devices import choose_device
from gem_plugin.errors import InputError
from gem_plugin.gaussians.cloud import GaussianCloud
from gem_plugin.imaging.back_projection import combine_half_maps
from gem_plugin.imaging.resolution import (
    RESOLUTION_FSC,
    half_map_curves,
    resolution_in_angstroms,
)
from gem_plugin.io.mrc.maps import write_map
from gem_plugin.io.run import figure_names as names
from gem_plugin.io.run.files import RunFiles
from gem_plugin.io.run.reconstruct_files import ReconstructFiles
from gem_plugin.io.whole_files import write_text_whole
from gem_plugin.landscape.latents.kernel_weights import most_populated_point
from gem_plugin.landscape.motion.rigid import RigidMotions, fit_rigid_motions, part_weights
from gem_plugin.landscape.motion.rigid_pieces import rigid_pieces
from gem_plugin.landscape.volume_source import VolumeSource
from gem_plugin.particles.prepared import PreparedData
from gem_plugin.progress import Progress
from gem_plugin.reports.figures.reconstruction import draw_shell_correlations
from gem_plugin.results.csv_tables import read_number_columns
from gem_plugin.results.decoder import MapGrid
from gem_plugin.results.run import Run
from gem_plugin.steps.reconstruct.half_maps import (
    ColumnValues,
    HalfMaps,
    back_project,
    curve_table,
    draw_local_resolutions,
    half_maps_of,
    mask_from_half_maps,
    measuring_of,
    write_and_measure,
    write_map_table,
)
from gem_plugin.steps.reconstruct.settings import ReconstructSettings

PARTICLES_COMPARED = 200  # to find which Gaussians move together
CLOUDS_AT_A_TIME = 64
MOBILE_FRACTION = 0.5  # of the motion of the most mobile Gaussians: what counts as the moving region


@dataclass(frozen=True)
class MovingParts:
    """The molecule of one particle, cut into parts, and how each part lies in every particle."""

    weights: Tensor  # (parts, box, box, box)
    motions: list[RigidMotions]  # per part, all particles
    mobile: Tensor  # (box, box, box), 0 to 1: fraction of parts that move much
    reference_row: int  # the particle whose conformation the map shows


def reconstruct_deformed(
    run: RunFiles,
    prepared: PreparedData,
    halves: np.ndarray,
    settings: ReconstructSettings,
    progress: Progress,
) -> dict[str, Any]:
    """Half-maps with and without the motion, and their resolution in the whole and in the moving region."""
    files, device = run.reconstruct, choose_device(settings.device)
    table, rows = prepared.table, np.arange(len(prepared.table))
    source = Run(run).decoder(MapGrid())
    if source.clouds_at is None or len(source.latents) != len(table):
        raise InputError(
            f"{run.root} has no model of the motion of these particles. Run `gem-em train` first."
        )
    parts = _find_parts(source, settings, prepared, progress)
    sums = [torch.zeros(table.box_size, table.box_size, table.box_size) for _ in range(2)]
    for number, (weight, motions) in enumerate(zip(parts.weights, parts.motions, strict=True), start=1):
        title = f"part {number} of {len(parts.motions)}"
        both = back_project(prepared, rows, halves, device, progress, title, motions=motions)
        with progress.waiting(f"{title}: half-maps"):
            for half in range(2):
                sums[half] += weight * both.volume(half).cpu()
    both = back_project(prepared, rows, halves, device, progress, "without motion")
    still = half_maps_of(both, progress, "without motion")
    corrected = HalfMaps(
        sums[0], sums[1], table.pixel_size_in_angstroms, lambda _: combine_half_maps(sums[0], sums[1]).volume
    )
    rows_of_maps = _measure_both(files, corrected, still, parts.mobile, settings, prepared, progress)
    write_map_table(files.deformed_table, rows_of_maps)
    names_of_maps = ("deformed", "undeformed", "deformed_moving_region", "undeformed_moving_region")
    curves = {name: read_number_columns(files.curves(name)) for name in names_of_maps}
    draw_shell_correlations(run.figures / names.FSC_MOTION_UNDONE, curves)
    draw_local_resolutions(run, list(rows_of_maps), "with_the_motion_undone")
    numbers = ("resolution_in_angstroms", "resolution_of_moving_region_in_angstroms")
    return {
        "parts": len(parts.motions),
        "conformation_of_particle": parts.reference_row,
        **{f"{map_name}_{name}": row[name] for map_name, row in rows_of_maps.items() for name in numbers},
    }


def _measure_both(
    files: ReconstructFiles,
    corrected: HalfMaps,
    still: HalfMaps,
    mobile: Tensor,
    settings: ReconstructSettings,
    prepared: PreparedData,
    progress: Progress,
) -> dict[str, ColumnValues]:
    """One mask for both maps, so that the curves can be compared."""
    measuring = measuring_of(settings, prepared, progress)
    mask = measuring.mask
    if mask is None:
        mask = mask_from_half_maps(corrected.first, corrected.second, corrected.pixel_size_in_angstroms)
    moving_mask = mask * mobile
    write_map(files.mask("moving_region"), moving_mask.numpy(), corrected.pixel_size_in_angstroms)
    table: dict[str, ColumnValues] = {}
    for name, both in (("deformed", corrected), ("undeformed", still)):
        row = write_and_measure(files, name, both, replace(measuring, mask=mask))
        generator = torch.Generator().manual_seed(settings.seed)
        curves = half_map_curves(both.first, both.second, moving_mask, generator)
        resolution = resolution_in_angstroms(
            curves.corrected, RESOLUTION_FSC, both.box_size, both.pixel_size_in_angstroms
        )
        mean = float(curves.corrected[1:].mean())
        text = curve_table(curves, None, both.box_size * both.pixel_size_in_angstroms)
        write_text_whole(files.curves(f"{name}_moving_region"), text)
        table[name] = {
            "particles": int(prepared.is_used.sum()),
            **row,
            "resolution_of_moving_region_in_angstroms": round(resolution, 2),
            "mean_fsc_of_moving_region": round(mean, 4),
        }
    return table


def _find_parts(
    source: VolumeSource, settings: ReconstructSettings, prepared: PreparedData, progress: Progress
) -> MovingParts:
    assert source.clouds_at is not None
    latents, table = source.latents, prepared.table
    generator = np.random.default_rng(settings.seed)
    used = np.flatnonzero(prepared.is_used)
    sample = np.sort(generator.permutation(used)[:PARTICLES_COMPARED])
    with progress.waiting("parts that move together"):
        some = source.clouds_at(latents[sample])
        places = some.positions.cpu().numpy().astype(np.float64)
        pieces = rigid_pieces(places, settings.parts, settings.seed)
        chosen = int(used[most_populated_point(latents[used], generator)])
        reference = _one_cloud(source.clouds_at(latents[chosen : chosen + 1]))
        weights = part_weights(reference, pieces + 1, table.box_size, table.pixel_size_in_angstroms)
    members = [torch.from_numpy(pieces == number) for number in range(len(weights))]
    collected: list[list[RigidMotions]] = [[] for _ in members]
    starts = range(0, len(latents), CLOUDS_AT_A_TIME)
    for start in progress.track(starts, "motion of the parts", unit="batch"):
        positions = source.clouds_at(latents[start : start + CLOUDS_AT_A_TIME]).positions.cpu()
        for fitted, member in zip(collected, members, strict=True):
            fitted.append(
                fit_rigid_motions(
                    reference.positions[member],
                    positions[:, member],
                    reference.amplitudes[member],
                )
            )
    motions = [
        RigidMotions(*(torch.cat(values) for values in zip(*fitted, strict=True))) for fitted in collected
    ]
    displacement = np.sqrt(((places - places.mean(axis=0)) ** 2).sum(axis=2).mean(axis=0))
    of_part = torch.tensor([float(displacement[member.numpy()].mean()) for member in members])
    is_mobile = (of_part >= MOBILE_FRACTION * of_part.max()).float()
    return MovingParts(weights, motions, torch.einsum("p,pzyx->zyx", is_mobile, weights), chosen)


def _one_cloud(batch: GaussianCloud) -> GaussianCloud:
    widths = batch.widths.reshape(-1, len(batch))[0]
    amplitudes = batch.amplitudes.reshape(-1, len(batch))[0]
    return GaussianCloud(batch.positions[0].cpu(), amplitudes.cpu(), widths.cpu(), batch.unit)


def _rows(amplitudes: Tensor) -> np.ndarray:  # (batch, n)
    return amplitudes.reshape(-1, amplitudes.shape[-1]).cpu().numpy()
