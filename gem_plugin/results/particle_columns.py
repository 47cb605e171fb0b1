"""The columns of a run read from its files, family by family; column_names.py is the table of them."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Protocol

import numpy as np

from gem_plugin.errors import InputError
from gem_plugin.io.array_files import read_array, read_arrays
from gem_plugin.io.run.files import RunFiles
from gem_plugin.io.run.refined_poses import poses_of_file
from gem_plugin.landscape.latents.components import fit_latent_components
from gem_plugin.particles.expansion import numbers_of_copies
from gem_plugin.particles.table import ParticleTable
from gem_plugin.particles.to_relion import relion_angles_in_degrees
from gem_plugin.results.column_names import COLUMN_FAMILIES, ColumnFamily
from gem_plugin.results.samples import Samples
from gem_plugin.results.tilt_columns import tilt_numbers

MAXIMUM_CATEGORIES = 256
MAXIMUM_COMPONENTS = 10  # of the volume components, as columns


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

    @property
    def is_constant(self) -> bool:
        """Whether all particles have the same value, so that there is nothing to draw."""
        return len(np.unique(self.values)) < 2


class ColumnSource(Protocol):
    """What columns are read from: a run."""

    files: RunFiles

    @property
    def latents_if_there(self) -> np.ndarray | None: ...  # (n, latent_size)

    @property
    def table_if_there(self) -> ParticleTable | None: ...


def read_family(family: ColumnFamily, source: ColumnSource) -> list[ParticleColumn]:
    """The columns of one family that the run has; none where its step was not run."""
    return _READERS[family.shown](source)


def _number(name: str, label: str, values: np.ndarray) -> ParticleColumn:
    return ParticleColumn(name, label, np.ascontiguousarray(values, dtype=np.float32))


def _group(name: str, label: str, values: np.ndarray, lowest: int = 0) -> ParticleColumn:
    """A column of groups, of which 0 is none; a number where groups are many or one is below `lowest`."""
    is_few = len(np.unique(values)) <= MAXIMUM_CATEGORIES and values.min(initial=lowest) >= lowest
    kind = ColumnKind.GROUP if is_few else ColumnKind.NUMBER
    return ParticleColumn(name, label, np.ascontiguousarray(values, dtype=np.float32), kind)


def _plane(path: Path, made_by: str, name: str, what: str) -> list[ParticleColumn]:
    """The two columns of a UMAP."""
    if not path.is_file():
        return []
    layout = read_array(path, made_by)
    return [
        _number(f"{name}_{axis + 1}", f"UMAP {axis + 1}{what} (arbitrary units)", layout[:, axis])
        for axis in (0, 1)
    ]


def _umap(source: ColumnSource) -> list[ParticleColumn]:
    """UMAP of the latents, which analyze or landscape makes: the same latents and seed, so the same plane."""
    made_here = source.files.analyze.umap
    path = made_here if made_here.is_file() else source.files.landscape.umap
    return _plane(path, "gem-em analyze", "umap", "")


def _labels(path: Path, made_by: str, name: str, label: str) -> list[ParticleColumn]:
    return [_group(name, label, read_array(path, made_by))] if path.is_file() else []


def _state(source: ColumnSource) -> list[ParticleColumn]:
    return _labels(source.files.landscape.particle_states, "gem-em landscape", "state", "state")


def _sample(source: ColumnSource) -> list[ParticleColumn]:
    """The samples that the landscape compared; before it those of the particle files."""
    compared, prepared = source.files.landscape.samples, source.files.prepared_samples
    path = compared if compared.is_file() else prepared
    if not path.is_file():
        return []
    samples = Samples.load(path, "gem-em landscape")
    return [_group("sample", f"sample ({samples.in_words}; 0 none)", samples.numbers)]


def _sketch_map(source: ColumnSource) -> list[ParticleColumn]:
    from gem_plugin.results.sketch import Sketch

    files = source.files.landscape
    if not (files.sketch_labels.is_file() and files.sketch_rows.is_file()):
        return []
    n_particles = len(read_array(files.sketch_labels, "gem-em landscape"))
    return [_group("sketch_map", "sketch map", Sketch.load(files, n_particles).map_numbers, lowest=1)]


def _volume_components(source: ColumnSource) -> list[ParticleColumn]:
    path = source.files.landscape.full.coordinates
    if not path.is_file():
        return []
    coordinates = read_array(path, "gem-em landscape-full")[:, :MAXIMUM_COMPONENTS]
    return [
        _number(f"volume_pc_{axis + 1}", f"volume component {axis + 1} (map units)", coordinates[:, axis])
        for axis in range(coordinates.shape[1])
    ]


def _full_state(source: ColumnSource) -> list[ParticleColumn]:
    path = source.files.landscape.full.particle_states
    return _labels(path, "gem-em landscape-full", "full_state", "state of landscape-full")


def _leiden(source: ColumnSource) -> list[ParticleColumn]:
    path = source.files.landscape.full.leiden_states
    return _labels(path, "gem-em landscape-full", "leiden", "Leiden community of landscape-full")


def _volume_umap(source: ColumnSource) -> list[ParticleColumn]:
    path = source.files.landscape.full.umap
    return _plane(path, "gem-em landscape-full", "volume_umap", " of the volume components")


def _regions(source: ColumnSource) -> list[ParticleColumn]:
    path = source.files.landscape.full.regions
    if not path.is_file():
        return []
    arrays = read_arrays(path, "gem-em landscape-full")
    occupancy, motion = arrays["occupancy"], arrays["motion_in_angstroms"]
    names = [str(name) for name in arrays.get("names", np.arange(1, occupancy.shape[1] + 1))]
    columns = []
    for index, name in enumerate(names):
        columns.append(
            _number(f"occupancy_{name}", f"occupancy of {name} (fraction of its mean)", occupancy[:, index])
        )
        columns.append(_number(f"motion_{name}", f"motion of {name} (Å)", motion[:, index]))
    return columns


def _kmeans(source: ColumnSource) -> list[ParticleColumn]:
    return [
        _group(
            files.root.name, f"k-means map of {number}", read_array(files.labels, "gem-em analyze"), lowest=1
        )
        for number, files in source.files.analyze.all_kmeans().items()
        if files.labels.is_file()
    ]


def _latent_components(source: ColumnSource) -> list[ParticleColumn]:
    latents = source.latents_if_there
    if latents is None:
        return []
    scores = fit_latent_components(latents).scores
    return [
        _number(f"latent_pc_{axis + 1}", f"latent component {axis + 1} (latent units)", scores[:, axis])
        for axis in range(scores.shape[1])
    ]


def _latents(source: ColumnSource) -> list[ParticleColumn]:
    latents = source.latents_if_there
    if latents is None:
        return []
    return [
        _number(f"latent_{axis + 1}", f"latent {axis + 1} (latent units)", latents[:, axis])
        for axis in range(latents.shape[1])
    ]


def _latent_norm(source: ColumnSource) -> list[ParticleColumn]:
    latents = source.latents_if_there
    if latents is None:
        return []
    return [_number("latent_norm", "length of the latent (latent units)", np.linalg.norm(latents, axis=1))]


def _latent_standard_deviation(source: ColumnSource) -> list[ParticleColumn]:
    path = source.files.latents_std
    if not path.is_file():
        return []
    mean = read_array(path, "gem-em train").mean(axis=1)
    return [_number("latent_std", "standard deviation of the latent (latent units)", mean)]


def _contrast(source: ColumnSource) -> list[ParticleColumn]:
    path = source.files.contrasts
    if not path.is_file():
        return []
    return [_number("contrast", "contrast of the particle (1: usual)", read_array(path, "gem-em train"))]


def _outlier(source: ColumnSource) -> list[ParticleColumn]:
    path = source.files.outliers
    if not path.is_file():
        return []
    return [_number("outlier", "probability to be an outlier", read_array(path, "gem-em train"))]


def _pose_changes(source: ColumnSource) -> list[ParticleColumn]:
    path = source.files.refined_poses
    if not path.is_file():
        return []
    poses = poses_of_file(source.files)
    return [
        _number("pose_change", "change of the orientation in training (degrees)", poses.rotations_in_degrees),
        _number("shift_change", "change of the centre in training (Å)", poses.distances_in_angstroms),
    ]


def _of_table(
    columns: Callable[[ParticleTable], list[ParticleColumn]],
) -> Callable[..., list[ParticleColumn]]:
    """A reader of columns that come from the prepared table."""

    def read(source: ColumnSource) -> list[ParticleColumn]:
        table = source.table_if_there
        return [] if table is None else columns(table)

    return read


def _angles(table: ParticleTable) -> list[ParticleColumn]:
    with warnings.catch_warnings():  # where tilt is 0 or 180, psi takes the whole rotation and rot is 0
        warnings.filterwarnings("ignore", "Gimbal lock", UserWarning)
        angles = relion_angles_in_degrees(table.rotation_matrices)
    return [
        _number(name, f"{name} (degrees)", angles[:, axis])
        for axis, name in enumerate(("rot", "tilt", "psi"))
    ]


def _shifts(table: ParticleTable) -> list[ParticleColumn]:
    return [
        _number(f"shift_{name}", f"shift along {name} (Å)", table.shifts_in_angstroms[:, axis])
        for axis, name in enumerate("xy")
    ]


def _defocus(table: ParticleTable) -> list[ParticleColumn]:
    mean = (table.defocus_u_in_angstroms + table.defocus_v_in_angstroms) / 2
    return [_number("defocus", "mean defocus (µm)", mean * 1e-4)]


def _row(table: ParticleTable) -> list[ParticleColumn]:
    return [_number("row", "row of the run", np.arange(len(table)))]


def _views(table: ParticleTable) -> list[ParticleColumn]:
    """Only where particles have several views."""
    particles, images = table.particle_indices, table.image_indices
    if len(np.unique(particles)) == len(table):
        return []
    copies = numbers_of_copies(table)
    return [
        _number("particle", "number of the particle", particles),
        _number("image", "number of the image", images),
        *([] if copies is None else [_group("symmetry_copy", "symmetry copy", copies, lowest=0)]),
    ]


def _half_set(table: ParticleTable) -> list[ParticleColumn]:
    return [_group("half_set", "half-set", table.half_sets)]


def _optics_group(table: ParticleTable) -> list[ParticleColumn]:
    return [_group("optics_group", "optics group", table.optics_groups)]


def _tilts_and_tomogram(source: ColumnSource) -> list[ParticleColumn]:
    tilts = tilt_numbers(source.files)
    if tilts is None:
        return []
    return [
        _number("tilt_images", "number of tilt images", tilts.image_counts),
        _group("tomogram", "number of the tomogram", tilts.tomograms, lowest=1),
    ]


def _positions(source: ColumnSource) -> list[ParticleColumn]:
    """Not of image series, whose files give places in each tilt image only."""
    tilts = tilt_numbers(source.files)
    if tilts is None or not np.isfinite(tilts.positions_in_angstroms).all():
        return []
    positions = tilts.positions_in_angstroms
    return [
        _number(f"position_{name}", f"{name} in the tomogram (Å)", positions[:, axis])
        for axis, name in enumerate("xyz")
    ]


_READERS: dict[str, Callable[[ColumnSource], list[ParticleColumn]]] = dict(
    zip(
        (family.shown for family in COLUMN_FAMILIES),
        (
            _umap,
            _state,
            _sample,
            _sketch_map,
            _volume_components,
            _full_state,
            _leiden,
            _volume_umap,
            _regions,
            _kmeans,
            _latent_components,
            _latents,
            _latent_norm,
            _latent_standard_deviation,
            _contrast,
            _outlier,
            _pose_changes,
            _of_table(_angles),
            _of_table(_shifts),
            _of_table(_defocus),
            _of_table(_row),
            _of_table(_views),
            _of_table(_half_set),
            _of_table(_optics_group),
            _tilts_and_tomogram,
            _positions,
        ),
        strict=True,
    )
)


def drawn_columns(columns: list[ParticleColumn]) -> list[ParticleColumn]:
    """Without groups of which all particles are in one: there is nothing to see."""
    return [one for one in columns if one.kind is not ColumnKind.GROUP or not one.is_constant]


def check_length(column: ParticleColumn, n_particles: int, run: RunFiles, made_by: str) -> None:
    """Refuse a column of other particles than the run's."""
    if len(column.values) != n_particles:
        raise InputError(
            f"{column.name} is of {len(column.values)} particles, {run.root} has {n_particles}. "
            f"Run `gem-em {made_by} {run.root}` again."
        )
