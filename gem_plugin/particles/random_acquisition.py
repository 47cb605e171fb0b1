"""Draw the poses, shifts, defoci and half-sets of particles that were never on a microscope."""

from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from gem_plugin.particles.table import ParticleTable

PARTICLES_PER_MICROGRAPH = 100
MAXIMUM_ASTIGMATISM_IN_ANGSTROMS = 300.0


@dataclass(frozen=True)
class Microscope:
    """What is the same for all particles, and the ranges of what is not."""

    voltage_in_kilovolts: float
    spherical_aberration_in_millimetres: float
    amplitude_contrast: float
    b_factor_in_square_angstroms: float
    defocus_range_in_angstroms: tuple[float, float]
    largest_shift_in_angstroms: float  # uniform between minus and plus this, in x and in y


def draw_acquisition(
    n_particles: int,
    microscope: Microscope,
    box_size: int,
    pixel_size_in_angstroms: float,
    stack_name: str,  # as it stands in the star file, relative to the project
    generator: np.random.Generator,
) -> ParticleTable:
    """Particles seen from all sides, half-sets alternating, in one optics group and one stack."""
    slices = np.arange(n_particles)
    defocus_u = generator.uniform(*microscope.defocus_range_in_angstroms, n_particles)
    astigmatism = generator.uniform(-1, 1, n_particles) * MAXIMUM_ASTIGMATISM_IN_ANGSTROMS
    shifts = generator.uniform(-1, 1, (n_particles, 2)) * microscope.largest_shift_in_angstroms

    def same(value: float) -> np.ndarray:
        return np.full(n_particles, value, dtype=np.float32)

    return ParticleTable(
        image_names=np.array([f"{index + 1:06d}@{stack_name}" for index in slices], dtype=str),
        stack_names=np.full(n_particles, stack_name),
        slice_indices=slices,
        rotation_matrices=Rotation.random(n_particles, generator).as_matrix().astype(np.float32),
        shifts_in_angstroms=shifts.astype(np.float32),
        defocus_u_in_angstroms=defocus_u.astype(np.float32),
        defocus_v_in_angstroms=(defocus_u + astigmatism).astype(np.float32),
        defocus_angle_in_degrees=generator.uniform(0, 180, n_particles).astype(np.float32),
        phase_shift_in_degrees=same(0),
        b_factor_in_square_angstroms=same(microscope.b_factor_in_square_angstroms),
        scale_factor=same(1),
        voltage_in_kilovolts=same(microscope.voltage_in_kilovolts),
        spherical_aberration_in_millimetres=same(microscope.spherical_aberration_in_millimetres),
        amplitude_contrast=same(microscope.amplitude_contrast),
        contrast_sign=same(1),
        half_sets=(slices % 2 + 1).astype(np.int8),
        optics_groups=np.ones(n_particles, dtype=np.int64),
        pixel_size_in_angstroms=pixel_size_in_angstroms,
        box_size=box_size,
    )


def disturbed_poses(
    table: ParticleTable,
    pose_error_in_degrees: float,  # standard deviation of the rotation about each axis
    generator: np.random.Generator,
) -> np.ndarray:  # (n, 3, 3) float32
    """The rotations as a refinement with errors of this size would have found them."""
    rotations = Rotation.from_rotvec(generator.normal(0, np.deg2rad(pose_error_in_degrees), (len(table), 3)))
    return (rotations.as_matrix() @ table.rotation_matrices).astype(np.float32)
