"""The data set of tilt series as arrays: particles, and the tilt images of each. No files are opened here.

A tilt image is what an image is to single particles: a pose, a shift and a CTF of its own. Only the latent, the half-set and
the identity belong to the particle. Of a set that was expanded by symmetry a row is a view: a particle in another pose, with rows
of its own for the same images.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from enum import Enum
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from gem_plugin.imaging.symmetry import Symmetry
from gem_plugin.particles.identity import numbered

if TYPE_CHECKING:
    import torch

    from gem_plugin.imaging.ctf import CtfParameters


class TiltSeriesForm(Enum):
    """Which files the particles came from, in words."""

    RELION = "RELION 5 2D stacks"
    WARPTOOLS = "WarpTools 2D stacks"
    IMAGE_SERIES = "image series of Warp and M"


@dataclass(frozen=True)
class TiltImages:
    """m tilt images, ordered by particle, in a particle by dose, then by tilt; every array has m rows.

    The order does not depend on that of the rows in any file. A point v (Angstrom, xyz, relative to the rotation centre) lands
    on the pixel (A v)[:2] / pixel size - shift / pixel size + box // 2, as in ParticleTable.
    """

    particle_indices: np.ndarray  # (m,) int64: row of the particle
    tilt_numbers: (
        np.ndarray
    )  # (m,) int32 from 0: row of the tilt-series star, or row among those of the particle
    stack_names: np.ndarray  # (m,) str, as in the file
    slice_indices: np.ndarray  # (m,) int64 from 0, in the stack
    file_rows: np.ndarray  # (m,) int64 from 0: row of the particle file that the image comes from
    rotation_matrices: np.ndarray  # (m, 3, 3) float32: A, the pose of the image
    shifts_in_angstroms: np.ndarray  # (m, 2) float32, ordered xy; RELION's origin
    defocus_u_in_angstroms: np.ndarray  # (m,) float32: of the particle's depth in this tilt
    defocus_v_in_angstroms: np.ndarray
    defocus_angle_in_degrees: np.ndarray
    phase_shift_in_degrees: np.ndarray
    b_factor_in_square_angstroms: np.ndarray
    scale_factor: np.ndarray  # (m,) float32, above 0: weight of the tilt, part of the CTF
    voltage_in_kilovolts: np.ndarray
    spherical_aberration_in_millimetres: np.ndarray
    amplitude_contrast: np.ndarray
    doses: np.ndarray  # (m,) float32, electrons per square Angstrom before the image
    b_factors_per_dose: (
        np.ndarray
    )  # (m,) float32; 0: the dose filter follows the curve of imaging.dose_filter
    image_processing: np.ndarray  # (m,) int8 of imaging.processed_images
    image_indices: np.ndarray = field(
        default_factory=lambda: np.zeros(0, np.int64)
    )  # (m,) int64 from 0: rows with one number show one image, in views of one particle; each its own where not given

    def __post_init__(self) -> None:
        if len(self.image_indices) != len(self.particle_indices):
            object.__setattr__(self, "image_indices", np.arange(len(self.particle_indices)))

    @classmethod
    def joined(cls, parts: Sequence[TiltImages]) -> TiltImages:
        """One after the other, each row an image of its own."""
        names = [field.name for field in fields(cls) if field.name != "image_indices"]
        return cls(**{name: np.concatenate([getattr(part, name) for part in parts]) for name in names})

    def __len__(self) -> int:
        return len(self.particle_indices)

    def take(self, images: np.ndarray) -> TiltImages:
        """The given images (indices or flags), in the given order."""
        return TiltImages(**{field.name: getattr(self, field.name)[images] for field in fields(self)})

    def ctf_parameters(self) -> CtfParameters:
        """Their CTFs with dose filter and tilt weight, as tensors."""
        import torch

        from gem_plugin.imaging.ctf import CtfParameters

        def tensor(name: str) -> torch.Tensor:
            return torch.as_tensor(getattr(self, name), dtype=torch.float32)

        return CtfParameters(
            defocus_u_in_angstroms=tensor("defocus_u_in_angstroms"),
            defocus_v_in_angstroms=tensor("defocus_v_in_angstroms"),
            defocus_angle_in_degrees=tensor("defocus_angle_in_degrees"),
            phase_shift_in_degrees=tensor("phase_shift_in_degrees"),
            b_factor_in_square_angstroms=tensor("b_factor_in_square_angstroms"),
            scale_factor=tensor("scale_factor"),
            voltage_in_kilovolts=tensor("voltage_in_kilovolts"),
            spherical_aberration_in_millimetres=tensor("spherical_aberration_in_millimetres"),
            amplitude_contrast=tensor("amplitude_contrast"),
            image_processing=torch.as_tensor(self.image_processing) if self.image_processing.any() else None,
            doses=tensor("doses"),
            b_factors_per_dose=tensor("b_factors_per_dose") if self.b_factors_per_dose.any() else None,
        )


@dataclass(frozen=True)
class TiltSeriesParticles:
    """n particles and their tilt images; every array but those of `images` has n rows, in the order of the file.

    Half-sets, train and validation, and subsets are always by particle: images of one particle stay together. Where a set was
    expanded by symmetry the n rows are views, and several are of one particle: they share its images and its name.
    """

    names: np.ndarray  # (n,) str: rlnTomoParticleName, or the value of the grouping column
    tomograms: np.ndarray  # (n,) str: rlnTomoName; of image series what their group names begin with
    coordinates_in_angstroms: (
        np.ndarray
    )  # (n, 3) float64, xyz from the centre of the tomogram; NaN where unknown
    subtomogram_angles_in_degrees: np.ndarray  # (n, 3) float64: rot, tilt, psi; 0 where the file has none
    rotation_matrices: (
        np.ndarray
    )  # (n, 3, 3) float32: the pose in the frame of the tomogram; that of the first image where unknown
    origins_in_angstroms: np.ndarray  # (n, 3) float64, xyz, of the particle
    half_sets: np.ndarray  # (n,) int8: 1 or 2, 0 where not given
    class_numbers: np.ndarray  # (n,) int64; 0 where not given
    optics_groups: np.ndarray  # (n,) int64
    file_rows: np.ndarray  # (n,) int64 from 0: row of the particle file; the first one of an image series
    images: TiltImages
    box_size: int  # pixels
    pixel_size_in_angstroms: float
    form: TiltSeriesForm
    path: Path  # of the particle file
    stack_paths: dict[str, Path]  # by stack name
    tomograms_path: Path | None = None  # the file with the tilt series; none for image series
    trajectories_path: Path | None = None  # only passed on: extraction has followed them already
    grouping_column: str | None = None  # of image series
    particle_indices: np.ndarray = field(
        default_factory=lambda: np.zeros(0, np.int64)
    )  # (n,) int64 from 0: rows with one number are views of one particle; each its own where not given
    symmetry_copies: np.ndarray = field(
        default_factory=lambda: np.zeros(0, np.int16)
    )  # (n,) int16: which operator of the symmetry made the row of that of the file; 0, the identity, where not given
    symmetry: Symmetry = field(default_factory=Symmetry)  # by which rows were made here

    def __post_init__(self) -> None:
        n_rows = len(self.names)
        defaults = {"particle_indices": np.arange(n_rows), "symmetry_copies": np.zeros(n_rows, np.int16)}
        for name, values in defaults.items():
            if len(getattr(self, name)) != n_rows:
                object.__setattr__(self, name, values)

    def __len__(self) -> int:
        return len(self.names)

    @cached_property
    def image_counts(self) -> np.ndarray:  # (n,) int64, at least 1
        """How many tilt images each particle has."""
        return np.bincount(self.images.particle_indices, minlength=len(self))

    @cached_property
    def first_images(self) -> np.ndarray:  # (n + 1,) int64
        """The images of particle i are first_images[i] to first_images[i + 1], the end not included."""
        return np.concatenate([[0], np.cumsum(self.image_counts)])

    def images_of(self, particles: np.ndarray) -> np.ndarray:  # int64
        """Indices of all tilt images of the given particles, particle by particle."""
        first = self.first_images
        ranges = [np.arange(first[row], first[row + 1]) for row in particles]
        return np.concatenate([np.zeros(0, np.int64), *ranges])

    def take(self, particles: np.ndarray) -> TiltSeriesParticles:
        """The given particles with all their images, in the given order; what is shared is numbered anew."""
        particles = np.arange(len(self))[particles]
        images = self.images.take(self.images_of(particles))
        counts = self.image_counts[particles]
        images = replace(
            images,
            particle_indices=np.repeat(np.arange(len(particles)), counts),
            image_indices=numbered(images.image_indices),
        )
        of_particles = {
            field.name: getattr(self, field.name)[particles]
            for field in fields(self)
            if isinstance(getattr(self, field.name), np.ndarray)
        }
        of_particles["particle_indices"] = numbered(of_particles["particle_indices"])
        used = dict.fromkeys(images.stack_names.tolist())
        return replace(
            self, **of_particles, images=images, stack_paths={name: self.stack_paths[name] for name in used}
        )

    def with_images(self, is_kept: np.ndarray) -> TiltSeriesParticles:  # (m,) bool
        """The particles with some of their images; those without any are left out."""
        images = self.images.take(is_kept)
        kept = np.bincount(images.particle_indices, minlength=len(self)) > 0
        return replace(self, images=images).take(np.flatnonzero(kept))

    @property
    def n_particles(self) -> int:
        """Physical particles; fewer than rows where several are views of one."""
        return int(self.particle_indices.max(initial=-1)) + 1

    @property
    def n_images(self) -> int:
        """Different images; fewer than rows of `images` where views share them."""
        return int(self.images.image_indices.max(initial=-1)) + 1

    @property
    def counts(self) -> str:
        """In words: 2,000 particles with 6 to 41 tilt images each (50,312 images); with views: ..., 12,000 views."""
        counts = self.image_counts
        lowest, highest = (int(counts.min()), int(counts.max())) if len(counts) else (0, 0)
        each = f"{lowest}" if lowest == highest else f"{lowest} to {highest}"
        plural = "" if highest == 1 else "s"
        views = "" if self.n_particles == len(self) else f", {len(self):,} views"
        return f"{self.n_particles:,} particles with {each} tilt image{plural} each ({self.n_images:,} images){views}"
