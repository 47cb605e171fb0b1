"""Particles of RELION 5 and WarpTools as 2D stacks: one row and one stack a particle, the tilts in files of their own.

Geometry, defocus, dose and weight of each image come from the tilt series; the stack holds the tilts in the order of its rows.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from gem_plugin.errors import InputError
from gem_plugin.io.mrc.header import MrcHeader
from gem_plugin.io.project_folder import ImageSearch, find_stacks
from gem_plugin.io.star.particles import RelionFile
from gem_plugin.notices import note, warn
from gem_plugin.particles.processing_flags import PROCESSED_FLAGS, image_processing_of
from gem_plugin.particles.tilt_series.coordinates import coordinates_in_angstroms, is_warptools
from gem_plugin.particles.tilt_series.geometry import (
    defocus_change_in_angstroms,
    euler_matrices,
    image_geometry,
    positions_of_particles,
)
from gem_plugin.particles.tilt_series.refusals import refuse_aberrations, refuse_volumes
from gem_plugin.particles.tilt_series.stack_columns import (
    CLASS,
    FRAMES,
    GROUP,
    StackColumns,
    read_stack_columns,
)
from gem_plugin.particles.tilt_series.stack_slices import read_headers
from gem_plugin.particles.tilt_series.table import TiltImages, TiltSeriesForm, TiltSeriesParticles
from gem_plugin.particles.tilt_series.tomograms import OPTICS, TiltSeries, read_tomograms
from gem_plugin.particles.tilt_series.visible_frames import (
    COMPACT,
    INDEXED,
    layout_of,
    parse_flags,
    slices_of,
)
from gem_plugin.progress import Track, untracked

OPTICS_TOLERANCE = 1e-3  # as RELION demands of particles and tomograms


@dataclass(frozen=True)
class StackFiles:
    """The files of one set of 2D stacks."""

    particles: RelionFile
    tomograms: Path
    trajectories: Path | None = None


def read_stacks(
    files: StackFiles, search: ImageSearch | None = None, track: Track = untracked
) -> TiltSeriesParticles:
    """All particles with every image that is visible; tilts of weight 0 are still among them."""
    refuse_volumes(files.particles)
    refuse_aberrations(files.particles)
    columns = read_stack_columns(files.particles)
    tomograms = read_tomograms(files.tomograms, search, set(columns.tomograms.tolist()))
    _check_tomograms(columns, tomograms, files.tomograms)
    found = find_stacks(dict.fromkeys(columns.stacks.tolist()), files.particles.path, search)
    headers = read_headers(found.paths, columns.box_size, files.particles.path, track)
    for doubt in found.doubts:
        warn(doubt)
    placement = _placement(columns, tomograms)
    particles = TiltSeriesParticles(
        names=columns.names,
        tomograms=columns.tomograms,
        coordinates_in_angstroms=placement.positions,
        subtomogram_angles_in_degrees=columns.subtomogram_angles,
        rotation_matrices=(placement.subtomograms @ placement.particles).astype(np.float32),
        origins_in_angstroms=placement.origins,
        half_sets=columns.half_sets,
        class_numbers=columns.whole_numbers(CLASS),
        optics_groups=columns.whole_numbers(GROUP),
        file_rows=np.arange(len(columns)),
        images=_images(columns, placement, tomograms, headers),
        box_size=next(iter(headers.values())).shape[2],
        pixel_size_in_angstroms=columns.pixel_size_in_angstroms,
        form=TiltSeriesForm.WARPTOOLS if is_warptools(columns.tomograms) else TiltSeriesForm.RELION,
        path=files.particles.path,
        stack_paths=found.paths,
        tomograms_path=files.tomograms,
        trajectories_path=files.trajectories,
    )
    _warn_of_positions(particles, tomograms)
    return particles


@dataclass(frozen=True)
class _Placement:
    """Where the n particles are and point, in the frame of their tomogram."""

    positions: np.ndarray  # (n, 3) Angstrom from the centre, origins taken off
    subtomograms: np.ndarray  # (n, 3, 3): E of the subtomogram angles
    particles: np.ndarray  # (n, 3, 3): E of the particle angles
    origins: np.ndarray  # (n, 3) Angstrom


def _placement(columns: StackColumns, tomograms: Mapping[str, TiltSeries]) -> _Placement:
    coordinates = coordinates_in_angstroms(
        columns.values, tomograms, columns.pixel_size_in_angstroms, columns.file
    )
    subtomograms, origins = euler_matrices(columns.subtomogram_angles), columns.origins
    positions = positions_of_particles(coordinates, subtomograms, origins)
    return _Placement(positions, subtomograms, euler_matrices(columns.angles), origins)


def _check_tomograms(columns: StackColumns, tomograms: Mapping[str, TiltSeries], path: Path) -> None:
    """Every particle's tomogram is there, with the optics of the particle."""
    for row, name in enumerate(columns.tomograms.tolist()):
        if name not in tomograms:
            raise InputError(
                f"{columns.at(row)}: its tomogram {name} is not in {path}. "
                "Give the tomograms.star of the same extraction, or its optimisation set."
            )
    attributes = ("voltage_in_kilovolts", "spherical_aberration_in_millimetres", "amplitude_contrast")
    for label, attribute in zip(OPTICS, attributes):
        if label not in columns.values:
            continue
        of_tomograms = {name: getattr(series, attribute) for name, series in tomograms.items()}
        expected = np.array([of_tomograms[name] for name in columns.tomograms.tolist()])
        difference = np.abs(columns.values[label] - expected)
        wrong = np.flatnonzero(difference > OPTICS_TOLERANCE * np.maximum(1, np.abs(expected)))
        if len(wrong):
            row = int(wrong[0])
            raise InputError(
                f"{columns.at(row)}: {label} is {columns.values[label][row]:g}, but {expected[row]:g} in {path}. "
                "Both must have one value (RELION needs that too); are they of one extraction?"
            )


def _images(
    columns: StackColumns,
    placement: _Placement,
    tomograms: Mapping[str, TiltSeries],
    headers: Mapping[str, MrcHeader],
) -> TiltImages:
    """The images of all tomograms, tomogram by tomogram."""
    visible = {
        name: _visible(columns, rows, tomograms[name], headers) for name, rows in _rows_of(columns).items()
    }
    n_indexed = sum(int((~one.is_compact).sum()) for one in visible.values())
    if n_indexed:
        note(
            f"{columns.file.path}: the stacks of {n_indexed} particles hold all tilts, hidden ones included, as WarpTools wrote "
            "until July 2026; the hidden ones are left out."
        )
    parts = [_images_of_tomogram(placement, tomograms[name], one, columns) for name, one in visible.items()]
    images = TiltImages.joined(parts)
    flags = {
        label: columns.values[label][images.file_rows] for label in PROCESSED_FLAGS if label in columns.values
    }
    return replace(images, image_processing=image_processing_of(flags, len(images), columns.file.path))


def _rows_of(columns: StackColumns) -> dict[str, np.ndarray]:
    """The particles of each tomogram, by its name."""
    names, which = np.unique(columns.tomograms.astype(str), return_inverse=True)
    order = np.argsort(which, kind="stable")
    edges = np.searchsorted(which[order], np.arange(len(names) + 1))
    return {name: order[low:high] for name, low, high in zip(names.tolist(), edges, edges[1:])}


@dataclass(frozen=True)
class _Visible:
    """Which tilts the n particles of a tomogram show, and where."""

    rows: np.ndarray  # (n,) row of the particle file
    flags: np.ndarray  # (n, k) bool
    slices: np.ndarray  # (n, k) int64
    is_compact: np.ndarray  # (n,) bool; True where both readings are one


def _visible(
    columns: StackColumns, rows: np.ndarray, series: TiltSeries, headers: Mapping[str, MrcHeader]
) -> _Visible:
    parsed: dict[str, np.ndarray] = {}
    flags = np.zeros((len(rows), len(series)), dtype=bool)
    is_compact = np.ones(len(rows), dtype=bool)
    for index, row in enumerate(rows.tolist()):
        text = columns.values[FRAMES][row]
        if text not in parsed:
            parsed[text] = _checked_flags(columns, row, series)
        flags[index] = parsed[text]
        is_compact[index] = _layout(columns, row, parsed[text], headers[columns.stacks[row]]) == COMPACT
    return _Visible(rows, flags, slices_of(flags, is_compact), is_compact)


def _checked_flags(columns: StackColumns, row: int, series: TiltSeries) -> np.ndarray:  # (k,) bool
    text = columns.values[FRAMES][row]
    flags = parse_flags(text)
    if flags is None:
        raise InputError(
            f"{columns.at(row)}: {FRAMES} is {text!r}; expected a list of 0 and 1 such as [1,1,0], one for each tilt. Extract again."
        )
    if len(flags) != len(series):
        raise InputError(
            f"{columns.at(row)}: {FRAMES} has {len(flags)} values, but the tilt series {series.name} has {len(series)} tilt images "
            f"({series.path}). Was the tilt series changed after the extraction? Extract again."
        )
    return flags


def _layout(columns: StackColumns, row: int, flags: np.ndarray, header: MrcHeader) -> str:
    n_slices, n_visible = header.shape[0], int(flags.sum())
    layout = layout_of(n_slices, flags)
    if layout is None:
        raise InputError(
            f"{columns.at(row)}: its stack {header.path} has {n_slices} slices; expected {n_visible} (the visible tilts of {FRAMES}) "
            f"or {len(flags)} (all tilts). Are stack and star file of one extraction? Extract again."
        )
    assert layout in (COMPACT, INDEXED)
    return layout


def _images_of_tomogram(
    placement: _Placement, series: TiltSeries, visible: _Visible, columns: StackColumns
) -> TiltImages:
    of_particle, tilts = np.nonzero(visible.flags)  # (m,) each
    rows = visible.rows[of_particle]
    geometry = image_geometry(
        series.rotation_matrices[tilts],
        placement.subtomograms[rows],
        placement.particles[rows],
        placement.origins[rows],
        placement.positions[rows],
    )
    change = defocus_change_in_angstroms(geometry.depths_in_angstroms, series.hand, series.defocus_slope)

    def same(value: float) -> np.ndarray:
        return np.full(len(rows), value, dtype=np.float32)

    def of_tilts(values: np.ndarray) -> np.ndarray:
        return values[tilts].astype(np.float32)

    return TiltImages(
        particle_indices=rows,
        tilt_numbers=tilts.astype(np.int32),
        stack_names=columns.stacks[rows],
        slice_indices=visible.slices[of_particle, tilts].astype(np.int64),
        file_rows=rows,
        rotation_matrices=geometry.rotation_matrices.astype(np.float32),
        shifts_in_angstroms=geometry.shifts_in_angstroms.astype(np.float32),
        defocus_u_in_angstroms=(series.defocus_u_in_angstroms[tilts] + change).astype(np.float32),
        defocus_v_in_angstroms=(series.defocus_v_in_angstroms[tilts] + change).astype(np.float32),
        defocus_angle_in_degrees=of_tilts(series.defocus_angle_in_degrees),
        phase_shift_in_degrees=of_tilts(series.phase_shift_in_degrees),
        b_factor_in_square_angstroms=of_tilts(series.b_factor_in_square_angstroms),
        scale_factor=of_tilts(series.scale_factor),
        voltage_in_kilovolts=same(series.voltage_in_kilovolts),
        spherical_aberration_in_millimetres=same(series.spherical_aberration_in_millimetres),
        amplitude_contrast=same(series.amplitude_contrast),
        doses=of_tilts(series.doses),
        b_factors_per_dose=same(series.b_factor_per_dose),
        image_processing=np.zeros(len(rows), np.int8),
    )


def _warn_of_positions(particles: TiltSeriesParticles, tomograms: Mapping[str, TiltSeries]) -> None:
    """Warn of particles outside their tomogram: then a pixel size is wrong, and with it the defocus by depth."""
    half_sizes = {
        name: one.size_in_pixels * one.pixel_size_in_angstroms / 2 for name, one in tomograms.items()
    }
    limits = np.stack([half_sizes[name] for name in particles.tomograms.tolist()])
    n_outside = int((np.abs(particles.coordinates_in_angstroms) > limits).any(axis=1).sum())
    if n_outside:
        warn(
            f"{particles.path}: {n_outside} of {len(particles)} particles lie outside their tomogram. Do coordinates and tomogram have "
            "one pixel size? The defocus of each tilt depends on the depth of its particle."
        )
