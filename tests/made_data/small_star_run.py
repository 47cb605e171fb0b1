"""A run folder that was prepared from a small star file, for tests of what is written back."""

from pathlib import Path

import numpy as np

from gem_plugin.io.run.files import RunFiles
from gem_plugin.particles import ParticleTable
from gem_plugin.particles.prepared import ParticleOrigin, save_prepared_table

HEADER = """
# version 30001

data_optics

loop_
_rlnOpticsGroup #1
_rlnVoltage #2
_rlnSphericalAberration #3
_rlnAmplitudeContrast #4
_rlnImagePixelSize #5
_rlnImageSize #6
1 300 2.7 0.1 4.0 24


# version 30001

data_particles

loop_
_rlnImageName #1
_rlnRandomSubset #2
_rlnOpticsGroup #3
_rlnDefocusU #4
_rlnDefocusV #5
_rlnDefocusAngle #6
_rlnAngleRot #7
_rlnAngleTilt #8
_rlnAnglePsi #9
_rlnOriginXAngst #10
_rlnOriginYAngst #11
"""


def write_run(folder: Path, n_particles: int) -> tuple[RunFiles, list[str]]:
    """A run folder that was prepared from a star file; the rows of the file are in another order than the run."""
    names = [f"{number:06d}@stack.mrcs" for number in range(1, n_particles + 1)]
    rows = [
        f"{name} {1 + number % 2} 1 10000 10100.5 3.0 1 2 3 0.5 -0.25\n" for number, name in enumerate(names)
    ]
    star = folder / "particles.star"
    star.write_text(HEADER + "".join(reversed(rows)))
    zeros = np.zeros(n_particles, np.float32)
    table = ParticleTable(
        image_names=np.array(names, dtype=object),
        stack_names=np.array(["stack.mrcs"] * n_particles, dtype=object),
        slice_indices=np.arange(n_particles),
        rotation_matrices=np.tile(np.eye(3, dtype=np.float32), (n_particles, 1, 1)),
        shifts_in_angstroms=np.zeros((n_particles, 2), np.float32),
        defocus_u_in_angstroms=zeros,
        defocus_v_in_angstroms=zeros,
        defocus_angle_in_degrees=zeros,
        phase_shift_in_degrees=zeros,
        b_factor_in_square_angstroms=zeros,
        scale_factor=zeros,
        voltage_in_kilovolts=zeros,
        spherical_aberration_in_millimetres=zeros,
        amplitude_contrast=zeros,
        contrast_sign=zeros,
        half_sets=np.zeros(n_particles, np.int8),
        optics_groups=np.ones(n_particles, np.int64),
        pixel_size_in_angstroms=4.0,
        box_size=24,
    )
    run = RunFiles(folder / "run")
    save_prepared_table(run.prepared_table, table, np.ones(13), ParticleOrigin(star, None, 24, 4.0))
    return run, rows
