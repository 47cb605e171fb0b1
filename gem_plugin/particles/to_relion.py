"""A ParticleTable as RELION 3.1 columns, for particles that were made here and have no file of their own."""

import numpy as np
from scipy.spatial.transform import Rotation

from gem_plugin.errors import InputError
from gem_plugin.particles.random_acquisition import PARTICLES_PER_MICROGRAPH
from gem_plugin.particles.table import ParticleTable


def relion_optics_columns(table: ParticleTable) -> dict[str, list[str]]:
    """The one row of the optics block."""
    for name in (
        "voltage_in_kilovolts",
        "spherical_aberration_in_millimetres",
        "amplitude_contrast",
        "optics_groups",
    ):
        if len(np.unique(getattr(table, name))) > 1:
            raise InputError(f"Expected one optics group; {name} has several values.")
    return {
        "_rlnOpticsGroupName": ["opticsGroup1"],
        "_rlnOpticsGroup": ["1"],
        "_rlnVoltage": [f"{table.voltage_in_kilovolts[0]:.6f}"],
        "_rlnSphericalAberration": [f"{table.spherical_aberration_in_millimetres[0]:.6f}"],
        "_rlnAmplitudeContrast": [f"{table.amplitude_contrast[0]:.6f}"],
        "_rlnImagePixelSize": [f"{table.pixel_size_in_angstroms:.6f}"],
        "_rlnImageSize": [str(table.box_size)],
        "_rlnImageDimensionality": ["2"],
    }


def relion_particle_columns(table: ParticleTable) -> dict[str, list[str]]:
    """One row per particle, in the order of the table."""
    rot, tilt, psi = relion_angles_in_degrees(table.rotation_matrices).T
    micrographs = np.arange(len(table)) // PARTICLES_PER_MICROGRAPH + 1
    columns = {
        "_rlnImageName": table.image_names.tolist(),
        "_rlnMicrographName": [f"micrograph{number:05d}.mrc" for number in micrographs],
        "_rlnOpticsGroup": table.optics_groups.astype(str).tolist(),
        "_rlnGroupNumber": micrographs.astype(str).tolist(),
        "_rlnDefocusU": _decimals(table.defocus_u_in_angstroms, 2),
        "_rlnDefocusV": _decimals(table.defocus_v_in_angstroms, 2),
        "_rlnDefocusAngle": _decimals(table.defocus_angle_in_degrees, 3),
        "_rlnCtfBfactor": _decimals(table.b_factor_in_square_angstroms, 3),
        "_rlnCtfScalefactor": _decimals(table.scale_factor, 6),
        "_rlnPhaseShift": _decimals(table.phase_shift_in_degrees, 3),
        "_rlnAngleRot": _decimals(rot, 5),
        "_rlnAngleTilt": _decimals(tilt, 5),
        "_rlnAnglePsi": _decimals(psi, 5),
        "_rlnOriginXAngst": _decimals(table.shifts_in_angstroms[:, 0], 5),
        "_rlnOriginYAngst": _decimals(table.shifts_in_angstroms[:, 1], 5),
        "_rlnClassNumber": ["1"] * len(table),
    }
    if {1, 2} <= set(
        table.half_sets.tolist()
    ):  # RELION's auto-refine ends with an error where one half is empty
        columns["_rlnRandomSubset"] = table.half_sets.astype(str).tolist()
    return columns


def relion_angles_in_degrees(
    rotation_matrices: np.ndarray,
) -> np.ndarray:  # (n, 3, 3) -> (n, 3): rot, tilt, psi
    """RELION's angles of A, where a point v projects to (A v)[:2]; the inverse of A = euler("ZYZ").T."""
    inverse = Rotation.from_matrix(rotation_matrices.astype(np.float64).transpose(0, 2, 1))
    return inverse.as_euler("ZYZ", degrees=True)


def _decimals(values: np.ndarray, n_decimals: int) -> list[str]:
    return [f"{value:.{n_decimals}f}" for value in values]
