"""Reconstruct around points of the latent space, each with the neighbourhood that cross-validation prefers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from gem_plugin.devices import choose_device
from gem_plugin.errors import InputError
from gem_plugin.imaging.back_projection import BackProjection
from gem_plugin.imaging.fourier import fourier_shell_correlation
from gem_plugin.io.array_files import read_array, read_number_table, read_rows
from gem_plugin.io.run.files import RunFiles
from gem_plugin.io.run.reconstruct_files import ReconstructFiles
from gem_plugin.io.whole_files import write_text_whole
from gem_plugin.landscape.latents.kernel_weights import (
    best_candidate,
    candidate_sizes,
    cross_validation_errors,
    latent_distances,
    neighbourhood,
)
from gem_plugin.particles.prepared import PreparedData
from gem_plugin.progress import Progress
from gem_plugin.results.decoder import open_volume_source, read_latents
from gem_plugin.steps.reconstruct.half_maps import (
    ColumnValues,
    back_project,
    draw_local_resolutions,
    half_maps_of,
    mask_from_half_maps,
    write_and_measure,
    write_map_table,
)

if TYPE_CHECKING:
    from gem_plugin.steps.reconstruct.settings import ReconstructSettings


def reconstruct_points(
    run: RunFiles,
    prepared: PreparedData,
    halves: np.ndarray,
    settings: ReconstructSettings,
    progress: Progress,
) -> dict[str, Any]:
    """point_001, point_002, ... in the order of the file."""
    from gem_plugin.steps.reconstruct.half_maps import measuring_of

    files, latents = ReconstructFiles(run.root / "reconstruct"), read_latents(run)
    if len(latents) != len(prepared.table):
        raise InputError(
            f"{run.latents} has {len(latents)} rows, {run.prepared_table} {len(prepared.table)}. Train again."
        )
    points = _wanted_points(settings, latents)
    deviations = read_array(run.latents_std, "gem-em train") if run.latents_std.is_file() else None
    measuring = measuring_of(settings, prepared, progress)
    table: dict[str, ColumnValues] = {}
    lines = ["map,particles,width,error,is_chosen"]
    for number, point in enumerate(points, start=1):
        name = f"point_{number:03d}"
        distances = latent_distances(latents, point, deviations)
        reconstructor = _PointReconstruction(prepared, halves, distances, settings.device, progress)
        sizes, errors, chosen = reconstructor.compare(measuring.mask)
        both, n_used, width = reconstructor.at(sizes[chosen], name)
        decoded = _decoded(run, point, prepared.table.box_size)
        half_maps = half_maps_of(both, progress, name)
        measured = write_and_measure(files, name, half_maps, measuring, decoded)
        table[name] = {"particles": n_used, "kernel_width": round(width, 3), **measured}
        lines += [
            f"{name},{size},{neighbourhood(distances, size).width:.4f},{error:.6g},{int(index == chosen)}"
            for index, (size, error) in enumerate(zip(sizes, errors, strict=True))
        ]
    write_map_table(files.points_table, table)
    draw_local_resolutions(run, list(table), "around_latent_points")
    write_text_whole(files.widths, "\n".join(lines) + "\n")
    return {
        "points": len(points),
        "particles_used": [row["particles"] for row in table.values()],
        "resolution_in_angstroms": {name: row["resolution_in_angstroms"] for name, row in table.items()},
    }


class _PointReconstruction:
    """Half-maps of the particles around one point, for neighbourhoods of any size."""

    def __init__(
        self,
        prepared: PreparedData,
        halves: np.ndarray,
        distances: np.ndarray,
        device: str,
        progress: Progress,
    ) -> None:
        self.prepared, self.halves, self.distances = prepared, halves, distances
        self.device, self.progress = choose_device(device), progress

    def at(self, size: int, title: str) -> tuple[BackProjection, int, float]:
        near = neighbourhood(self.distances, size)
        both = back_project(
            self.prepared, near.rows, self.halves, self.device, self.progress, title, near.weights
        )
        return both, len(near.rows), near.width

    def compare(self, mask: torch.Tensor | None) -> tuple[list[int], np.ndarray, int]:
        """The sizes that were tried, their cross-validation errors, and the index of the best."""
        sizes = candidate_sizes(len(self.distances))
        narrowest, candidates = None, []
        for size in sizes:
            both, _, _ = self.at(size, f"{size} particles")
            with self.progress.waiting(f"{size} particles: half-maps"):
                halves = both.volume(0), both.volume(1)
                narrowest = narrowest or halves
                candidates.append(_filtered(halves))
        assert narrowest is not None
        with self.progress.waiting("cross-validation"):
            if mask is None:
                mask = mask_from_half_maps(*halves, self.prepared.table.pixel_size_in_angstroms)
            errors = cross_validation_errors(narrowest, candidates, mask)
        return sizes, errors, best_candidate(errors)


def _filtered(halves: tuple[torch.Tensor, torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
    """Each half-map weighed by its own signal in every shell, so that noise alone does not decide on the width."""
    from gem_plugin.imaging.resolution import half_transform_radius

    correlation = fourier_shell_correlation(*halves).clamp(0, 1).float()
    shells = half_transform_radius(halves[0].shape[-1]).round().long()
    weights = torch.where(shells < len(correlation), correlation[shells.clamp_max(len(correlation) - 1)], 0.0)
    first, second = (torch.fft.irfftn(torch.fft.rfftn(one) * weights, s=one.shape) for one in halves)
    return first, second


def _wanted_points(settings: ReconstructSettings, latents: np.ndarray) -> np.ndarray:  # (points, latent_size)
    if settings.particles is not None:
        return latents[read_rows(settings.particles, len(latents))]
    assert settings.z_values is not None
    wanted = read_number_table(settings.z_values)
    if wanted.shape[1] != latents.shape[1]:
        raise InputError(
            f"{settings.z_values}: expected {latents.shape[1]} numbers a line (the latent size), got {wanted.shape[1]}."
        )
    return wanted.astype(np.float32)


def _decoded(run: RunFiles, point: np.ndarray, box_size: int) -> np.ndarray | None:
    """The map that the model draws at the point."""
    if not run.checkpoint.is_file():
        return None
    source = open_volume_source(run)
    return next(iter(source.decode(point[None]))) if source.box_size == box_size else None
