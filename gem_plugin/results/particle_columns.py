"""Everything known about each particle of a run, as named columns: for the report's plot and for the explorer.

Read from whatever files of the run exist; a part of a run gives some of the columns.
"""

import warnings
from dataclasses import dataclass
from enum import Enum

import numpy as np

from gem_plugin.io.array_files import read_array, read_arrays
from gem_plugin.io.run.files import RunFiles
from gem_plugin.io.run.landscape_files import FullLandscapeFiles, LandscapeFiles
from gem_plugin.landscape.latents.components import fit_latent_components
from gem_plugin.particles.prepared import load_prepared_table
from gem_plugin.particles.table import ParticleTable
from gem_plugin.particles.to_relion import relion_angles_in_degrees

MOST_CATEGORIES = 256
MOST_COMPONENTS = 10  # of the volume components, as columns


class ColumnKind(str, Enum):
    """How a column is drawn: along a colour bar, or one colour a group."""

    NUMBER = "number"
    GROUP = "group"


@dataclass(frozen=True)
class ParticleColumn:
    """One value a particle."""

    name: str  # short and unique: latent_1
    label: str  # for axes, with the unit
    values: np.ndarray  # (n,) float32; whole numbers for groups
    kind: ColumnKind = ColumnKind.NUMBER


def particle_columns(run: RunFiles) -> list[ParticleColumn]:
    """All columns, the most telling ones first."""
    columns = [*_landscape_columns(run), *_latent_columns(run), *_table_columns(run)]
    if not columns:
        return []
    n_particles = max(len(column.values) for column in columns if column.name != "row")
    return [column for column in columns if len(column.values) == n_particles]


def _number(name: str, label: str, values: np.ndarray) -> ParticleColumn:
    return ParticleColumn(name, label, np.ascontiguousarray(values, dtype=np.float32))


def _group(name: str, label: str, values: np.ndarray) -> list[ParticleColumn]:
    """A column of groups, left out where all particles are in one, and drawn as a number where groups are many."""
    n_groups = len(np.unique(values))
    if n_groups < 2:
        return []
    kind = ColumnKind.GROUP if n_groups <= MOST_CATEGORIES and values.min() >= 0 else ColumnKind.NUMBER
    return [ParticleColumn(name, label, np.ascontiguousarray(values, dtype=np.float32), kind)]


def _landscape_columns(run: RunFiles) -> list[ParticleColumn]:
    files = LandscapeFiles(run.landscape)
    columns: list[ParticleColumn] = []
    for path in (run.analyze / "umap.npy", files.umap):
        if path.is_file() and not columns:
            layout = read_array(path, "gem-em analyze")
            columns += [
                _number(f"umap_{axis + 1}", f"UMAP {axis + 1} (arbitrary units)", layout[:, axis])
                for axis in (0, 1)
            ]
    if files.particle_states.is_file():
        columns += _group("state", "state", read_array(files.particle_states, "gem-em landscape"))
    if files.sketch_labels.is_file():
        columns += _group("sketch_map", "sketch map", read_array(files.sketch_labels, "gem-em landscape"))
    columns += _full_landscape_columns(FullLandscapeFiles(files.root / "full"))
    for path in sorted(run.analyze.glob("kmeans*/labels.npy")):
        columns += _group(
            path.parent.name, f"k-means map of {path.parent.name}", read_array(path, "gem-em analyze")
        )
    return columns


def _full_landscape_columns(full: FullLandscapeFiles) -> list[ParticleColumn]:
    """Coordinates, groups and regions of every particle."""
    made_by = "gem-em landscape-full"
    columns: list[ParticleColumn] = []
    if full.coordinates.is_file():
        coordinates = read_array(full.coordinates, made_by)[:, :MOST_COMPONENTS]
        columns += [
            _number(f"volume_pc_{axis + 1}", f"volume component {axis + 1} (map units)", coordinates[:, axis])
            for axis in range(coordinates.shape[1])
        ]
    for name, path in (("full_state", full.particle_states), ("leiden", full.leiden_states)):
        if path.is_file():
            columns += _group(name, f"{name.replace('_', ' ')} (landscape-full)", read_array(path, made_by))
    if full.umap.is_file():
        layout = read_array(full.umap, made_by)
        columns += [
            _number(
                f"volume_umap_{axis + 1}",
                f"UMAP {axis + 1} of the components (arbitrary units)",
                layout[:, axis],
            )
            for axis in (0, 1)
        ]
    return columns + _region_columns(full)


def _region_columns(full: FullLandscapeFiles) -> list[ParticleColumn]:
    if not full.regions.is_file():
        return []
    arrays = read_arrays(full.regions, "gem-em landscape-full")
    occupancy, motion = arrays["occupancy"], arrays["motion_in_angstroms"]
    names = [str(name) for name in arrays.get("names", np.arange(1, occupancy.shape[1] + 1))]
    columns = []
    for place, name in enumerate(names):
        columns.append(
            _number(f"occupancy_{name}", f"occupancy of {name} (share of its mean)", occupancy[:, place])
        )
        columns.append(_number(f"motion_{name}", f"motion of {name} (Å)", motion[:, place]))
    return columns


def _latent_columns(run: RunFiles) -> list[ParticleColumn]:
    if not run.latents.is_file():
        return []
    columns = latent_columns(read_array(run.latents, "gem-em train"))
    if run.latents_std.is_file():
        spread = read_array(run.latents_std, "gem-em train").mean(axis=1)
        columns.append(_number("latent_std", "uncertainty of the latent (latent units)", spread))
    if run.contrasts.is_file():
        contrasts = read_array(run.contrasts, "gem-em train")
        columns.append(_number("contrast", "contrast of the particle (1: usual)", contrasts))
    return columns


def latent_columns(latents: np.ndarray) -> list[ParticleColumn]:  # (n, latent_size)
    """Latents, their principal components, and their length."""
    components = fit_latent_components(latents).scores
    columns = [
        _number(f"latent_pc_{axis + 1}", f"latent component {axis + 1} (latent units)", components[:, axis])
        for axis in range(latents.shape[1])
    ]
    columns += [
        _number(f"latent_{axis + 1}", f"latent {axis + 1} (latent units)", latents[:, axis])
        for axis in range(latents.shape[1])
    ]
    columns.append(
        _number("latent_norm", "length of the latent (latent units)", np.linalg.norm(latents, axis=1))
    )
    return columns


def _table_columns(run: RunFiles) -> list[ParticleColumn]:
    if not run.prepared_table.is_file():
        return []
    table, _, _ = load_prepared_table(run)
    return _columns_of_table(table)


def _columns_of_table(table: ParticleTable) -> list[ParticleColumn]:
    with warnings.catch_warnings():  # where tilt is 0 or 180, psi takes the whole turn and rot is 0
        warnings.filterwarnings("ignore", "Gimbal lock", UserWarning)
        angles = relion_angles_in_degrees(table.rotation_matrices)
    columns = [
        _number(name, f"{name} (degrees)", angles[:, axis])
        for axis, name in enumerate(("rot", "tilt", "psi"))
    ]
    columns += [
        _number(f"shift_{axis}", f"shift along {axis} (Å)", table.shifts_in_angstroms[:, number])
        for number, axis in enumerate("xy")
    ]
    defocus = (table.defocus_u_in_angstroms + table.defocus_v_in_angstroms) / 2
    columns.append(_number("defocus", "mean defocus (µm)", defocus * 1e-4))
    columns.append(_number("row", "row in the input", np.arange(len(table))))
    columns += _group("half_set", "half set", table.half_sets)
    columns += _group("optics_group", "optics group", table.optics_groups)
    return columns
