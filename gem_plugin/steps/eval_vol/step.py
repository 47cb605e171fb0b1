"""eval-vol: decode the maps of chosen particles, or of given latents."""

from typing import Any

from gem_plugin.io.mrc.maps import write_map
from gem_plugin.io.new_files import check_nothing_is_lost
from gem_plugin.io.run.files import RunFiles
from gem_plugin.io.run.names import map_file, map_files
from gem_plugin.io.run.origin import origin_line
from gem_plugin.io.whole_files import files_placed_together
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
    shown = run.as_users_know(folder)
    check_nothing_is_lost(map_files(shown), settings.overwrite, named=shown)
    volumes = progress.track(source.maps_for_files(latents), "maps", len(latents))
    origin = origin_line(run)
    with files_placed_together(folder) as temporary:
        for number, volume in enumerate(volumes):
            write_map(map_file(temporary, number), volume, source.pixel_size_in_angstroms, origin)
    for path in map_files(folder)[len(latents) :]:  # of an earlier, longer series
        path.unlink()
    return {"maps": len(latents), "folder": str(shown)}
