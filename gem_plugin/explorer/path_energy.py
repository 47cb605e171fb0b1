"""The free energy along a path, with its error, where landscape-full has measured it."""

import re
from typing import NamedTuple

import numpy as np

from gem_plugin.errors import GemError
from gem_plugin.explorer.opened_run import OpenedRun
from gem_plugin.io.array_files import read_arrays
from gem_plugin.landscape.free_energy import FreeEnergy

NAME_PATTERN = re.compile(r"free_energy_(\d+)_(\d+)")


class PathEnergy(NamedTuple):
    """At the particle of each point, on two volume components."""

    columns: tuple[str, str]
    energy_in_kt: np.ndarray  # (p,), NaN where too few particles were seen
    error_in_kt: np.ndarray  # (p,): bootstrap standard deviation


def energy_of_run(opened: OpenedRun, rows: np.ndarray) -> PathEnergy | None:  # (p,)
    """Energies at particles, from the map of landscape-full; None where there is none of these particles."""
    for path in opened.run.landscape.full.energies():
        named = NAME_PATTERN.fullmatch(path.stem)
        columns = (f"volume_pc_{named[1]}", f"volume_pc_{named[2]}") if named else ("", "")
        if not all(name in opened.columns for name in columns):
            continue
        try:
            landscape = _landscape(read_arrays(path, "gem-em landscape-full"))
        except (GemError, KeyError):
            continue
        if not landscape.has_energies:
            continue
        points = np.stack([opened.columns[name].values[rows] for name in columns], axis=1)
        return PathEnergy(columns, *energies_at(landscape, points))
    return None


def energies_at(
    landscape: FreeEnergy,
    points: np.ndarray,  # (p, 2)
) -> tuple[np.ndarray, np.ndarray]:  # (p,) each: energy, error
    """Values of the cells in which points lie; NaN outside the grid."""
    energy, error = np.full((2, len(points)), np.nan)
    x, y = landscape.x_centres, landscape.y_centres
    half_x, half_y = (x[1] - x[0]) / 2, (y[1] - y[0]) / 2
    for index, point in enumerate(points):
        is_inside = (
            x[0] - half_x <= point[0] <= x[-1] + half_x and y[0] - half_y <= point[1] <= y[-1] + half_y
        )
        if is_inside:
            cell = landscape.cell_of(point)
            energy[index], error[index] = landscape.energy_in_kt[cell], landscape.error_in_kt[cell]
    return energy, error


def _landscape(arrays: dict[str, np.ndarray]) -> FreeEnergy:
    names = ("energy_in_kt", "error_in_kt", "density", "x_centres", "y_centres", "bandwidths")
    return FreeEnergy(*(arrays[name] for name in names))
