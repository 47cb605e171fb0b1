"""Do map, poses and images belong together? The images against the map in their own poses, in those of others, and flipped.

A map of another refinement, or one whose hand was flipped after it, gives a run that ends without an error and means
nothing. Each comparison is between two matched-filter scores of the same image, so noise and contrast cancel.
"""

import math
from dataclasses import replace
from typing import NamedTuple

import torch
from torch import Tensor

from gem_plugin.gaussians.cloud import GaussianCloud
from gem_plugin.gaussians.projection import project_gaussians
from gem_plugin.heterogeneity.losses.image import image_agreement
from gem_plugin.heterogeneity.observations import Observations

AXES = "xyz"
PARTICLES = 500
MINIMUM_PARTICLES = 10  # whose mean says something
IMAGES_AT_A_TIME = 64


class PoseMatch(NamedTuple):
    """Mean scores, in standard deviations of an image's noise; differences in their standard errors."""

    own: float
    of_others: float  # every image in the pose of another particle
    own_over_others: float  # standard errors; 0 where all poses are alike, NaN for a handful of particles
    flipped_axis: str  # x, y or z: the flip of the map that fits best
    flipped_over_own: float  # standard errors


@torch.no_grad()
def match_poses(
    cloud: GaussianCloud, observations: Observations, rows: Tensor, generator: torch.Generator
) -> PoseMatch:
    """Compare on some of the given particles."""
    rows = rows[torch.randperm(len(rows), generator=generator)[:PARTICLES]]
    others = rows.roll(1)
    own = _scores(cloud, observations, rows, rows)
    flipped = []
    for axis in range(3):
        positions = cloud.positions.clone()
        positions[:, axis] *= -1
        flipped.append(_scores(replace(cloud, positions=positions), observations, rows, rows))
    best = max(range(3), key=lambda axis: float(flipped[axis].mean()))
    of_others = _scores(cloud, observations, rows, others)
    return PoseMatch(
        float(own.mean()),
        float(of_others.mean()),
        _standard_errors(own - of_others),
        AXES[best],
        _standard_errors(flipped[best] - own),
    )


def _scores(
    cloud: GaussianCloud, observations: Observations, rows: Tensor, poses_of: Tensor
) -> Tensor:  # (rows,): P g / sqrt(P h P), which is normal with variance 1 for noise
    parts = []
    for some, others in zip(rows.split(IMAGES_AT_A_TIME), poses_of.split(IMAGES_AT_A_TIME), strict=True):
        batch = observations.batch(some)
        rotations = observations.rotation_matrices[others]
        images = project_gaussians(
            cloud, rotations, observations.box_size, observations.pixel_size_in_angstroms
        )
        powers, agreements = image_agreement(images, batch.images, batch.filters)
        parts.append(agreements / powers.clamp_min(1e-30).sqrt())
    return torch.cat(parts).double()


def _standard_errors(differences: Tensor) -> float:
    """The mean over its standard error; 0 where nothing differs, NaN for too few values."""
    if len(differences) < MINIMUM_PARTICLES:
        return math.nan
    standard_deviation = differences.std().clamp_min(1e-12)
    return float(differences.mean() / standard_deviation * math.sqrt(len(differences)))
