"""Where the particles are in their tomograms, as tables for other programs: a star file for ArtiaX, points for napari."""

from dataclasses import dataclass

import numpy as np

from gem_plugin.errors import GemError
from gem_plugin.io.star.write import new_star_text
from gem_plugin.particles.tilt_series.changed_poses import moved_particles
from gem_plugin.particles.tilt_series.coordinates import CENTRED, FROM_CORNER, TOMOGRAM
from gem_plugin.particles.tilt_series.geometry import euler_matrices, positions_of_particles
from gem_plugin.particles.tilt_series.stack_columns import ANGLES, ORIGINS, PARTICLE
from gem_plugin.particles.tilt_series.table import TiltSeriesForm, TiltSeriesParticles
from gem_plugin.particles.to_relion import relion_angles_in_degrees
from gem_plugin.results.csv_tables import csv_text
from gem_plugin.results.particle_file import CLASS_LABEL
from gem_plugin.results.run import Run
from gem_plugin.results.tilt_series_file import TiltSeriesParticleFile

PIXEL_SIZE_OF_TILTS = "_rlnTomoTiltSeriesPixelSize"
POINT_COLUMNS = ("index", "axis-0", "axis-1", "axis-2", "tomogram", "state", "particle")  # napari's names


@dataclass(frozen=True, eq=False)
class TomogramPositions:
    """Of n particles, in the order of the run."""

    names: np.ndarray  # (n,) object array of str: rlnTomoParticleName
    tomograms: np.ndarray  # (n,) object array of str: rlnTomoName
    positions_in_angstroms: (
        np.ndarray
    )  # (n, 3) xyz from the centre of the tomogram, origins taken off; NaN where unknown
    angles_in_degrees: np.ndarray  # (n, 3): rot, tilt, psi in the frame of the tomogram
    from_corner_in_pixels: (
        np.ndarray | None
    )  # (n, 3) xyz, origins taken off, in the pixels of the file; None where the file has none

    @property
    def is_known(self) -> np.ndarray:  # (n,) bool
        return np.isfinite(self.positions_in_angstroms).all(axis=1)

    def rows_of(self, tomogram: str | None = None) -> np.ndarray:  # (k,)
        """Rows of known position, of one tomogram or of all."""
        chosen = self.is_known if tomogram is None else self.is_known & (self.tomograms == tomogram)
        return np.flatnonzero(chosen)

    def star_text(self, states: np.ndarray, tomogram: str | None = None) -> str:  # (n,) from 1; 0: none
        """One row a particle. Origins are 0 and there are no subtomogram angles: both are in coordinates and angles already."""
        rows = self.rows_of(tomogram)
        columns = {TOMOGRAM: self.tomograms[rows].tolist(), PARTICLE: self.names[rows].tolist()}
        columns |= _columns(CENTRED, self.positions_in_angstroms[rows])
        if self.from_corner_in_pixels is not None:
            columns |= _columns(FROM_CORNER, self.from_corner_in_pixels[rows])
        columns |= _columns(ANGLES, self.angles_in_degrees[rows])
        columns |= _columns(ORIGINS, np.zeros((len(rows), 3)))
        columns[CLASS_LABEL] = states[rows].astype(str).tolist()
        return new_star_text({"particles": columns})

    def points_text(self, states: np.ndarray, tomogram: str | None = None) -> str:  # (n,) from 1; 0: none
        """A csv file that napari opens as points: z, y, x in Angstrom from the centre, with tomogram and state."""
        rows = self.rows_of(tomogram)
        zyx = self.positions_in_angstroms[rows, ::-1]
        names = zip(self.tomograms[rows], states[rows].tolist(), self.names[rows])
        points = enumerate(zip(zyx.tolist(), names, strict=True))
        return csv_text(POINT_COLUMNS, [(index, *point, *of_point) for index, (point, of_point) in points])


def positions_of_run(run: Run) -> TomogramPositions | None:
    """In refined poses where training found some. None for single particles, and where the particle file gives no positions in tomograms, as image series do not."""
    if not run.files.prepared_tilt_series.is_file():
        return None
    file = run.original
    assert isinstance(file, TiltSeriesParticleFile)
    particles, poses = file.particles, run.refined_poses
    if poses is not None:
        particles = moved_particles(particles, poses.rotation_vectors, poses.shifts_in_angstroms)
    if not np.isfinite(particles.coordinates_in_angstroms).all(axis=1).any():
        return None
    return TomogramPositions(
        particles.names,
        particles.tomograms,
        particles.coordinates_in_angstroms,
        relion_angles_in_degrees(particles.rotation_matrices),
        _from_corner(file, particles),
    )


def _columns(labels: tuple[str, ...], values: np.ndarray) -> dict[str, list[str]]:
    return {label: [f"{value:.4f}" for value in values[:, axis]] for axis, label in enumerate(labels)}


def _from_corner(file: TiltSeriesParticleFile, particles: TiltSeriesParticles) -> np.ndarray | None:  # (n, 3)
    """Those of the file with origins taken off; None where it has none, or was moved away since."""
    try:
        if not set(FROM_CORNER) <= set(file.labels):
            return None
        coordinates = np.stack([file.column(label) for label in FROM_CORNER], axis=1)
        pixel_sizes = _pixel_sizes(file, particles)
    except (GemError, OSError):
        return None
    if pixel_sizes is None:
        return None
    subtomograms = euler_matrices(particles.subtomogram_angles_in_degrees)
    origins_in_pixels = particles.origins_in_angstroms / pixel_sizes[:, None]
    return positions_of_particles(coordinates, subtomograms, origins_in_pixels)


def _pixel_sizes(file: TiltSeriesParticleFile, particles: TiltSeriesParticles) -> np.ndarray | None:  # (n,)
    """Of the coordinates: WarpTools counts pixels of the particles, RELION those of the tilt images."""
    if particles.form is TiltSeriesForm.WARPTOOLS:
        return np.full(len(particles), particles.pixel_size_in_angstroms)
    return file.column_of_optics(PIXEL_SIZE_OF_TILTS)
