"""Read particles of tilt series, whatever program wrote them."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from gem_plugin.errors import InputError
from gem_plugin.io.project_folder import ImageSearch
from gem_plugin.io.star.columns import read_columns
from gem_plugin.io.star.particles import IMAGE_NAME, TOMOGRAPHY_LABELS, RelionFile, open_tilt_series_file
from gem_plugin.io.star.text import read_star_document
from gem_plugin.particles.tilt_series.image_series import GROUPING_COLUMN, read_image_series
from gem_plugin.particles.tilt_series.limits import in_order, used_images
from gem_plugin.particles.tilt_series.optimisation_set import (
    is_optimisation_set,
    optimisation_set_beside,
    read_optimisation_set,
)
from gem_plugin.particles.tilt_series.refusals import refuse_volumes
from gem_plugin.particles.tilt_series.stack_columns import FRAMES
from gem_plugin.particles.tilt_series.stacks_2d import StackFiles, read_stacks
from gem_plugin.particles.tilt_series.table import TiltSeriesParticles
from gem_plugin.particles.tilt_series.views import renumbered, with_identity
from gem_plugin.progress import Track, untracked


@dataclass(frozen=True)
class TiltSeriesOptions:
    """How to read particles of tilt series."""

    tomograms: Path | None = None  # for a particle file without an optimisation set beside it
    grouping_column: str = (
        GROUPING_COLUMN  # of files with a row per tilt image: what the rows of a particle share
    )
    pixel_size_in_angstroms: float | None = None  # of image series that give none, or a wrong one
    max_dose: float | None = None  # electrons per square Angstrom before an image; None: all
    max_tilts: int | None = None  # images of each particle, those of the lowest dose; None: all
    search: ImageSearch = field(default_factory=ImageSearch)


def read_tilt_series(
    path: Path, options: TiltSeriesOptions | None = None, track: Track = untracked
) -> TiltSeriesParticles:
    """Particles and their tilt images from an optimisation set, a particle file, or an image series of Warp and M.

    Rows that show the same tilt images, as symmetry expansion writes them, are views of one particle.

    Raises InputError that names file, row and particle, before any image is read.
    """
    path, options = Path(path), options or TiltSeriesOptions()
    _check(options)
    if is_optimisation_set(read_star_document(path)):
        if options.tomograms is not None:
            raise InputError(
                f"{path} is an optimisation set, which names its tomograms itself; expected no other tomograms. Leave {options.tomograms} out."
            )
        named = read_optimisation_set(path, options.search)
        files = StackFiles(open_tilt_series_file(named.particles), named.tomograms, named.trajectories)
        particles = read_stacks(files, options.search, track)
    else:
        particles = _particles_of_file(open_tilt_series_file(path), options, track)
    particles = in_order(with_identity(particles))
    return renumbered(used_images(particles, options.max_dose, options.max_tilts))


def _particles_of_file(file: RelionFile, options: TiltSeriesOptions, track: Track) -> TiltSeriesParticles:
    refuse_volumes(file)
    if _has_a_row_per_image(file):
        return read_image_series(
            file, options.grouping_column, options.search, options.pixel_size_in_angstroms, track
        )
    if options.pixel_size_in_angstroms is not None:
        raise InputError(
            f"{file.path} gives its pixel size; expected none besides. Leave the pixel size out."
        )
    return read_stacks(_files_beside(file, options), options.search, track)


def _has_a_row_per_image(file: RelionFile) -> bool:
    """By its image names, which then say the slice; files of other programs may name tomograms too."""
    if FRAMES in file.particles.labels:
        return False
    names = read_columns(file.document, file.particles, text_labels=[IMAGE_NAME]).get(IMAGE_NAME, np.zeros(0))
    return not set(TOMOGRAPHY_LABELS) & set(file.particles.labels) or (len(names) > 0 and "@" in names[0])


def _files_beside(file: RelionFile, options: TiltSeriesOptions) -> StackFiles:
    """The particle file with its tomograms: those that were given, else those of the optimisation set beside it."""
    if options.tomograms is not None:
        return StackFiles(file, options.tomograms)
    beside = optimisation_set_beside(file.path)
    if beside is None:
        raise InputError(
            f"{file.path}: the tilts of its tomograms are in a file of their own, and no optimisation set lies beside it. Give the optimisation "
            "set (run_optimisation_set.star of Refine3D), or the particles together with their tomograms.star."
        )
    named = read_optimisation_set(beside, options.search)
    if not named.particles.samefile(file.path):
        raise InputError(
            f"{beside}, beside {file.path}, belongs to other particles ({named.particles}). Give the optimisation set of the particles, or the "
            "particles together with their tomograms.star."
        )
    return StackFiles(file, named.tomograms, named.trajectories)


def _check(options: TiltSeriesOptions) -> None:
    if options.max_dose is not None and not options.max_dose >= 0:
        raise InputError(
            f"The largest dose is {options.max_dose}; expected 0 or more electrons per square Angstrom."
        )
    if options.max_tilts is not None and options.max_tilts < 1:
        raise InputError(f"The largest number of tilts is {options.max_tilts}; expected at least 1.")
