"""Which reading of CryoSPARC's optics do the images fit? Matched-filter scores against the consensus, compared image by image.

The usual reading is kept unless another one fits better by more than three standard errors. Columns are compared one after
the other, each with what was decided of those before.
"""

import math
from collections.abc import Callable, Mapping
from typing import NamedTuple

import torch
from torch import Tensor

from gem_plugin.gaussians.cloud import GaussianCloud
from gem_plugin.gaussians.projection import project_gaussians
from gem_plugin.heterogeneity.losses.image import image_agreement
from gem_plugin.heterogeneity.observations import Observations
from gem_plugin.imaging.fourier import ring_indices
from gem_plugin.particles.optics import Optics
from gem_plugin.particles.optics_readings import READINGS, phase_difference, read_as
from gem_plugin.particles.table import ParticleTable

PARTICLES = 4000
MINIMUM_PARTICLES = 10  # whose mean says something
MINIMUM_STANDARD_ERRORS = 3.0  # by which another reading must fit better than the usual one
COARSEST_RESOLUTION_IN_ANGSTROMS = (
    8.0  # compared; where the working pixel size is coarse, half of its Nyquist frequency
)
NEGLIGIBLE_PHASE = math.radians(5)  # between two readings, up to the working Nyquist frequency: they are one
NOTICEABLE_PHASE = math.radians(45)
IMAGES_AT_A_TIME = 64
MINIMUM_POWER = 1e-30


class Reading(NamedTuple):
    """One way to read a column, and how it fits."""

    name: str
    over_usual: float  # standard errors by which the images fit it better than the usual reading
    is_noticeable: bool  # its phases differ from those of the reading taken by more than 45 degrees somewhere


class Comparison(NamedTuple):
    """The readings of one column."""

    column: str
    readings: list[Reading]  # the usual one first; readings that are the same are not compared
    taken: str
    is_certain: bool  # all noticeable others fit worse by more than three standard errors


def compare_readings(
    cloud: GaussianCloud,  # the consensus; its grey scale does not matter
    table: ParticleTable,  # of prepared images, in the usual reading
    observations_with: Callable[[Optics], Observations],  # the images seen with these optics
    rows: Tensor,  # (k,) int64: particles to compare on
) -> list[Comparison]:
    """One comparison for every column that matters at the working pixel size, in the order in which they were decided."""
    decided: dict[str, str] = {}
    found = []
    for column in READINGS:
        comparison = _compare(column, decided, cloud, table, observations_with, rows)
        if comparison is not None:
            decided[column] = comparison.taken
            found.append(comparison)
    return found


def _compare(
    column: str,
    decided: Mapping[str, str],
    cloud: GaussianCloud,
    table: ParticleTable,
    observations_with: Callable[[Optics], Observations],
    rows: Tensor,
) -> Comparison | None:
    optics_of: dict[str, Optics] = {}
    for name in READINGS[column]:
        optics = read_as(table.optics, {**decided, column: name})
        if all(phase_difference(optics, other, table) > NEGLIGIBLE_PHASE for other in optics_of.values()):
            optics_of[name] = optics
    if len(optics_of) < 2:
        return None
    scores = {
        name: banded_scores(cloud, observations_with(optics), rows) for name, optics in optics_of.items()
    }
    usual = next(iter(scores))
    best = max(scores, key=lambda name: float(scores[name].mean()))
    is_better = _standard_errors(scores[best] - scores[usual]) > MINIMUM_STANDARD_ERRORS
    taken = best if is_better else usual
    readings, is_certain = [], True
    for name, of_images in scores.items():
        difference = phase_difference(optics_of[name], optics_of[taken], table)
        is_noticeable = name != taken and difference > NOTICEABLE_PHASE
        is_worse = _standard_errors(scores[taken] - of_images) > MINIMUM_STANDARD_ERRORS
        is_certain &= is_worse or not is_noticeable
        readings.append(Reading(name, _standard_errors(of_images - scores[usual]), is_noticeable))
    return Comparison(column, readings, taken, is_certain)


@torch.no_grad()
def banded_scores(
    cloud: GaussianCloud, observations: Observations, rows: Tensor
) -> (
    Tensor
):  # (rows,) float64: P g / sqrt(P h P) over the fine rings, which is normal with variance 1 for noise
    """How well each image fits the projection of the cloud at high resolution."""
    box_size, pixel_size = observations.box_size, observations.pixel_size_in_angstroms
    first_ring = min(box_size * pixel_size / COARSEST_RESOLUTION_IN_ANGSTROMS, box_size / 4)
    rings = ring_indices(box_size)
    band = ((rings >= first_ring) & (rings < box_size // 2)).float()
    parts = []
    for some in rows.split(IMAGES_AT_A_TIME):
        batch = observations.batch(some)
        projections = project_gaussians(cloud, batch.rotation_matrices, box_size, pixel_size)
        fine = torch.fft.irfft2(torch.fft.rfft2(projections) * band, s=(box_size, box_size))
        powers, agreements = image_agreement(fine, batch.images, batch.filters)
        parts.append(agreements.double() / powers.double().clamp_min(MINIMUM_POWER).sqrt())
    return torch.cat(parts)


def _standard_errors(differences: Tensor) -> float:
    """The mean over its standard error; 0 for too few values, or where nothing differs."""
    if len(differences) < MINIMUM_PARTICLES:
        return 0.0
    standard_deviation = differences.std().clamp_min(1e-12)
    return float(differences.mean() / standard_deviation * math.sqrt(len(differences)))
