"""Reconstruct around points of the latent space, each with the neighbourhood that cross-validation prefers."""

from typing import Any

import numpy as np
import torch

from gem_plugin.devices import choose_device
from gem_plugin.errors import InputError
from gem_plugin.imaging.back_projection import BackProjection
from gem_plugin.imaging.fourier import fourier_shell_correlation
from gem_plugin.io.run.files import RunFiles
from gem_plugin.io.run.names import point_name
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
from gem_plugin.results.decoder import MapGrid
from gem_plugin.results.latent_points import read_latent_points
from gem_plugin.results.run import Run
from gem_plugin.steps.reconstruct.half_maps import (
    ColumnValues,
    back_project,
    draw_local_resolutions,
    half_maps_of,
    mask_from_half_maps,
    measuring_of,
    write_and_measure,
    write_map_table,
)
from gem_plugin.steps.reconstruct.settings import ReconstructSettings


def reconstruct_points(
    run: RunFiles,
    prepared: PreparedData,
    halves: np.ndarray,
    settings: ReconstructSettings,
    progress: Progress,
) -> dict[str, Any]:
    """point_001, point_002, ... in the order of the file."""
    opened = Run(run)
    files, latents = run.reconstruct, opened.latents
    if len(latents) != len(prepared.table):
        raise InputError(
            f"{run.latents} has {len(latents)} rows, {run.prepared_table} {len(prepared.table)}. Train again."
        )
    points = read_latent_points(settings.particles, settings.z_values, latents)
    deviations = opened.latents_std if run.latents_std.is_file() else None
    measuring = measuring_of(settings, prepared, progress)
    files.remove_points()
    table: dict[str, ColumnValues] = {}
    lines = ["map,particles,width,error,is_chosen"]
    for number, point in enumerate(points, start=1):
        name = point_name(number)
        distances = latent_distances(latents, point, deviations)
        distances[~prepared.is_used] = np.inf
        reconstructor = _PointReconstruction(prepared, halves, distances, settings.device, progress)
        sizes, errors, chosen = reconstructor.compare(measuring.mask)
        both, n_used, width = reconstructor.at(sizes[chosen], name)
        decoded = _decoded(opened, point, prepared.table.box_size)
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
        sizes = candidate_sizes(int(np.isfinite(self.distances).sum()))
        narrowest, candidates = None, []
        for size in sizes:
            both, _, _ = self.at(size, f"{size} particles")
            with self.progress.waiting(f"{size} particles: half-maps"):
                halves = both.volume(0).cpu(), both.volume(1).cpu()
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


def _decoded(run: Run, point: np.ndarray, box_size: int) -> np.ndarray | None:
    """The map that the model draws at the point."""
    if not run.files.checkpoint.is_file():
        return None
    source = run.decoder(MapGrid())
    return next(iter(source.decode(point[None]))) if source.box_size == box_size else None
