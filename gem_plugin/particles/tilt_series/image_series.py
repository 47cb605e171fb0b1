"""Image series of Warp 1 and M, and other files with one row per tilt image: a column says which rows are one particle.

Pose, shift, defocus and weight are those of the row. Warp and M write -4 times the dose as B-factor; the dose is read from it
and enters the dose filter, since a negative B-factor as an envelope would amplify.
"""

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gem_plugin.errors import InputError
from gem_plugin.io.mrc.header import MrcHeader
from gem_plugin.io.project_folder import ImageSearch, find_stacks
from gem_plugin.io.star.columns import read_columns
from gem_plugin.io.star.particles import RelionFile
from gem_plugin.notices import note, warn
from gem_plugin.particles.from_relion import table_of_relion_file
from gem_plugin.particles.image_sizes import has_one_size
from gem_plugin.particles.map_grids import UNSET_PIXEL_SIZES
from gem_plugin.particles.table import ParticleTable
from gem_plugin.particles.tilt_series.copies_in_groups import copies_in_groups, numbered_by_first_row
from gem_plugin.particles.tilt_series.refusals import refuse_aberrations
from gem_plugin.particles.tilt_series.stack_slices import read_headers
from gem_plugin.particles.tilt_series.table import TiltImages, TiltSeriesForm, TiltSeriesParticles
from gem_plugin.progress import Track, untracked

GROUPING_COLUMN = "_rlnGroupName"  # of Warp and M; nextPYP groups by rlnGroupNumber
DOSE, B_FACTOR, CLASS = "_rlnMicrographPreExposure", "_rlnCtfBfactor", "_rlnClassNumber"
B_FACTOR_PER_DOSE = -4.0  # A^2 per electron per square Angstrom: how Warp and M write the dose
BINNED = 1.5  # pixel sizes that differ by such a factor are no two calibrations of one
NUMBER_AT_END = re.compile(r"[/_-]?\d+$")  # of a group name; what is before it names the tilt series


@dataclass(frozen=True)
class _Doses:
    """Dose and envelope of m images."""

    doses: np.ndarray  # (m,) float64
    b_factors: np.ndarray  # (m,) float64 A^2, 0 or more


def read_image_series(
    file: RelionFile,
    grouping_column: str = GROUPING_COLUMN,
    search: ImageSearch | None = None,
    pixel_size_in_angstroms: float | None = None,  # for files that have none, or that of unbinned images
    track: Track = untracked,
) -> TiltSeriesParticles:
    """All particles with every row of them; images of weight 0 are still among them.

    Where the images of a group have several rows each, as after symmetry expansion, the group is as many views of its particle.
    """
    grouping_column = "_" + grouping_column.lstrip("_")
    refuse_aberrations(file)
    groups = _groups(file, grouping_column)
    table = table_of_relion_file(file, search, pixel_size_in_angstroms, may_replace_pixel_size=True)
    if not has_one_size(table):
        raise InputError(
            f"{file.path}: the tilt images have several boxes or pixel sizes; expected one of each. Give a part of them, by optics group."
        )
    found = find_stacks(dict.fromkeys(table.stack_names.tolist()), file.path, search)
    for doubt in found.doubts:
        warn(doubt)
    _check_slices(file, table, found.paths, track)
    _, first_rows, which = numbered_by_first_row(groups, copies_in_groups(file, table, groups))
    names = groups[first_rows]
    images = _images(file, table, which, _doses(file))
    half_sets = table.half_sets[first_rows]
    _check_half_sets(file, table, which, names, half_sets)
    none = np.zeros((len(names), 3))
    return TiltSeriesParticles(
        names=names,
        tomograms=np.array([NUMBER_AT_END.sub("", name) or name for name in names.tolist()], dtype=object),
        coordinates_in_angstroms=np.full((len(names), 3), np.nan),
        subtomogram_angles_in_degrees=none,
        rotation_matrices=table.rotation_matrices[first_rows],
        origins_in_angstroms=none,
        half_sets=half_sets,
        class_numbers=_classes(file)[first_rows],
        optics_groups=table.optics_groups[first_rows],
        file_rows=first_rows,
        images=images,
        box_size=table.box_size,
        pixel_size_in_angstroms=table.pixel_size_in_angstroms,
        form=TiltSeriesForm.IMAGE_SERIES,
        path=file.path,
        stack_paths=found.paths,
        grouping_column=grouping_column,
    )


def _groups(file: RelionFile, column: str) -> np.ndarray:  # (m,) object array of str
    """The particle of every row."""
    found = read_columns(file.document, file.particles, text_labels=[column])
    if column not in found:
        raise InputError(
            f"{file.path}: there is no column {column}, which would say which rows are tilt images of one particle. Name that column as "
            f"grouping column; there is {', '.join(file.particles.labels)}."
        )
    groups = found[column]
    if len(groups) and len(set(groups.tolist())) == len(groups):
        raise InputError(
            f"{file.path}: every row has a {column} of its own, so no particle has two tilt images. Name the column that the images of a "
            "particle share as grouping column."
        )
    return groups


def _doses(file: RelionFile) -> _Doses:
    """From the column of the dose, else from negative B-factors; 0 for files that have neither."""
    columns = read_columns(file.document, file.particles, [DOSE, B_FACTOR])
    b_factors = columns.get(B_FACTOR, np.zeros(file.particles.n_rows))
    has_negative, has_positive = bool((b_factors < 0).any()), bool((b_factors > 0).any())
    if has_negative and has_positive:
        row = int(np.flatnonzero(b_factors > 0)[0])
        raise InputError(
            f"{file.at(row)}: {B_FACTOR} is above 0 here and below 0 in other rows; expected -4 times the dose in all (Warp, M), or envelopes "
            "of 0 and above in all. Were files of two programs joined?"
        )
    if has_negative and DOSE not in columns:
        doses = b_factors / B_FACTOR_PER_DOSE
        note(
            f"{file.path}: the dose of each tilt image is read from {B_FACTOR} (-4 times the dose): {doses.min():.4g} to {doses.max():.4g} "
            "electrons per square Angstrom."
        )
        return _Doses(doses, np.zeros(len(doses)))
    if DOSE not in columns:
        note(
            f"{file.path}: no column gives the dose of the tilt images, so no dose filter is part of their CTF."
        )
    return _Doses(columns.get(DOSE, np.zeros(len(b_factors))), np.maximum(b_factors, 0))


def _check_slices(file: RelionFile, table: ParticleTable, paths: dict[str, Path], track: Track) -> None:
    """Every slice is in its stack."""
    headers = read_headers(paths, table.box_size, file.path, track)
    limits = np.array([headers[name].shape[0] for name in table.stack_names.tolist()])
    beyond = np.flatnonzero(table.slice_indices >= limits)
    if len(beyond):
        row = int(beyond[0])
        raise InputError(
            f"{file.at(row)}: image {table.slice_indices[row] + 1} of {paths[table.stack_names[row]]} is needed, which holds {limits[row]}. "
            "Are stack and star file of one export?"
        )
    _warn_of_binned_stacks(file, table, headers)


def _warn_of_binned_stacks(file: RelionFile, table: ParticleTable, headers: dict[str, MrcHeader]) -> None:
    """Images are often binned after the star file was written, which keeps the pixel size and with it the CTF of larger ones."""
    for header in headers.values():
        found, stated = header.pixel_size_in_angstroms, table.pixel_size_in_angstroms
        if found not in UNSET_PIXEL_SIZES and not 1 / BINNED < found / stated < BINNED:
            warn(
                f"{header.path} has pixels of {found:.4g} A by its header, {file.path} says {stated:.4g} A, with which the CTF of every "
                f"image is made. Were the images binned since? Then use --pixel-size {found:.4g}."
            )
            return


def _check_half_sets(
    file: RelionFile, table: ParticleTable, which: np.ndarray, names: np.ndarray, half_sets: np.ndarray
) -> None:
    """A half-set is that of the particle."""
    wrong = np.flatnonzero(table.half_sets != half_sets[which])
    if len(wrong):
        raise InputError(
            f"{file.at(int(wrong[0]))}: tilt images of particle {names[which[wrong[0]]]} are in both half-sets; expected all in one. "
            "Divide the particles, not their images, into half-sets."
        )


def _classes(file: RelionFile) -> np.ndarray:  # (m,) int64
    columns = read_columns(file.document, file.particles, [CLASS])
    return columns.get(CLASS, np.zeros(file.particles.n_rows)).astype(np.int64)


def _images(file: RelionFile, table: ParticleTable, which: np.ndarray, doses: _Doses) -> TiltImages:
    """Rows as tilt images, numbered within their particle in the order of the file."""
    order = np.argsort(which, kind="stable")
    first = np.concatenate([[0], np.cumsum(np.bincount(which))])
    tilt_numbers = np.empty(len(which), np.int32)
    tilt_numbers[order] = np.arange(len(which)) - first[which[order]]
    return TiltImages(
        particle_indices=which,
        tilt_numbers=tilt_numbers,
        stack_names=table.stack_names,
        slice_indices=table.slice_indices,
        file_rows=table.file_rows,
        rotation_matrices=table.rotation_matrices,
        shifts_in_angstroms=table.shifts_in_angstroms,
        defocus_u_in_angstroms=table.defocus_u_in_angstroms,
        defocus_v_in_angstroms=table.defocus_v_in_angstroms,
        defocus_angle_in_degrees=table.defocus_angle_in_degrees,
        phase_shift_in_degrees=table.phase_shift_in_degrees,
        b_factor_in_square_angstroms=doses.b_factors.astype(np.float32),
        scale_factor=table.scale_factor,
        voltage_in_kilovolts=table.voltage_in_kilovolts,
        spherical_aberration_in_millimetres=table.spherical_aberration_in_millimetres,
        amplitude_contrast=table.amplitude_contrast,
        doses=doses.doses.astype(np.float32),
        b_factors_per_dose=np.zeros(len(which), np.float32),
        image_processing=table.image_processing,
    )
