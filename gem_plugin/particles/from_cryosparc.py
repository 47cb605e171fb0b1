"""CryoSPARC's conventions, translated once: from the rows of .cs files to a ParticleTable."""

from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from gem_plugin.io.cryosparc.columns import texts_of
from gem_plugin.io.cryosparc.jobs import CryosparcParticles, read_cryosparc
from gem_plugin.particles.cryosparc_checks import check_refined_rows, square_boxes
from gem_plugin.particles.cryosparc_classes import with_best_class
from gem_plugin.particles.cryosparc_optics import cryosparc_optics
from gem_plugin.particles.identity import Identity, Position, identify_rows
from gem_plugin.particles.image_sizes import sizes_of_images
from gem_plugin.particles.table import ParticleTable
from gem_plugin.units import ANGSTROMS_PER_MILLIMETRE

USUAL_SIGN = -1.0  # CryoSPARC particles are dark on light unless the file says otherwise
SOURCE_UID = "sym_expand/src_uid"
POSITION_FIELDS = ("location/micrograph_uid", "location/center_x_frac", "location/center_y_frac")
MAXIMUM_BEAM_TILT_IN_RADIANS = 0.1  # no microscope tilts its beam that far; usual tilts are below 0.002


def read_cryosparc_particles(path: Path) -> ParticleTable:
    """Read a .cs file, a .csg group, a job directory or an export as a ParticleTable."""
    return table_from_cryosparc(read_cryosparc(path))


def cryosparc_image_folder(path: Path) -> Path:
    """The folder that the table's stack_names are relative to."""
    return read_cryosparc(path).image_folder


def table_from_cryosparc(particles: CryosparcParticles) -> ParticleTable:
    """Translate joined rows; refuse what would silently give wrong images."""
    source = particles.source
    rows = with_best_class(particles.rows, source)
    check_refined_rows(rows, source)
    optics, optics_rows = cryosparc_optics(rows, source)
    sizes = sizes_of_images(square_boxes(rows, source), rows["blob/psize_A"], source)
    shifts = (
        rows["alignments3D/shift"] * rows["alignments3D/psize_A"][:, None]
    )  # its own pixel size, not the blob's
    poses = Rotation.from_rotvec(
        rows["alignments3D/pose"].astype(np.float64)
    )  # particle frame -> volume frame
    identity = _identity(rows)
    return ParticleTable(
        image_names=rows["uid"].astype(str).astype(object),
        stack_names=stack_names(rows),
        slice_indices=rows["blob/idx"].astype(np.int64),
        rotation_matrices=poses.inv().as_matrix().astype(np.float32),
        shifts_in_angstroms=shifts.astype(np.float32),
        defocus_u_in_angstroms=rows["ctf/df1_A"].astype(np.float32),
        defocus_v_in_angstroms=rows["ctf/df2_A"].astype(np.float32),
        defocus_angle_in_degrees=np.rad2deg(rows["ctf/df_angle_rad"]).astype(np.float32),
        phase_shift_in_degrees=np.rad2deg(_optional(rows, "ctf/phase_shift_rad", 0.0)),
        b_factor_in_square_angstroms=_optional(rows, "ctf/bfactor", 0.0),
        scale_factor=scale_factors(rows),
        voltage_in_kilovolts=rows["ctf/accel_kv"].astype(np.float32),
        spherical_aberration_in_millimetres=rows["ctf/cs_mm"].astype(np.float32),
        amplitude_contrast=rows["ctf/amp_contrast"].astype(np.float32),
        contrast_sign=_optional(rows, "blob/sign", USUAL_SIGN).astype(np.float32),
        half_sets=_half_sets(rows),
        optics_groups=_optional(rows, "ctf/exp_group_id", 0).astype(np.int64),
        **vars(sizes),
        optics=optics,
        optics_rows=optics_rows,
        image_indices=identity.image_indices,
        particle_indices=identity.particle_indices,
    )


def _identity(rows: np.ndarray) -> Identity:
    """A particle is known by sym_expand/src_uid, else by its image, else by its place in the micrograph."""
    present = {name for name in rows.dtype.names or () if rows[name].ndim == 1}  # one value a row
    sources = position = None
    if SOURCE_UID in present and rows.dtype[SOURCE_UID].kind in "ui":  # a float has lost its last digits
        sources = rows[SOURCE_UID]
    if set(POSITION_FIELDS) <= present:
        position = Position(*(rows[name] for name in POSITION_FIELDS))
    preparation = tuple(rows[name] for name in ("ctf/exp_group_id", "blob/sign") if name in present)
    return identify_rows(
        stack_names(rows),
        rows["blob/idx"].astype(np.int64),
        preparation,
        sources=sources,
        has_source=None if sources is None else sources != 0,
        position=position,
    )


def stack_names(
    rows: np.ndarray,
) -> np.ndarray:  # (n,) object array of str; rows share the text of their stack's name
    """Paths of the image stacks without the > of exports; decoded once per different path."""
    paths, which = texts_of(rows["blob/path"])
    return np.array([path.removeprefix(">") for path in paths], dtype=object)[which]


def scale_factors(rows: np.ndarray) -> np.ndarray:  # (n,) float32
    """CTF scale times the per-particle scale of the refinement, where that one was in use.

    Files without alpha_min (before per-particle scales) hold in alpha an estimate that the refinement did not use:
    there error = image_pow - cross_cor + slice_pow, that is, alpha = 1 (checked on a data set of that time).
    """
    scale = _optional(rows, "ctf/scale", 1.0)
    names = rows.dtype.names or ()
    if "alignments3D/alpha" in names and "alignments3D/alpha_min" in names:
        scale = scale * rows["alignments3D/alpha"]
    return scale.astype(np.float32)


def _optional(
    rows: np.ndarray, name: str, default: float
) -> np.ndarray:  # (n,) float32 unless present as another type
    if name in (rows.dtype.names or ()):
        return rows[name].copy()
    return np.full(len(rows), default, dtype=np.float32)


def _half_sets(rows: np.ndarray) -> np.ndarray:  # (n,) int8: split 0, 1 -> half set 1, 2
    if "alignments3D/split" not in (rows.dtype.names or ()):
        return np.zeros(len(rows), dtype=np.int8)
    return (rows["alignments3D/split"] + 1).astype(np.int8)


def beam_tilt_in_milliradians(rows: np.ndarray) -> np.ndarray:  # (n, 2) float64, ordered xy
    """RELION's beam tilt, 1e3 tilt_A / Cs, which RELION multiplies by Cs again; zero where it cannot be an angle."""
    return 1e3 * np.where(has_tilt_without_angle(rows)[:, None], 0.0, _tilt_ratios(rows))


def has_tilt_without_angle(rows: np.ndarray) -> np.ndarray:  # (n,) bool
    """Whether ctf/tilt_A, a length, is no beam tilt in RELION's terms: an angle, which acts through Cs alone."""
    return (np.abs(_tilt_ratios(rows)) > MAXIMUM_BEAM_TILT_IN_RADIANS).any(axis=1)


def _tilt_ratios(rows: np.ndarray) -> np.ndarray:  # (n, 2) float64: tilt_A / Cs; infinite where Cs is 0
    if "ctf/tilt_A" not in (rows.dtype.names or ()):
        return np.zeros((len(rows), 2))
    spherical_aberration = rows["ctf/cs_mm"].astype(np.float64)[:, None] * ANGSTROMS_PER_MILLIMETRE
    tilt = rows["ctf/tilt_A"].astype(np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(tilt == 0, 0.0, tilt / spherical_aberration)
