"""Maps of the states in the box and pixel size of the original particles, for use as references there.

RELION refuses a reference whose box or pixel size is not that of the particles.
"""

from pathlib import Path

import torch

from gem_plugin.imaging.fourier import fourier_crop_volume
from gem_plugin.io.mrc.maps import read_map, write_map
from gem_plugin.io.run.files import RunFiles
from gem_plugin.particles.prepared import load_prepared_table
from gem_plugin.progress import Progress


def write_state_references(run: RunFiles, progress: Progress) -> None:
    """Write the mean map of every state in the original box: zeros beyond the resolution of the working box.

    Only of states that this run made itself; links to an earlier job's maps are left out.
    """
    maps: dict[Path, Path] = {
        files.mean(number): files.reference(number)
        for files in run.landscape.all_states()
        for number in files.numbers_with_maps()
        if not files.mean(number).is_symlink()
    }
    if not maps:
        return
    _, _, origin = load_prepared_table(run)
    for mean, target in progress.track(list(maps.items()), "references of the states", unit="map"):
        volume = torch.from_numpy(read_map(mean).volume)
        reference = fourier_crop_volume(volume, origin.original_box_size)
        write_map(target, reference.numpy(), origin.original_pixel_size_in_angstroms)
