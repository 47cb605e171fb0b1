"""Views of particles of tilt series: rows of one particle in several poses, as symmetry expansion makes them.

Views own rows for the same tilt images, which are kept once, in memory and on disk. Conventions are those of particles.expansion:
in copy j the point v of the map stands where R_j v stood, so every tilt image has the pose A R_j; shifts and defoci stay.
"""

from dataclasses import replace

import numpy as np
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import connected_components

from gem_plugin.errors import InputError
from gem_plugin.imaging.symmetry import Symmetry
from gem_plugin.particles.expansion import copied_rotations
from gem_plugin.particles.identity import numbered, resolved_paths
from gem_plugin.particles.tilt_series.table import TiltSeriesParticles


def with_identity(particles: TiltSeriesParticles) -> TiltSeriesParticles:
    """The particles, with rows that show the same slices of the same stacks, whatever they are called, as views of one particle.

    Raises InputError where rows share some of their tilt images but not all.
    """
    files = {name: str(path) for name, path in resolved_paths(particles.stack_paths).items()}
    numbers = {path: number for number, path in enumerate(dict.fromkeys(files.values()))}
    images = particles.images
    stacks = np.fromiter(
        (numbers[files[name]] for name in images.stack_names.tolist()), np.int64, len(images)
    )
    shown = numbered(stacks, images.slice_indices)
    if int(shown.max(initial=-1)) + 1 == len(shown):  # every row its own
        return particles
    n = len(particles)
    first_to_show = np.full(len(shown), n)
    np.minimum.at(first_to_show, shown, images.particle_indices)
    links = csr_matrix(
        (np.ones(len(shown), np.int8), (images.particle_indices, first_to_show[shown])), shape=(n, n)
    )
    found = replace(
        particles,
        images=replace(images, image_indices=shown),
        particle_indices=numbered(connected_components(links, directed=False)[1]),
    )
    _check_all_are_shared(found)
    return found


def renumbered(particles: TiltSeriesParticles) -> TiltSeriesParticles:
    """The same, with images numbered in the order in which rows show them first."""
    images = particles.images
    return replace(particles, images=replace(images, image_indices=numbered(images.image_indices)))


def expand_tilt_series(particles: TiltSeriesParticles, symmetry: Symmetry) -> TiltSeriesParticles:
    """Each row, then its copies by the other operators, adjacent, as relion_particle_symmetry_expand orders them.

    Copies share images, particle and half-set; only the rotations differ. C1 gives the particles as they are.
    """
    order, n_rows = len(symmetry), len(particles)
    if order == 1:
        return particles
    expanded = particles.take(np.repeat(np.arange(n_rows), order))
    copies = np.tile(np.arange(order, dtype=np.int16), n_rows)
    before = np.repeat(np.arange(n_rows), order)
    rotations = copied_rotations(particles.images.rotation_matrices, symmetry)
    of_images = rotations[particles.images_of(before), copies[expanded.images.particle_indices]]
    of_particles = copied_rotations(particles.rotation_matrices, symmetry).reshape(-1, 3, 3)
    return replace(
        expanded,
        images=replace(expanded.images, rotation_matrices=of_images.astype(np.float32)),
        rotation_matrices=of_particles.astype(np.float32),
        symmetry_copies=copies,
        symmetry=symmetry,
    )


def before_expansion(particles: TiltSeriesParticles) -> TiltSeriesParticles:
    """The rows that were read, of particles that were expanded here."""
    return replace(particles.take(particles.symmetry_copies == 0), symmetry=Symmetry())


def each_image_once(particles: TiltSeriesParticles) -> TiltSeriesParticles:
    """The rows that show an image first: their images are numbered 0, 1, 2, ... as those of the given particles."""
    images = particles.images
    if particles.n_images == len(images):
        return particles
    is_first = np.zeros(len(images), dtype=bool)
    is_first[np.unique(images.image_indices, return_index=True)[1]] = True
    return particles.with_images(is_first)


def _check_all_are_shared(particles: TiltSeriesParticles) -> None:
    images, starts = particles.images, particles.first_images
    by_row = images.image_indices[np.lexsort((images.image_indices, images.particle_indices))]
    first_view = np.unique(particles.particle_indices, return_index=True)[1][particles.particle_indices]
    counts = particles.image_counts
    is_other = counts != counts[first_view]
    owners = np.repeat(np.arange(len(particles)), counts)
    within = np.arange(len(owners)) - starts[owners]
    is_there = within < counts[first_view[owners]]
    beside = by_row[np.where(is_there, starts[first_view[owners]] + within, 0)]
    is_other[owners[~is_there | (beside != by_row)]] = True
    if is_other.any():
        row = int(np.flatnonzero(is_other)[0])
        one, other = int(particles.file_rows[row]), int(particles.file_rows[first_view[row]])
        raise InputError(
            f"{particles.path}: the particle {particles.names[row]} (row {one}) shares some tilt images with "
            f"{particles.names[first_view[row]]} (row {other}), but not all; expected all or none. Do two particles name one stack, or "
            "were tilt images of one view removed?"
        )
