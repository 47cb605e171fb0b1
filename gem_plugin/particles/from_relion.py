"""RELION's conventions, translated once: from the columns of a particle star file to a ParticleTable."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from gem_plugin.errors import InputError
from gem_plugin.io.mrc.header import read_mrc_header
from gem_plugin.io.project_folder import ImageSearch, find_stacks
from gem_plugin.io.star.columns import read_columns
from gem_plugin.io.star.particles import (
    IMAGE_NAME,
    RelionFile,
    read_particle_columns,
    read_relion_file,
    split_image_names,
)
from gem_plugin.notices import note, warn
from gem_plugin.particles.identity import Identity, Position, identify_rows
from gem_plugin.particles.image_sizes import PIXEL_SIZE_TOLERANCE, sizes_of_images
from gem_plugin.particles.processing_flags import PROCESSED_FLAGS, image_processing_of
from gem_plugin.particles.relion_optics import relion_optics
from gem_plugin.particles.table import ParticleTable

ANGLES = ("_rlnAngleRot", "_rlnAngleTilt", "_rlnAnglePsi")
ORIGINS_IN_ANGSTROMS = ("_rlnOriginXAngst", "_rlnOriginYAngst")
ORIGINS_IN_PIXELS = ("_rlnOriginX", "_rlnOriginY")
OPTICS_GROUP = "_rlnOpticsGroup"
ORIGINAL_NAME, MICROGRAPH = "_rlnImageOriginalName", "_rlnMicrographName"
COORDINATES = ("_rlnCoordinateX", "_rlnCoordinateY")
TEXTS = (ORIGINAL_NAME, MICROGRAPH)
# Columns with the value that RELION takes where they are absent; in the optics block, or per particle in RELION 3.0.
OPTIONAL_COLUMNS = {
    "_rlnDefocusAngle": 0.0,
    "_rlnPhaseShift": 0.0,
    "_rlnCtfBfactor": 0.0,
    "_rlnCtfScalefactor": 1.0,
    "_rlnRandomSubset": 0.0,
    "_rlnAmplitudeContrast": 0.0,
}
REQUIRED_CTF_COLUMNS = ("_rlnDefocusU", "_rlnVoltage", "_rlnSphericalAberration")
SIZE_COLUMNS = (
    "_rlnImagePixelSize",
    "_rlnImageSize",
    "_rlnPixelSize",
    "_rlnDetectorPixelSize",
    "_rlnMagnification",
)
SHARED_COLUMNS = [*OPTIONAL_COLUMNS, *REQUIRED_CTF_COLUMNS, *SIZE_COLUMNS, *PROCESSED_FLAGS]
# Lowest and highest value that can be, and what is usual: columns in another unit are recognised by them.
CTF_LIMITS = {
    "_rlnVoltage": (10.0, 2000.0, "kV, such as 300"),
    "_rlnSphericalAberration": (-50.0, 50.0, "mm, such as 2.7"),
    "_rlnAmplitudeContrast": (0.0, 1.0, "a fraction, such as 0.1"),
    "_rlnDefocusU": (-1e6, 1e6, "Angstrom, such as 15000"),
    "_rlnDefocusV": (-1e6, 1e6, "Angstrom, such as 15000"),
}
MINIMUM_DEFOCUS_IN_ANGSTROMS = 50.0  # of most particles, unless it is 0: less was meant in micrometres
ANGSTROMS_PER_MICROMETRE = 1e4


def read_relion_particles(
    path: Path,
    search: ImageSearch | None = None,  # for the images; only needed where the box is not in the file
    pixel_size_in_angstroms: float | None = None,  # only for files that have none
) -> ParticleTable:
    """Read a particle star file of RELION 3.0, 3.1, 4 or 5; rows keep their order."""
    return table_of_relion_file(read_relion_file(Path(path)), search, pixel_size_in_angstroms)


def table_of_relion_file(
    file: RelionFile,
    search: ImageSearch | None = None,
    pixel_size_in_angstroms: float | None = None,
    may_replace_pixel_size: bool = False,  # that of detector and magnification, by the one that is given
) -> ParticleTable:
    """The same of a file whose blocks are known: one row an image."""
    columns = _read_columns(file)
    names = {label: columns.pop(label) for label in (IMAGE_NAME, *TEXTS) if label in columns}
    image_names = names[IMAGE_NAME]
    stack_names, slice_indices = split_image_names(file, image_names)
    columns = _with_columns_of_optics(file, columns)
    processing = image_processing_of(columns, len(image_names), file.path)
    _check_ctf(file, columns)
    pixel_sizes = _pixel_sizes(file, columns, pixel_size_in_angstroms, may_replace_pixel_size)
    sizes = sizes_of_images(_box_sizes(file, columns, stack_names, search), pixel_sizes, file.path)
    optics, optics_rows = relion_optics(file, columns)
    file = file.without_text()
    _warn_without_amplitude_contrast(file, columns)
    defocus_u = columns["_rlnDefocusU"]
    optics_groups = columns.get(OPTICS_GROUP, np.ones(len(image_names))).astype(np.int64)
    identity = _identity(names, columns, stack_names, slice_indices, optics_groups)

    def column(name: str) -> np.ndarray:
        return columns.get(name, np.full(len(image_names), OPTIONAL_COLUMNS.get(name, 0.0))).astype(
            np.float32
        )

    return ParticleTable(
        image_names=image_names,
        stack_names=stack_names,
        slice_indices=slice_indices,
        rotation_matrices=_rotation_matrices(columns),
        shifts_in_angstroms=_shifts_in_angstroms(columns, len(image_names), pixel_sizes),
        defocus_u_in_angstroms=defocus_u.astype(np.float32),
        defocus_v_in_angstroms=columns.get("_rlnDefocusV", defocus_u).astype(np.float32),
        defocus_angle_in_degrees=column("_rlnDefocusAngle"),
        phase_shift_in_degrees=column("_rlnPhaseShift"),
        b_factor_in_square_angstroms=column("_rlnCtfBfactor"),
        scale_factor=column("_rlnCtfScalefactor"),
        voltage_in_kilovolts=column("_rlnVoltage"),
        spherical_aberration_in_millimetres=column("_rlnSphericalAberration"),
        amplitude_contrast=column("_rlnAmplitudeContrast"),
        contrast_sign=np.ones(len(image_names), dtype=np.float32),  # RELION's particles are white
        half_sets=_half_sets(file, columns, len(image_names)),
        optics_groups=optics_groups,
        **vars(sizes),
        image_processing=processing,
        optics=optics,
        optics_rows=optics_rows,
        image_indices=identity.image_indices,
        particle_indices=identity.particle_indices,
    )


def _identity(
    names: Mapping[str, np.ndarray],
    columns: Mapping[str, np.ndarray],
    stack_names: np.ndarray,
    slice_indices: np.ndarray,
    optics_groups: np.ndarray,
) -> Identity:
    """A particle is known by rlnImageOriginalName, else by rlnImageName, else by its coordinates in the micrograph."""
    sources = position = None
    if ORIGINAL_NAME in names:
        has_original = np.array(["@" in name for name in names[ORIGINAL_NAME]])
        sources = np.where(has_original, names[ORIGINAL_NAME], names[IMAGE_NAME])
    if MICROGRAPH in names and set(COORDINATES) <= columns.keys():
        position = Position(names[MICROGRAPH], *(columns[label] for label in COORDINATES))
    return identify_rows(
        stack_names, slice_indices, preparation=(optics_groups,), sources=sources, position=position
    )


def _read_columns(file: RelionFile) -> dict[str, np.ndarray]:  # each (n,) float64, or object of str
    """The columns of the particles, in one pass through the file."""
    of_particles = [*ANGLES, *ORIGINS_IN_ANGSTROMS, *ORIGINS_IN_PIXELS, *COORDINATES, OPTICS_GROUP]
    of_particles.append("_rlnDefocusV")
    return read_particle_columns(file, [*of_particles, *SHARED_COLUMNS], TEXTS, COORDINATES)


def _with_columns_of_optics(file: RelionFile, columns: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """All number columns per particle; those of the optics block are copied to the particles of each group."""
    missing = [label for label in ANGLES if label not in columns]
    if missing:
        raise InputError(
            f"{file.path} has no poses: the column {missing[0]} is missing. "
            "Give the particles after a 3D refinement, such as run_data.star of a Refine3D job."
        )
    if file.optics is not None:
        columns = {**columns, **columns_of_optics(file, columns, SHARED_COLUMNS)}
    missing = [label for label in REQUIRED_CTF_COLUMNS if label not in columns]
    if missing:
        raise InputError(
            f"{file.path} has no CTF: the column {missing[0]} is missing. "
            "Estimate the CTF of the micrographs and extract the particles again."
        )
    return columns


def columns_of_optics(
    file: RelionFile, columns: Mapping[str, np.ndarray], labels: list[str]
) -> dict[str, np.ndarray]:
    """Values of the optics block for every particle; a value that the particle row has itself wins."""
    assert file.optics is not None
    optics = read_columns(file.document, file.optics, [OPTICS_GROUP, *labels])
    if OPTICS_GROUP not in optics or OPTICS_GROUP not in columns:
        lacking = "optics" if OPTICS_GROUP not in optics else file.particles.name
        raise InputError(
            f"{file.path}, block data_{lacking}: there is no column {OPTICS_GROUP}, so particles and optics cannot be joined. "
            "Convert the file again with relion_convert_star."
        )
    numbers = optics[OPTICS_GROUP]
    if not len(numbers):
        raise InputError(
            f"{file.path}, block data_optics: it has no optics group. Take the file from the job that made it."
        )
    order = np.argsort(numbers)
    positions = np.searchsorted(numbers, columns[OPTICS_GROUP], sorter=order).clip(max=len(numbers) - 1)
    which = order[positions]  # (n,) row of the optics block
    unknown = np.flatnonzero(numbers[which] != columns[OPTICS_GROUP])
    if len(unknown):
        raise InputError(
            f"{file.at(int(unknown[0]))}: optics group {columns[OPTICS_GROUP][unknown[0]]:g} is not in the block data_optics. "
            "Add the group there, or take the file from the job that made it."
        )
    return {label: values[which] for label, values in optics.items() if label not in columns}


def _rotation_matrices(columns: Mapping[str, np.ndarray]) -> np.ndarray:  # (n, 3, 3) float32
    angles = np.stack([columns[label] for label in ANGLES], axis=1)
    rotations = Rotation.from_euler("ZYZ", angles, degrees=True)  # RELION's matrix is the transpose
    return rotations.inv().as_matrix().astype(np.float32)


def _shifts_in_angstroms(
    columns: Mapping[str, np.ndarray], n_particles: int, pixel_sizes: np.ndarray
) -> np.ndarray:  # (n, 2) float32, ordered xy
    shifts = np.zeros((n_particles, 2), dtype=np.float32)
    for axis in range(2):
        if ORIGINS_IN_ANGSTROMS[axis] in columns:
            shifts[:, axis] = columns[ORIGINS_IN_ANGSTROMS[axis]]
        elif ORIGINS_IN_PIXELS[axis] in columns:
            shifts[:, axis] = columns[ORIGINS_IN_PIXELS[axis]] * pixel_sizes
    return shifts


def _half_sets(file: RelionFile, columns: Mapping[str, np.ndarray], n_particles: int) -> np.ndarray:
    values = columns.get("_rlnRandomSubset", np.zeros(n_particles))
    wrong = np.flatnonzero(~np.isin(values, (0, 1, 2)))
    if len(wrong):
        raise InputError(
            f"{file.at(int(wrong[0]))}, column _rlnRandomSubset: expected half set 1 or 2, found {values[wrong[0]]:g}."
            " Give the particles of a gold-standard refinement."
        )
    return values.astype(np.int8)


def _warn_without_amplitude_contrast(file: RelionFile, columns: Mapping[str, np.ndarray]) -> None:
    if "_rlnAmplitudeContrast" not in columns:
        warn(
            f"{file.path} has no column _rlnAmplitudeContrast; 0 is taken, as RELION does. Usual values are 0.07 to 0.1."
        )


def _check_ctf(file: RelionFile, columns: Mapping[str, np.ndarray]) -> None:
    for label, (lowest, highest, expected) in CTF_LIMITS.items():
        values = columns.get(label, np.zeros(0))
        rows = np.flatnonzero((values < lowest) | (values > highest))
        if len(rows):
            raise InputError(
                f"{file.at(int(rows[0]))}: {label} is {values[rows[0]]:g}; expected {expected}. "
                "Correct the column, or estimate the CTF again."
            )
    defocus = float(np.median(np.abs(columns["_rlnDefocusU"])))
    if 0 < defocus < MINIMUM_DEFOCUS_IN_ANGSTROMS:
        raise InputError(
            f"{file.path}: _rlnDefocusU is {defocus:g} in the median; expected Angstrom, such as 15000. "
            "Is the column in micrometres? Multiply it and _rlnDefocusV by 10000."
        )


def _pixel_sizes(
    file: RelionFile, columns: Mapping[str, np.ndarray], given: float | None, may_replace: bool = False
) -> np.ndarray:
    """Of every image, in Angstrom: (n,)."""
    is_of_detector = False
    if "_rlnImagePixelSize" in columns:
        sizes = columns["_rlnImagePixelSize"]
    elif "_rlnDetectorPixelSize" in columns and "_rlnMagnification" in columns:
        is_of_detector = True
        with np.errstate(divide="ignore", invalid="ignore"):  # refused by sizes_of_images
            sizes = columns["_rlnDetectorPixelSize"] * ANGSTROMS_PER_MICROMETRE / columns["_rlnMagnification"]
    elif "_rlnPixelSize" in columns:
        sizes = columns["_rlnPixelSize"]
    elif given is not None:
        return np.full(len(columns[ANGLES[0]]), given)
    else:
        raise InputError(
            f"{file.path} has no pixel size: expected _rlnImagePixelSize in data_optics (RELION 3.1 and newer), or "
            "_rlnDetectorPixelSize and _rlnMagnification (3.0). Give it with --pixel-size, in Angstrom."
        )
    if given is None or np.abs(given - sizes).max() <= PIXEL_SIZE_TOLERANCE * given:
        return sizes
    says = sizes[np.abs(given - sizes).argmax()]
    if is_of_detector and may_replace:
        note(
            f"{file.path}: --pixel-size {given:g} A is taken, not the {says:.5g} A of detector and magnification, which programs that bin "
            "images may leave as they were."
        )
        return np.full(len(sizes), given)
    raise InputError(
        f"--pixel-size is {given} A, but {file.path} says {says:.5g} A. "
        "Leave the option out; it is for files that have none."
    )


def read_own_sizes(
    file: RelionFile,
    box_size: int,  # where the file has none
    pixel_size_in_angstroms: float,  # the same
) -> tuple[np.ndarray, np.ndarray]:  # (rows,) pixels, (rows,) float64 Angstrom
    """Box and pixel size of every image, of a file that was read before."""
    columns = read_columns(file.document, file.particles, [ANGLES[0], OPTICS_GROUP, *SIZE_COLUMNS])
    if file.optics is not None:
        columns = {**columns, **columns_of_optics(file, columns, list(SIZE_COLUMNS))}
    n_rows = file.particles.n_rows
    boxes = columns.get("_rlnImageSize", np.full(n_rows, box_size))
    has_pixel_size = any(
        label in columns for label in ("_rlnImagePixelSize", "_rlnPixelSize", "_rlnMagnification")
    )
    pixels = _pixel_sizes(file, columns, None if has_pixel_size else pixel_size_in_angstroms)
    return boxes, pixels.astype(np.float64)


def _box_sizes(
    file: RelionFile,
    columns: Mapping[str, np.ndarray],
    stack_names: np.ndarray,
    search: ImageSearch | None,
) -> np.ndarray:  # (n,)
    """Of every image; of the stacks where the file does not say."""
    if "_rlnImageSize" in columns:
        return columns["_rlnImageSize"]
    first = stack_names[0]
    box_size = read_mrc_header(find_stacks([first], file.path, search).paths[first]).shape[2]
    return np.full(len(stack_names), box_size)
