"""The data set as arrays: one row per particle, in the row order of the input file. No files, no tensors here."""

from dataclasses import dataclass, field, fields

import numpy as np

from gem_plugin.imaging.symmetry import Symmetry
from gem_plugin.particles.optics import Optics, plain_optics


@dataclass(frozen=True)
class ParticleTable:
    """Poses, CTF and identity of n particles, units in the names; every array has n rows.

    A row is a view: an image with a pose. Several rows may show one image, as in a symmetry-expanded set.

    A point v (Angstrom, xyz, relative to the rotation centre) lands on the pixel
    (A v)[:2] / pixel size - shift / pixel size + box // 2, where A is the rotation matrix.
    """

    image_names: np.ndarray  # (n,) str: RELION's 000001@stack.mrcs, or the uid in CryoSPARC
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
    optics: Optics = field(default_factory=plain_optics)  # the different ones of the particles
    optics_rows: np.ndarray = field(
        default_factory=lambda: np.zeros(0, np.int32)
    )  # (n,) int32; 0 where not given
    image_indices: np.ndarray = field(
        default_factory=lambda: np.zeros(0, np.int64)
    )  # (n,) int64 from 0: rows with one number show one image; each its own where not given
    particle_indices: np.ndarray = field(
        default_factory=lambda: np.zeros(0, np.int64)
    )  # (n,) int64 from 0: rows with one number are views of one physical particle
    file_rows: np.ndarray = field(
        default_factory=lambda: np.zeros(0, np.int64)
    )  # (n,) int64: the row of the particle file, from 0; their own where not given
    symmetry_copies: np.ndarray = field(
        default_factory=lambda: np.zeros(0, np.int16)
    )  # (n,) int16: which operator of the symmetry made the row of that of the file; 0, the identity, where not given
    symmetry: Symmetry = field(default_factory=Symmetry)  # by which rows were made here

    own_box_sizes: np.ndarray = field(
        default_factory=lambda: np.zeros(0, np.int32)
    )  # (n,) int32: box of each raw image; box_size where not given
    own_pixel_sizes: np.ndarray = field(
        default_factory=lambda: np.zeros(0)
    )  # (n,) float64, Angstrom, of each raw image; that of the table where not given
    image_processing: np.ndarray = field(
        default_factory=lambda: np.zeros(0, np.int8)
    )  # (n,) int8 of imaging.processed_images; raw where not given
    noise_rows: np.ndarray = field(
        default_factory=lambda: np.zeros(0, np.int32)
    )  # (n,) int32: which of the noise spectra of the prepared images; 0 where not given

    def __post_init__(self) -> None:
        n_rows = len(self.image_names)
        own = np.arange(n_rows)
        defaults = {"optics_rows": np.zeros(n_rows, np.int32), "image_indices": own, "file_rows": own}
        defaults["symmetry_copies"] = np.zeros(n_rows, np.int16)
        defaults["particle_indices"] = own if not len(self.image_indices) else self.image_indices
        defaults |= {"image_processing": np.zeros(n_rows, np.int8), "noise_rows": np.zeros(n_rows, np.int32)}
        defaults["own_box_sizes"] = np.broadcast_to(np.int32(self.box_size), n_rows)
        defaults["own_pixel_sizes"] = np.broadcast_to(float(self.pixel_size_in_angstroms), n_rows)
        for name, values in defaults.items():
            if len(getattr(self, name)) != n_rows:
                object.__setattr__(self, name, values)

    def __len__(self) -> int:
        return len(self.image_names)

    @property
    def n_images(self) -> int:
        """Different images; fewer than rows where several show one."""
        return int(self.image_indices.max(initial=-1)) + 1

    @property
    def counts(self) -> str:
        """In words: 360 particles; 120 images, 360 views where rows share images; 120 particles, 360 images where only those."""
        n_rows, n_images = len(self), self.n_images
        n_particles = int(self.particle_indices.max(initial=-1)) + 1
        if n_particles == n_rows:
            return f"{n_rows:,} particles"
        views = [] if n_images == n_rows else [f"{n_rows:,} views"]
        particles = [] if n_particles == n_images else [f"{n_particles:,} particles"]
        return ", ".join([*particles, f"{n_images:,} images", *views])

    @property
    def view_matrices(self) -> np.ndarray:  # (n, 3, 3) float32
        """The rotation matrices, with the magnification of each particle's optics: a point v of the map lands on (A' v)[:2].

        Images of magnification M show a point that projects to p at M^T p, so the upper two rows are M^T times those of A.
        """
        if not self.optics.is_stretched:
            return self.rotation_matrices
        views = self.rotation_matrices.copy()
        transposed = self.optics.magnification.transpose(0, 2, 1)[self.optics_rows]
        views[:, :2] = transposed @ self.rotation_matrices[:, :2]
        return views

    def take(self, rows: np.ndarray) -> "ParticleTable":
        """The table of the given rows, in the given order."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return ParticleTable(
            **{
                name: value[rows] if isinstance(value, np.ndarray) else value
                for name, value in values.items()
            }
        )
