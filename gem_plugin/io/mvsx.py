"""MolViewSpec archives (.mvsx): a zip file with the scene, index.mvsj, and the maps that it names, for molstar.org/viewer."""

import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from gem_plugin.io.mrc.header import HEADER_DTYPE, mrc_header_bytes
from gem_plugin.io.whole_files import whole_file

INDEX = "index.mvsj"
INT16_MODE, LARGEST_INT16 = 1, 32767


def write_mvsx(path: Path, scene: Mapping[str, Any], files: Mapping[str, bytes]) -> None:
    """Write a scene with its files, which it names relative to itself."""
    with whole_file(path) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(INDEX, json.dumps(scene))
        for name, content in files.items():
            archive.writestr(name, content)


def small_map_bytes(
    volume: np.ndarray,  # (z, y, x)
    pixel_size_in_angstroms: float,
    full_scale: float,  # density that becomes the largest number, for all maps of a scene
) -> bytes:
    """A map as an MRC file of 16-bit integers: half as large as float32, and it compresses better; density times level_in_file."""
    scaled = volume * level_in_file(1.0, full_scale)
    values = np.clip(np.round(scaled), -LARGEST_INT16, LARGEST_INT16).astype("<i2")
    statistics = (float(values.min()), float(values.max()), float(values.mean()), float(values.std()))
    n_sections, n_rows, n_columns = values.shape
    header_bytes = mrc_header_bytes(
        (n_sections, n_rows, n_columns), pixel_size_in_angstroms, True, statistics
    )
    header = np.frombuffer(bytearray(header_bytes), dtype=HEADER_DTYPE.newbyteorder("<"))
    header["mode"] = INT16_MODE
    return header.tobytes() + values.tobytes()


def level_in_file(level: float, full_scale: float) -> float:
    """A density in the numbers of small_map_bytes."""
    return level * LARGEST_INT16 / full_scale
