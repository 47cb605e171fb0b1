"""eval-vol: decode the maps of chosen particles, or of given latents."""

from typing import Any

import numpy as np

from gem_plugin.errors import InputError
from gem_plugin.io.array_files import read_number_table, read_rows
from gem_plugin.io.mrc.maps import write_map
from gem_plugin.io.run.files import RunFiles
from gem_plugin.io.run.origin import origin_line
from gem_plugin.progress import Progress
from gem_plugin.results.decoder import open_volume_source
from gem_plugin.steps.eval_vol.settings import EvalVolSettings


def run_eval_vol(run: RunFiles, settings: EvalVolSettings, progress: Progress) -> dict[str, Any]:
    """Write one map per wanted particle or latent, in the order of the file."""
    if (settings.particles is None) == (settings.z_values is None):
        raise InputError("Give either --particles or --z-values: a text file of rows, or one of latents.")
    source = open_volume_source(run, settings.downsample, settings.apix, settings.flip)
    latents = _wanted_latents(settings, source.latents)
    folder = settings.out or run.root / "volumes"
    volumes = progress.track(source.decode(latents), "maps", len(latents))
    origin = origin_line(run)
    for number, volume in enumerate(volumes):
        write_map(folder / f"vol_{number:03d}.mrc", volume, source.pixel_size_in_angstroms, origin)
    return {"maps": len(latents), "folder": str(folder)}


def _wanted_latents(settings: EvalVolSettings, latents: np.ndarray) -> np.ndarray:  # (k, latent_size) float32
    if settings.particles is not None:
        return latents[read_rows(settings.particles, len(latents))]
    assert settings.z_values is not None
    wanted = read_number_table(settings.z_values)
    if wanted.shape[1] != latents.shape[1]:
        raise InputError(
            f"{settings.z_values}: expected {latents.shape[1]} numbers a line (the latent size), got {wanted.shape[1]}."
        )
    return wanted.astype(np.float32)
