"""Scenes for Mol* beside the scripts for ChimeraX: the states, and the consensus coloured by motion, each an archive with its maps."""

from pathlib import Path

import numpy as np
from scipy.ndimage import binary_dilation

from gem_plugin.imaging.resampling import resample_map
from gem_plugin.io.mrc.maps import read_map
from gem_plugin.io.mvsx import level_in_file, small_map_bytes, write_mvsx
from gem_plugin.reports.chimerax_scripts import PALETTE
from gem_plugin.reports.figures.palette import colour_of_group
from gem_plugin.reports.molviewspec import Surface, motion_scene, states_scene
from gem_plugin.reports.state_labels import labels_of_states
from gem_plugin.results.run import Run

MAXIMUM_SIDE = 128  # voxels of a map in an archive: a few megabytes, and any browser can turn it


def write_scene_of_states(path: Path, run: Run, level: float) -> Path:
    """All states at one density level, side by side and on each other."""
    labels, states, contents = labels_of_states(run), [], {}
    full_scale, width = 0.0, 0.0
    small = {}
    for number, file in run.state_maps.items():
        volume, pixel_size = read_map(file)
        small[number] = _at_most(volume, pixel_size)
        full_scale = max(full_scale, float(np.abs(small[number][0]).max()))
        width = len(volume) * pixel_size
    for number, (volume, pixel_size) in small.items():
        name = run.state_maps[number].name
        states.append(Surface(name, colour_of_group(number), labels[number]))
        contents[name] = small_map_bytes(volume, pixel_size, full_scale or 1.0)
    scene = states_scene(
        states, level_in_file(level, full_scale or 1.0), width, f"States of {run.files.root.name}"
    )
    write_mvsx(path, scene, contents)
    return path


def write_scene_of_motion(
    path: Path,
    density: np.ndarray,  # (b, b, b): the consensus
    motion: np.ndarray,  # (b, b, b): motion in Angstrom, 0 in the solvent
    pixel_size_in_angstroms: float,
    level: float,
    highest: float,  # motion in Angstrom that gets the last colour
    arrow_ends: np.ndarray,  # (n, 2, 3) xyz in Angstrom from the first voxel
) -> Path:
    """The consensus in bands of motion, one map and one colour each.

    MolViewSpec 1 has no colouring of one map by another, so each band is a map of its own: the density where the motion
    is in the band, one voxel wider so that the surface closes.
    """
    smaller, pixel_size = _at_most(density, pixel_size_in_angstroms)
    values, _ = _at_most(motion, pixel_size_in_angstroms)
    colours = PALETTE.split(":")
    edges = np.linspace(0, highest, len(colours) + 1)
    band_of = np.clip(np.digitize(values, edges) - 1, 0, len(colours) - 1)
    full_scale = float(np.abs(smaller).max()) or 1.0
    bands, contents = [], {}
    for index, colour in enumerate(colours):
        is_in_band = (band_of == index) & (smaller > level / 2)
        if not is_in_band.any():
            continue
        name = f"motion_{edges[index]:.1f}_to_{edges[index + 1]:.1f}_angstrom.mrc"
        part = np.where(binary_dilation(is_in_band), smaller, 0)
        bands.append(Surface(name, colour, f"{edges[index]:.1f} to {edges[index + 1]:.1f} A"))
        contents[name] = small_map_bytes(part, pixel_size, full_scale)
    scene = motion_scene(
        bands, level_in_file(level, full_scale), arrow_ends, "Consensus coloured by rms motion"
    )
    write_mvsx(path, scene, contents)
    return path


def _at_most(volume: np.ndarray, pixel_size_in_angstroms: float) -> tuple[np.ndarray, float]:
    """The map in a box of at most MAXIMUM_SIDE, with its pixel size."""
    side = len(volume)
    if side <= MAXIMUM_SIDE:
        return volume, pixel_size_in_angstroms
    factor = side / MAXIMUM_SIDE
    return resample_map(volume, factor, MAXIMUM_SIDE), pixel_size_in_angstroms * factor
