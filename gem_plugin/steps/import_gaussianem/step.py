"""import-gaussianem: a model that GaussianEM trained becomes a run of ours, for analyze, eval-vol and landscape."""

from pathlib import Path
from typing import Any

import numpy as np
import torch

from gem_plugin.errors import InputError
from gem_plugin.gaussians.volume import render_volumes
from gem_plugin.heterogeneity.decoders.gaussianem import GaussianEmArchitecture, GaussianEmModel
from gem_plugin.io.array_files import write_array, write_numbers
from gem_plugin.io.foreign.gaussianem import (
    GaussianEmConfig,
    newest_weights,
    read_gaussianem_cloud,
    read_gaussianem_config,
    read_gaussianem_latents,
    read_gaussianem_weights,
)
from gem_plugin.io.gaussian_files import GaussianArrays, write_gaussians
from gem_plugin.io.mrc.maps import write_map
from gem_plugin.io.new_files import free_name
from gem_plugin.io.run.aside import is_free
from gem_plugin.io.run.files import RunFiles
from gem_plugin.io.whole_files import files_placed_together
from gem_plugin.progress import Progress
from gem_plugin.results.model import save_gaussianem_model
from gem_plugin.settings import check_settings
from gem_plugin.steps.import_gaussianem.settings import ImportGaussianemSettings


def run_import_gaussianem(settings: ImportGaussianemSettings, progress: Progress) -> dict[str, Any]:
    """Write train/checkpoint.pt, latents.npy and the consensus into the run."""
    check_settings(settings)
    if settings.source is None:
        raise InputError("--source is missing. Expected the folder with GaussianEM's files.")
    run, source = RunFiles(settings.out), settings.source
    if run.root.exists() and not is_free(run.root):
        raise InputError(
            f"{run.root} is not empty; expected a new folder for the run. Give another, such as --out {free_name(run.root)}."
        )
    weights_file = settings.model_weight or newest_weights(source)
    config = read_gaussianem_config(settings.cfg or source / "cfg.json")
    with progress.waiting("reading GaussianEM's files"):
        model = _model(settings.gaussians or source / "point_cloud.ply", config, settings.width_change)
        model.load_network(read_gaussianem_weights(weights_file))
        latents, rows = read_gaussianem_latents(
            settings.latent or weights_file.with_suffix(".output" + weights_file.suffix)
        )
    if latents.shape[1] != config.latent_size:
        raise InputError(
            f"The latents have {latents.shape[1]} dimensions, cfg.json says zdim {config.latent_size}. "
            "Give the files of one training."
        )
    is_part = not np.array_equal(rows, np.arange(len(rows)))
    with progress.waiting("writing the run"), files_placed_together(run.root) as temporary:
        _save(RunFiles(temporary), model, latents)
        if is_part:
            write_numbers(RunFiles(temporary).particle_rows, rows)
    if is_part:
        progress.say(
            f"The latents are those of {len(rows)} particles of a larger set; rows in {run.particle_rows.name}"
        )
    progress.say(
        f"{run.root}: {model.n_gaussians} Gaussians, {len(latents)} latents; continue with gem-em analyze {run.root}"
    )
    return {
        "gaussians": model.n_gaussians,
        "particles": len(latents),
        "latent_size": model.latent_size,
        "weights": str(weights_file),
    }


def _model(gaussians_file: Path, config: GaussianEmConfig, applies_width_change: bool) -> GaussianEmModel:
    cloud = read_gaussianem_cloud(gaussians_file)
    columns = [cloud.raw_densities[:, None], cloud.raw_widths[:, None], cloud.positions_in_half_boxes]
    architecture = GaussianEmArchitecture(
        n_gaussians=len(cloud.raw_densities),
        latent_size=config.latent_size,
        box_size=config.box_size,
        pixel_size_in_angstroms=config.pixel_size_in_angstroms,
        smallest_width_in_pixels=config.scale_min * config.box_size,
        largest_width_in_pixels=config.scale_max * config.box_size,
        applies_width_change=applies_width_change,
        **config.network_sizes,
    )
    return GaussianEmModel(architecture, torch.from_numpy(np.concatenate(columns, 1)))


def _save(run: RunFiles, model: GaussianEmModel, latents: np.ndarray) -> None:
    save_gaussianem_model(run, model)
    write_array(run.latents, latents)
    pixel_size = model.pixel_size_in_angstroms
    cloud = model.consensus().in_angstroms(pixel_size)
    arrays = (cloud.positions, cloud.amplitudes, cloud.widths)
    write_gaussians(run.consensus_gaussians, GaussianArrays(*(values.numpy() for values in arrays)))
    volume = render_volumes(cloud, model.box_size, pixel_size)[0]
    write_map(run.consensus_map, volume.numpy(), pixel_size)
