"""Clouds of Gaussians as PLY files: one vertex a Gaussian, with x, y, z, amplitude and width, in Angstrom."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from plyfile import PlyData, PlyElement, PlyParseError

from gem_plugin.errors import InputError
from gem_plugin.io.whole_files import whole_file

FIELDS = ("x", "y", "z", "amplitude", "width")
HEADER_COMMENT = "GEM Gaussians: positions and widths in Angstrom from the rotation centre"


class GaussianArrays(NamedTuple):
    """One cloud as arrays."""

    positions_in_angstroms: np.ndarray  # (n, 3) float32, ordered xyz
    amplitudes: np.ndarray  # (n,)
    widths_in_angstroms: np.ndarray  # (n,)


def write_gaussians(path: Path, gaussians: GaussianArrays) -> None:
    """Write a binary PLY file that 3D viewers open too."""
    vertices = np.empty(len(gaussians.amplitudes), dtype=[(name, "f4") for name in FIELDS])
    for axis, name in enumerate("xyz"):
        vertices[name] = gaussians.positions_in_angstroms[:, axis]
    vertices["amplitude"] = gaussians.amplitudes
    vertices["width"] = gaussians.widths_in_angstroms
    with whole_file(path) as temporary:
        PlyData([PlyElement.describe(vertices, "vertex")], comments=[HEADER_COMMENT]).write(str(temporary))


def read_gaussians(path: Path) -> GaussianArrays:
    """Read what write_gaussians wrote. Raises InputError for anything else."""
    if not Path(path).is_file():
        raise InputError(
            f"{path} is missing: this run has no consensus Gaussians. Run `gem-em consensus` first."
        )
    try:
        vertices = PlyData.read(str(path))["vertex"].data
    except (PlyParseError, KeyError, ValueError, EOFError, OverflowError) as error:
        raise InputError(
            f"{path} is not a readable PLY file ({error}). Run `gem-em consensus` again."
        ) from error
    missing = [name for name in FIELDS if name not in (vertices.dtype.names or ())]
    if missing:
        raise InputError(
            f"{path}: the vertices have no {', '.join(missing)}; expected {', '.join(FIELDS)}. Is it another program's file?"
        )
    positions = np.stack([vertices[name] for name in "xyz"], axis=1).astype(np.float32)
    values = [vertices[name].astype(np.float32) for name in FIELDS[3:]]
    if not len(positions) or not all(np.isfinite(value).all() for value in (positions, *values)):
        raise InputError(
            f"{path}: expected at least one Gaussian and finite numbers only. Run `gem-em consensus` again."
        )
    return GaussianArrays(positions, *values)
