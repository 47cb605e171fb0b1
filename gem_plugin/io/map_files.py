"""Reading and writing of 3D maps (MRC). Arrays are ordered zyx, float32."""

from pathlib import Path
from typing import NamedTuple

import mrcfile
import numpy as np

from gem_plugin.errors import InputError
from gem_plugin.io.whole_files import whole_file


class MapFile(NamedTuple):
    """One map with its voxel size."""

    volume: np.ndarray  # (z, y, x) float32
    pixel_size_in_angstroms: float  # 0 when the header does not say


def write_map(path: Path, volume: np.ndarray, pixel_size_in_angstroms: float) -> None:
    """Write one map as a whole file; an earlier file of that name is replaced."""
    with whole_file(Path(path)) as temporary, mrcfile.new(temporary, overwrite=True) as handle:
        handle.set_data(np.ascontiguousarray(volume, dtype=np.float32))
        handle.voxel_size = pixel_size_in_angstroms


def read_map(path: Path) -> MapFile:
    """Read one cubic map; anything else is refused."""
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path}: no such map. Expected an MRC file.")
    try:
        with mrcfile.open(path, mode="r", permissive=False) as handle:
            volume = np.array(handle.data, dtype=np.float32)
            pixel_size = float(handle.voxel_size.x)
    except ValueError as error:
        raise InputError(f"{path}: not a readable MRC map ({error}). Was it written completely?") from error
    if volume.ndim != 3 or len(set(volume.shape)) != 1:
        raise InputError(f"{path}: expected one cubic map, got an array of shape {volume.shape}.")
    return MapFile(volume, pixel_size)
