"""Reading and writing of 3D maps (MRC). Arrays are ordered zyx, float32."""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from gem_plugin.errors import InputError
from gem_plugin.io.mrc.header import mrc_header_bytes, read_mrc_header
from gem_plugin.io.run.origin import origin_line_of_file
from gem_plugin.io.whole_files import whole_file


class MapFile(NamedTuple):
    """One map with its voxel size."""

    volume: np.ndarray  # (z, y, x) float32
    pixel_size_in_angstroms: float  # 0 when the header does not say


def read_map(path: Path) -> MapFile:
    """Read one cubic map, ordered zyx whatever the order of axes in the file."""
    header = read_mrc_header(path)
    if len(set(header.shape)) != 1:
        raise InputError(f"{path}: expected one cubic map, got an array of shape {header.shape}.")
    with open(path, "rb") as handle:
        handle.seek(header.data_offset)
        raw = handle.read(header.shape[0] * header.bytes_per_image)
    stored = np.frombuffer(raw, dtype=header.dtype).reshape(header.shape).astype(np.float32)
    array_axis_of = {axis: 2 - index for index, axis in enumerate(header.axis_order)}  # x, y, z are 1, 2, 3
    volume = np.ascontiguousarray(stored.transpose([array_axis_of[axis] for axis in (3, 2, 1)]))
    not_finite = np.argwhere(~np.isfinite(volume))
    if len(not_finite):
        first = tuple(int(index) for index in not_finite[0])
        raise InputError(
            f"{path}: {len(not_finite)} voxels are not numbers, the first at (z, y, x) = {first}. Make the map again."
        )
    return MapFile(volume, header.pixel_size_in_angstroms)


def write_map(
    path: Path,
    volume: np.ndarray,  # (z, y, x)
    pixel_size_in_angstroms: float,
    label: str | None = None,  # where it came from; default: by the run whose folder it is written into
) -> None:
    """Write one map as a whole file; an earlier file of that name is replaced."""
    values = np.ascontiguousarray(volume, dtype="<f4")
    n_sections, n_rows, n_columns = values.shape
    mean, standard_deviation = float(values.mean(dtype=np.float64)), float(values.std(dtype=np.float64))
    statistics = (float(values.min()), float(values.max()), mean, standard_deviation)
    shape, label = (n_sections, n_rows, n_columns), label or origin_line_of_file(path)
    header = mrc_header_bytes(shape, pixel_size_in_angstroms, True, statistics, label)
    with whole_file(Path(path)) as temporary, open(temporary, "wb") as handle:
        handle.write(header)
        handle.write(values.data)
