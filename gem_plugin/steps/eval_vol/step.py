"""eval-vol: decode the maps of chosen particles, or of given latents."""

from typing import Any

from gem_plugin.io.mrc.maps import write_map
from gem_plugin.io.run.files import RunFiles
from gem_plugin.io.run.names import map_file
from gem_plugin.io.run.origin import origin_line
from gem_plugin.progress import Progress
from gem_plugin.results.decoder import MapGrid
from gem_plugin.results.latent_points import read_latent_points
from gem_plugin.results.run import Run
from gem_plugin.steps.eval_vol.settings import EvalVolSettings


def run_eval_vol(run: RunFiles, settings: EvalVolSettings, progress: Progress) -> dict[str, Any]:
    """Write one map per wanted particle or latent, in the order of the file."""
    source = Run(run).decoder(MapGrid(settings.downsample, settings.apix, settings.flip))
    latents = read_latent_points(settings.particles, settings.z_values, source.latents)
    folder = settings.out or run.volumes
    volumes = progress.track(source.decode(latents), "maps", len(latents))
    origin = origin_line(run)
    for number, volume in enumerate(volumes):
        write_map(map_file(folder, number), volume, source.pixel_size_in_angstroms, origin)
    return {"maps": len(latents), "folder": str(settings.out or RunFiles(run.root).volumes)}
