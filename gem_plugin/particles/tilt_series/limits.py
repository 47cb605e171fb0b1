"""Which tilt images are used: weights above 0, doses up to a limit, the lowest doses of each particle."""

from dataclasses import replace

import numpy as np

from gem_plugin.errors import InputError
from gem_plugin.notices import note
from gem_plugin.particles.tilt_series.table import TiltImages, TiltSeriesParticles


def in_order(particles: TiltSeriesParticles) -> TiltSeriesParticles:
    """Images by particle, then dose; images of one dose by their direction, so that rows of a file may have any order.

    Views of one particle have their images in one order, that of the first view.
    """
    images = particles.images
    _, first_rows = np.unique(images.image_indices, return_index=True)
    direction = images.rotation_matrices[first_rows[images.image_indices], 2, :]
    keys = (images.tilt_numbers, direction[:, 1], direction[:, 0], images.doses, images.particle_indices)
    return replace(particles, images=images.take(np.lexsort(keys)))


def used_images(
    particles: TiltSeriesParticles,  # images in order
    max_dose: float | None = None,  # electrons per square Angstrom before the image
    max_tilts: int | None = None,  # of each particle, those of the lowest dose
) -> TiltSeriesParticles:
    """The images that are used; what is left out is counted in a note. InputError where nothing is left."""
    images = particles.images
    if (max_dose is not None or max_tilts is not None) and not (images.doses > 0).any():
        raise InputError(
            f"{particles.path} gives no dose for its tilt images, so the lowest doses cannot be chosen. Leave --max-dose and --max-tilts out."
        )
    is_kept = images.scale_factor > 0
    said = [f"{int((~is_kept).sum())} of weight 0 or below"] if not is_kept.all() else []
    if max_dose is not None:
        is_beyond = is_kept & (images.doses > max_dose)
        is_kept &= ~is_beyond
        said += (
            [f"{int(is_beyond.sum())} above a dose of {max_dose:g} electrons per square Angstrom"]
            if is_beyond.any()
            else []
        )
    if max_tilts is not None:
        is_beyond = is_kept & (_ranks(images, is_kept) >= max_tilts)
        is_kept &= ~is_beyond
        said += [f"{int(is_beyond.sum())} beyond the {max_tilts} of lowest dose"] if is_beyond.any() else []
    return _kept(particles, is_kept, said)


def _ranks(images: TiltImages, is_kept: np.ndarray) -> np.ndarray:  # (m,) int64
    """The position of each kept image among those of its particle, from 0."""
    before = np.cumsum(is_kept) - is_kept  # kept images before each
    first_of_particle = np.searchsorted(images.particle_indices, images.particle_indices, side="left")
    return before - before[first_of_particle]


def _kept(particles: TiltSeriesParticles, is_kept: np.ndarray, said: list[str]) -> TiltSeriesParticles:
    if not is_kept.any():
        raise InputError(
            f"{particles.path}: no tilt image is left to use ({', '.join(said) or 'all tilts are hidden'}). "
            "Check the weights (_rlnCtfScalefactor) and the doses of the tilt series."
        )
    if said:
        note(f"{particles.path}: of {len(particles.images):,} tilt images {' and '.join(said)} are left out.")
    used = particles.with_images(is_kept)
    if len(used) < len(particles):
        note(
            f"{particles.path}: {len(particles) - len(used)} of {len(particles)} particles have no tilt image left and are left out."
        )
    return used
