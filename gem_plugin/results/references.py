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


def state_maps(run: RunFiles) -> list[Path]:
    """The mean maps of all states that this run made itself, of the landscape and of landscape-full."""
    found = sorted(run.landscape.rglob("state_*_mean.mrc"))
    return [path for path in found if not path.is_symlink()]


def reference_of(state_map: Path) -> Path:
    """state_001_reference.mrc beside state_001_mean.mrc."""
    return state_map.with_name(state_map.name.replace("_mean", "_reference"))


def write_state_references(run: RunFiles, progress: Progress) -> None:
    """Write the mean map of every state in the original box: zeros beyond the resolution of the working box."""
    maps = state_maps(run)
    if not maps:
        return
    _, _, origin = load_prepared_table(run)
    for path in progress.track(maps, "references of the states", unit="map"):
        volume = torch.from_numpy(read_map(path).volume)
        reference = fourier_crop_volume(volume, origin.original_box_size)
        write_map(reference_of(path), reference.numpy(), origin.original_pixel_size_in_angstroms)
