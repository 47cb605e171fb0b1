"""The prepared data set on disk: an image stack and a table, written by prepare, read by every later step."""

from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np

from gem_plugin.errors import InputError
from gem_plugin.imaging.symmetry import Symmetry
from gem_plugin.io.mrc.stacks import open_stack
from gem_plugin.io.run.excluded import used_particles
from gem_plugin.io.run.files import RunFiles
from gem_plugin.io.run.optics_readings import read_readings
from gem_plugin.io.whole_files import whole_file
from gem_plugin.particles.odd_phases import without_odd_phases
from gem_plugin.particles.optics import Optics, plain_optics
from gem_plugin.particles.optics_readings import read_as
from gem_plugin.particles.stored_texts import text_as_bytes, text_from_bytes
from gem_plugin.particles.table import ParticleTable
from gem_plugin.particles.tilt_series.saved import load_tilt_series
from gem_plugin.particles.tilt_series.table import TiltSeriesParticles

PREFIX_OF_OPTICS = "optics_set_"
SYMMETRY_NAME, SYMMETRY_OPERATORS = "symmetry_name", "symmetry_operators"
TEXT_FIELDS = ("image_names", "stack_names")
OF_RAW_IMAGES = ("own_box_sizes", "own_pixel_sizes")  # prepared images have one size


@dataclass(frozen=True)
class ParticleOrigin:
    """Where the particles came from, for writing the original rows back."""

    particle_file: Path  # absolute
    project_folder: Path | None  # as given by the user
    original_box_size: int  # pixels
    original_pixel_size_in_angstroms: float


@dataclass(frozen=True)
class PreparedTilts:
    """All tilt images of a run, where particles own several."""

    images: Any  # (m, box, box) float32 array-like, stays on disk, where views share images; positive density, at the working box
    particles: TiltSeriesParticles  # as read: at the original box and pixel size; views where expanded
    noise_levels: (
        np.ndarray
    )  # (m,) float32: factors of the noise spectrum; infinite for images that cannot be used


@dataclass(frozen=True)
class PreparedData:
    """What training needs: images and table in the same row order.

    Of tilt series the row of a particle, its pose and its image here are those of its image of lowest dose; `tilts` has all of them.
    """

    images: Any  # (n, box, box) float32 array-like, stays on disk; positive density, one row a particle row
    table: ParticleTable  # at the working box and pixel size
    noise_spectrum: np.ndarray  # (box // 2 + 1,) or (k, box // 2 + 1) float64; white noise is 1
    origin: ParticleOrigin
    is_used: np.ndarray  # (n,) bool: False for the excluded particles
    tilts: PreparedTilts | None = None  # None for single particles


def load_prepared(run: RunFiles) -> PreparedData:
    """Read what prepare left in a run folder."""
    table, noise_spectrum, origin = _saved_table(run)
    images, is_used = open_stack(run.prepared_images), used_particles(run, len(table))
    if run.prepared_tilt_series.is_file():
        tilts = _tilts(run, images, table)
        particles = tilts.particles
        first = images_of_rows(images, particles.images.image_indices[particles.first_images[:-1]])
        return PreparedData(first, table, noise_spectrum, origin, is_used, tilts)
    _check_shape(run, images, table.n_images, table)
    images = images_of_rows(images, table.image_indices)
    prepared = PreparedData(images, table, noise_spectrum, origin, is_used)
    settled = _settled(run, table).optics
    return prepared if settled is table.optics else with_optics(prepared, settled)


def _tilts(run: RunFiles, images: np.ndarray, table: ParticleTable) -> PreparedTilts:
    particles, noise_levels = load_tilt_series(run.prepared_tilt_series)
    if len(particles) != len(table):
        raise InputError(
            f"{run.prepared_tilt_series} has {len(particles)} particles, {run.prepared_table} {len(table)}. "
            "The two are from different runs; run `gem-em prepare` again."
        )
    _check_shape(run, images, particles.n_images, table)
    return PreparedTilts(images_of_rows(images, particles.images.image_indices), particles, noise_levels)


def _check_shape(run: RunFiles, images: np.ndarray, n_images: int, table: ParticleTable) -> None:
    if images.shape != (n_images, table.box_size, table.box_size):
        raise InputError(
            f"{run.prepared_images} has shape {images.shape}, {run.prepared_table} expects {n_images} images of "
            f"{table.box_size} pixels. The two are from different runs; run `gem-em prepare` again."
        )


def with_optics(prepared: PreparedData, optics: Optics) -> PreparedData:
    """The same particles with other optics than prepare took; images have their odd phases removed accordingly."""
    table = replace(prepared.table, optics=optics)
    return replace(
        prepared, table=table, images=without_odd_phases(table, prepared.images, prepared.table.optics)
    )


class ImagesOfRows:
    """A stack seen row by row of the table, where several rows show one image."""

    def __init__(self, stack: np.ndarray, image_indices: np.ndarray) -> None:
        self._stack, self._image_indices = stack, image_indices
        self.shape = (len(image_indices), *stack.shape[1:])

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, key: Any) -> np.ndarray:
        """As of an array: rows, or rows with indices into each image behind them."""
        rows, *inside = key if isinstance(key, tuple) else (key,)
        return self._stack[(self._image_indices[rows], *inside)]


def images_of_rows(stack: np.ndarray, image_indices: np.ndarray) -> Any:
    """The stack itself where every row has an image of its own, in order."""
    is_plain = len(stack) == len(image_indices) and bool((image_indices == np.arange(len(stack))).all())
    return stack if is_plain else ImagesOfRows(stack, image_indices)


def load_prepared_table(run: RunFiles) -> tuple[ParticleTable, np.ndarray, ParticleOrigin]:
    """The table, the noise spectrum and the origin, without the images."""
    table, noise_spectrum, origin = _saved_table(run)
    return _settled(run, table), noise_spectrum, origin


def _settled(run: RunFiles, table: ParticleTable) -> ParticleTable:
    """With unsettled optics in the reading that consensus took."""
    readings = read_readings(run.optics_readings) if table.optics.is_unsettled.any() else {}
    return replace(table, optics=read_as(table.optics, readings)) if readings else table


def _saved_table(run: RunFiles) -> tuple[ParticleTable, np.ndarray, ParticleOrigin]:
    """As prepare left it."""
    path = run.prepared_table
    if not path.is_file():
        raise InputError(
            f"There is no {path}: the particles of this run are not prepared. Run `gem-em prepare` first."
        )
    with np.load(path, allow_pickle=False) as saved:
        values = {field.name: saved[field.name] for field in fields(ParticleTable) if field.name in saved}
        values["optics"] = _saved_optics(saved)
        values["symmetry"] = _saved_symmetry(saved)
        noise_spectrum = saved["noise_spectrum"]
        project_folder = str(saved["project_folder"])
        origin = ParticleOrigin(
            particle_file=Path(str(saved["particle_file"])),
            project_folder=Path(project_folder) if project_folder else None,
            original_box_size=int(saved["original_box_size"]),
            original_pixel_size_in_angstroms=float(saved["original_pixel_size_in_angstroms"]),
        )
    for name in TEXT_FIELDS:
        values[name] = text_from_bytes(values[name])
    values["pixel_size_in_angstroms"] = float(values["pixel_size_in_angstroms"])
    values["box_size"] = int(values["box_size"])
    return ParticleTable(**values), noise_spectrum, origin


def save_prepared_table(
    path: Path, table: ParticleTable, noise_spectrum: np.ndarray, origin: ParticleOrigin
) -> None:
    """Write the table as arrays only; texts are stored as bytes, so that nothing has to be unpickled."""
    values = {
        field.name: getattr(table, field.name) for field in fields(table) if field.name not in OF_RAW_IMAGES
    }
    optics = values.pop("optics")
    values |= {PREFIX_OF_OPTICS + field.name: getattr(optics, field.name) for field in fields(optics)}
    symmetry = values.pop("symmetry")
    values |= {SYMMETRY_NAME: np.array(symmetry.name), SYMMETRY_OPERATORS: symmetry.operators}
    for name in TEXT_FIELDS:
        values[name] = text_as_bytes(values[name])
    with whole_file(path) as temporary:
        np.savez(
            temporary,
            **values,
            noise_spectrum=noise_spectrum,
            particle_file=np.array(str(origin.particle_file)),
            project_folder=np.array(str(origin.project_folder or "")),
            original_box_size=np.array(origin.original_box_size),
            original_pixel_size_in_angstroms=np.array(origin.original_pixel_size_in_angstroms),
        )


def _saved_optics(saved: Any) -> Optics:
    """Without aberrations in tables of version 0.1.0, which applied none."""
    names = [field.name for field in fields(Optics) if PREFIX_OF_OPTICS + field.name in saved]
    if not names:
        return plain_optics()
    return Optics(**{name: saved[PREFIX_OF_OPTICS + name] for name in names})


def _saved_symmetry(saved: Any) -> Symmetry:
    """None in tables of earlier versions, which made no rows."""
    if SYMMETRY_NAME not in saved:
        return Symmetry()
    return Symmetry(str(saved[SYMMETRY_NAME]), saved[SYMMETRY_OPERATORS])
