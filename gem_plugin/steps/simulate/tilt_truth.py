"""The truth of simulated tilt series: tomograms with their tilts, and particles with their positions, poses and visible tilts.

Tilts are in the order in which they were taken; the files that are written have other orders too, so that none is assumed.
"""

from dataclasses import dataclass, replace

import numpy as np
from scipy.spatial.transform import Rotation

from gem_plugin.imaging.processed_images import RAW
from gem_plugin.particles.tilt_series.geometry import (
    defocus_change_in_angstroms,
    euler_matrices,
    image_geometry,
    positions_of_particles,
    tilt_rotations,
)
from gem_plugin.particles.tilt_series.table import TiltImages
from gem_plugin.steps.simulate.settings import SimulateSettings

BINNING = 4  # of the particles against the tilt images
SIZE_IN_ANGSTROMS = (8000.0, 8000.0, 2400.0)  # of a tomogram, xyz
PARTICLES_WITHIN_IN_ANGSTROMS = (3000.0, 3000.0, 800.0)  # of the centre
TILT_AXIS_IN_DEGREES = 85.0
AXIS_ERROR_IN_DEGREES = 0.5  # of the axis and of the tilt about x, tilt by tilt
SHIFT_OF_TILTS_IN_ANGSTROMS = 30.0
TILTS_OF_ONE_SIDE = 2  # taken before the stage turns to the other side
DEFOCUS_ERROR_IN_ANGSTROMS = 200.0  # tilt by tilt
NOISE_LEVELS = (0.8, 1.25)  # of a tomogram
HANDS = (-1, -1, 1)  # of the tomograms in turn


@dataclass(frozen=True)
class TomogramTruth:
    """One tomogram of k tilts."""

    name: str
    hand: int
    x_tilts: np.ndarray  # (k,) degrees
    y_tilts: np.ndarray  # (k,) degrees
    z_rotations: np.ndarray  # (k,) degrees
    shifts_in_angstroms: np.ndarray  # (k, 2)
    doses: np.ndarray  # (k,) electrons per square Angstrom before the image, rising
    scale_factor: np.ndarray  # (k,) cosine of the tilt
    defocus_u_in_angstroms: np.ndarray  # (k,) at the centre
    defocus_v_in_angstroms: np.ndarray
    defocus_angle_in_degrees: np.ndarray
    noise_deviations: (
        np.ndarray
    )  # (k,) of the raw images, where 1 is that of an untilted image of a usual tomogram

    @property
    def rotation_matrices(self) -> np.ndarray:  # (k, 3, 3)
        return tilt_rotations(self.x_tilts, self.y_tilts, self.z_rotations)

    def __len__(self) -> int:
        return len(self.doses)


@dataclass(frozen=True)
class ParticleTruth:
    """n particles."""

    which_tomogram: np.ndarray  # (n,) int64
    names: np.ndarray  # (n,) str
    coordinates_in_angstroms: np.ndarray  # (n, 3): where they are cut out, from the centre
    subtomogram_angles: np.ndarray  # (n, 3) degrees
    angles: np.ndarray  # (n, 3) degrees
    origins_in_angstroms: np.ndarray  # (n, 3)
    half_sets: np.ndarray  # (n,) 1 or 2
    is_visible: np.ndarray  # (n, k) bool, tilts in the order in which they were taken

    @property
    def positions_in_angstroms(self) -> np.ndarray:  # (n, 3)
        """Where the particles themselves are."""
        return positions_of_particles(
            self.coordinates_in_angstroms, euler_matrices(self.subtomogram_angles), self.origins_in_angstroms
        )

    @property
    def rotation_matrices(self) -> np.ndarray:  # (n, 3, 3): poses in the frame of the tomogram
        return euler_matrices(self.subtomogram_angles) @ euler_matrices(self.angles)


@dataclass(frozen=True)
class TiltSeriesTruth:
    """Everything but the molecule."""

    tomograms: list[TomogramTruth]
    particles: ParticleTruth

    def images(self, settings: SimulateSettings) -> TiltImages:
        """Every visible image, particle by particle, in the order of dose."""
        parts = [self._images_of(number, settings) for number in range(len(self.tomograms))]
        joined = TiltImages.joined(parts)
        ordered = joined.take(np.lexsort((joined.tilt_numbers, joined.particle_indices)))
        return replace(ordered, image_indices=np.arange(len(ordered)))

    def noise_deviations(self, images: TiltImages) -> np.ndarray:  # (m,) float32
        levels = np.stack([tomogram.noise_deviations for tomogram in self.tomograms])
        tomograms = self.particles.which_tomogram[images.particle_indices]
        return levels[tomograms, images.tilt_numbers].astype(np.float32)

    def _images_of(self, number: int, settings: SimulateSettings) -> TiltImages:
        tomogram, particles = self.tomograms[number], self.particles
        rows = np.flatnonzero(particles.which_tomogram == number)
        of_particle, tilts = np.nonzero(particles.is_visible[rows])
        rows = rows[of_particle]
        geometry = image_geometry(
            tomogram.rotation_matrices[tilts],
            euler_matrices(particles.subtomogram_angles)[rows],
            euler_matrices(particles.angles)[rows],
            particles.origins_in_angstroms[rows],
            particles.positions_in_angstroms[rows],
        )
        change = defocus_change_in_angstroms(geometry.depths_in_angstroms, tomogram.hand)

        def same(value: float) -> np.ndarray:
            return np.full(len(rows), value, dtype=np.float32)

        return TiltImages(
            particle_indices=rows,
            tilt_numbers=tilts.astype(np.int32),
            stack_names=np.full(len(rows), "", dtype=object),
            slice_indices=np.zeros(len(rows), np.int64),
            file_rows=rows,
            rotation_matrices=geometry.rotation_matrices.astype(np.float32),
            shifts_in_angstroms=geometry.shifts_in_angstroms.astype(np.float32),
            defocus_u_in_angstroms=(tomogram.defocus_u_in_angstroms[tilts] + change).astype(np.float32),
            defocus_v_in_angstroms=(tomogram.defocus_v_in_angstroms[tilts] + change).astype(np.float32),
            defocus_angle_in_degrees=tomogram.defocus_angle_in_degrees[tilts].astype(np.float32),
            phase_shift_in_degrees=same(0),
            b_factor_in_square_angstroms=same(0),
            scale_factor=tomogram.scale_factor[tilts].astype(np.float32),
            voltage_in_kilovolts=same(settings.voltage),
            spherical_aberration_in_millimetres=same(settings.cs),
            amplitude_contrast=same(settings.amplitude_contrast),
            doses=tomogram.doses[tilts].astype(np.float32),
            b_factors_per_dose=same(0),
            image_processing=np.full(len(rows), RAW, np.int8),
        )


def tilts_as_taken(largest: float, step: float) -> np.ndarray:  # (k,) degrees
    """A dose-symmetric scheme: from 0 outwards, two tilts of one side, then two of the other."""
    n_of_side = int(np.floor(largest / step + 1e-9))
    taken = [0.0]
    for first in range(1, n_of_side + 1, TILTS_OF_ONE_SIDE):
        group = np.arange(first, min(first + TILTS_OF_ONE_SIDE, n_of_side + 1)) * step
        taken += [*group.tolist(), *(-group).tolist()]
    return np.array(taken)


def draw_truth(settings: SimulateSettings, generator: np.random.Generator) -> TiltSeriesTruth:
    """Tomograms and particles by chance."""
    tomograms = [_draw_tomogram(number, settings, generator) for number in range(settings.tomograms)]
    return TiltSeriesTruth(tomograms, _draw_particles(settings, tomograms, generator))


def _draw_tomogram(number: int, settings: SimulateSettings, generator: np.random.Generator) -> TomogramTruth:
    tilts = tilts_as_taken(settings.tilt_to, settings.tilt_step)
    n_tilts = len(tilts)
    axis = TILT_AXIS_IN_DEGREES + generator.uniform(-2, 2)
    y_tilts = tilts + generator.normal(0, 0.1, n_tilts)
    defocus = generator.uniform(settings.defocus_from, settings.defocus_to)
    defocus_u = defocus + generator.normal(0, DEFOCUS_ERROR_IN_ANGSTROMS, n_tilts)
    cosine = np.cos(np.deg2rad(y_tilts))
    return TomogramTruth(
        name=f"TS_{number + 1:02d}",
        hand=HANDS[number % len(HANDS)],
        x_tilts=generator.uniform(-1, 1, n_tilts) * AXIS_ERROR_IN_DEGREES,
        y_tilts=y_tilts,
        z_rotations=axis + generator.uniform(-1, 1, n_tilts) * AXIS_ERROR_IN_DEGREES,
        shifts_in_angstroms=generator.uniform(-1, 1, (n_tilts, 2)) * SHIFT_OF_TILTS_IN_ANGSTROMS,
        doses=np.arange(n_tilts) * settings.dose_per_tilt,
        scale_factor=cosine,
        defocus_u_in_angstroms=defocus_u,
        defocus_v_in_angstroms=defocus_u - generator.uniform(0, 300, n_tilts),
        defocus_angle_in_degrees=generator.uniform(0, 180, n_tilts),
        noise_deviations=generator.uniform(*NOISE_LEVELS) / cosine,
    )


def _draw_particles(
    settings: SimulateSettings, tomograms: list[TomogramTruth], generator: np.random.Generator
) -> ParticleTruth:
    n_particles, n_tilts = settings.n_particles, len(tomograms[0])
    which = np.arange(n_particles) * len(tomograms) // n_particles
    number_in_tomogram = np.arange(n_particles) - np.searchsorted(which, which, side="left") + 1
    within = np.array(PARTICLES_WITHIN_IN_ANGSTROMS)
    subtomograms = (
        _random_angles(n_particles, generator) if settings.subtomogram_angles else np.zeros((n_particles, 3))
    )
    is_visible = np.zeros((n_particles, n_tilts), dtype=bool)
    fewest = min(settings.fewest_tilts, n_tilts)
    for row, n_visible in enumerate(generator.integers(fewest, n_tilts + 1, n_particles)):
        is_visible[row, generator.permutation(n_tilts)[:n_visible]] = True
    return ParticleTruth(
        which_tomogram=which,
        names=np.array([f"{tomograms[t].name}/{n}" for t, n in zip(which, number_in_tomogram)], dtype=object),
        coordinates_in_angstroms=generator.uniform(-1, 1, (n_particles, 3)) * within,
        subtomogram_angles=subtomograms,
        angles=_random_angles(n_particles, generator),
        origins_in_angstroms=generator.uniform(-1, 1, (n_particles, 3)) * settings.largest_shift,
        half_sets=(np.arange(n_particles) % 2 + 1).astype(np.int8),
        is_visible=is_visible,
    )


def _random_angles(n: int, generator: np.random.Generator) -> np.ndarray:  # (n, 3) degrees: rot, tilt, psi
    return Rotation.random(n, generator).as_euler("ZYZ", degrees=True)
