"""The data set as arrays: one row per particle, in the row order of the input file. No files, no tensors here."""

from dataclasses import dataclass, fields

import numpy as np


@dataclass(frozen=True)
class ParticleTable:
    """Poses, CTF and identity of n particles, units in the names; every array has n rows.

    A point v (Angstrom, xyz, relative to the rotation centre) lands on the pixel
    (A v)[:2] / pixel size - shift / pixel size + box // 2, where A is the rotation matrix.
    """

    image_names: np.ndarray  # (n,) str, unique: RELION's 000001@stack.mrcs, or the uid in CryoSPARC
    stack_names: np.ndarray  # (n,) str, as in the file, relative to the project
    slice_indices: np.ndarray  # (n,) int64, 0-based
    rotation_matrices: np.ndarray  # (n, 3, 3) float32
    shifts_in_angstroms: np.ndarray  # (n, 2) float32, ordered xy; RELION's origin
    defocus_u_in_angstroms: np.ndarray  # (n,) float32
    defocus_v_in_angstroms: np.ndarray
    defocus_angle_in_degrees: np.ndarray
    phase_shift_in_degrees: np.ndarray
    b_factor_in_square_angstroms: np.ndarray
    scale_factor: np.ndarray
    voltage_in_kilovolts: np.ndarray
    spherical_aberration_in_millimetres: np.ndarray
    amplitude_contrast: np.ndarray
    contrast_sign: np.ndarray  # (n,) float32: +1 white particles (RELION), -1 dark on light
    half_sets: np.ndarray  # (n,) int8: 1 or 2, 0 where not given
    optics_groups: np.ndarray  # (n,) int64, as numbered in the file
    pixel_size_in_angstroms: float
    box_size: int  # pixels

    def __len__(self) -> int:
        return len(self.image_names)

    def take(self, rows: np.ndarray) -> "ParticleTable":
        """The table of the given rows, in the given order."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return ParticleTable(
            **{
                name: value[rows] if isinstance(value, np.ndarray) else value
                for name, value in values.items()
            }
        )
