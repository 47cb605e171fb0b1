"""export-ply: our Gaussians as the point_cloud.ply and cfg.json that GaussianEM loads."""

from dataclasses import replace
from typing import Any

import torch

from gem_plugin.errors import InputError
from gem_plugin.gaussians.cloud import GaussianCloud
from gem_plugin.heterogeneity.decoders.gaussianem import raw_from_cloud, width_range_for
from gem_plugin.heterogeneity.settings import TrainSettings
from gem_plugin.io.array_files import read_array
from gem_plugin.io.foreign.gaussianem import (
    NETWORK_SIZES,
    GaussianEmCloud,
    GaussianEmConfig,
    write_gaussianem_cloud,
    write_gaussianem_config,
)
from gem_plugin.io.gaussian_files import read_gaussians
from gem_plugin.io.new_files import check_nothing_is_lost
from gem_plugin.io.run.files import RunFiles
from gem_plugin.io.whole_files import files_placed_together
from gem_plugin.particles.prepared import load_prepared_table
from gem_plugin.progress import Progress
from gem_plugin.results.model import load_trained_model
from gem_plugin.settings import check_settings
from gem_plugin.steps.export_ply.settings import ExportPlySettings

GAUSSIANEM_LATENT_SIZE = 10  # its default
POINT_CLOUD, CONFIGURATION = "point_cloud.ply", "cfg.json"


def run_export_ply(run: RunFiles, settings: ExportPlySettings, progress: Progress) -> dict[str, Any]:
    """Write the consensus, or the cloud of one particle."""
    check_settings(settings)
    folder = settings.out or run.gaussianem
    shown = run.as_users_know(folder)
    targets = [shown / name for name in (POINT_CLOUD, CONFIGURATION)]
    check_nothing_is_lost(targets, settings.overwrite, named=shown)
    if settings.particle is None:
        cloud, box_size, pixel_size = _consensus(run)
    else:
        cloud, box_size, pixel_size = _cloud_of_particle(run, settings.particle)
    width_range = width_range_for(cloud.widths)
    raw = raw_from_cloud(cloud, width_range, box_size).numpy()
    defaults = TrainSettings()
    config = GaussianEmConfig(
        box_size,
        pixel_size,
        width_range[0] / box_size,
        width_range[1] / box_size,
        GAUSSIANEM_LATENT_SIZE,
        {name: getattr(defaults, name) for name in NETWORK_SIZES},
        inverts_contrast=False,  # prepared images are white on black already
    )
    with files_placed_together(folder) as temporary:
        written = GaussianEmCloud(raw[:, 2:], raw[:, 0], raw[:, 1])
        write_gaussianem_cloud(temporary / POINT_CLOUD, written)
        write_gaussianem_config(temporary / CONFIGURATION, config)
    progress.say(f"{shown}: {len(cloud)} Gaussians for GaussianEM")
    return {"gaussians": len(cloud), "folder": str(shown)}


def _consensus(run: RunFiles) -> tuple[GaussianCloud, int, float]:
    """In pixels, with the box and the pixel size."""
    table, _, _ = load_prepared_table(run)
    size = table.pixel_size_in_angstroms
    arrays = read_gaussians(run.consensus_gaussians)
    cloud = GaussianCloud(
        torch.from_numpy(arrays.positions_in_angstroms),
        torch.from_numpy(arrays.amplitudes),
        torch.from_numpy(arrays.widths_in_angstroms),
    )
    return cloud.in_pixels(size), table.box_size, size


def _cloud_of_particle(run: RunFiles, particle: int) -> tuple[GaussianCloud, int, float]:
    """In pixels, with the box and the pixel size."""
    latents = read_array(run.latents, f"gem-em train {run.root}")
    if particle >= len(latents):
        raise InputError(f"--particle is {particle}; the run has particles 0 to {len(latents) - 1}.")
    model = load_trained_model(run)
    size = model.pixel_size_in_angstroms
    with torch.no_grad():
        cloud = model.gaussians_at(torch.from_numpy(latents[particle : particle + 1]))
    widths = cloud.widths[0] if cloud.widths.ndim == 2 else cloud.widths
    one = replace(cloud, positions=cloud.positions[0], amplitudes=cloud.amplitudes[0], widths=widths)
    return one.in_pixels(size), model.box_size, size
