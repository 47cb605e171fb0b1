"""The tilt images of a particle: in order, labelled, and beside the projections that the model makes of just these images."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from tilt_projects import RELION, SERIES, read, truth_of

from gem_plugin.explorer.tilt_montage import (
    MAXIMUM_TILTS_SHOWN,
    filtered_tilts,
    projected_tilts,
    tilts_shown,
)
from gem_plugin.gaussians.cloud import GaussianCloud
from gem_plugin.particles.prepared import PreparedTilts
from gem_plugin.particles.tilt_series.images import TiltImageReader


@pytest.fixture(scope="module", params=[RELION, SERIES])
def tilts(tilt_project, request) -> PreparedTilts:
    """Images without noise as prepared ones, all usable."""
    particles = read(tilt_project / request.param)
    with TiltImageReader(particles) as reader:
        images = reader.read(np.arange(len(particles.images)))
    return PreparedTilts(images, particles, np.ones(len(images), np.float32))


def test_projections_are_those_of_the_images_beside_them(tilts, tilt_project):
    truth = truth_of(tilt_project)
    weights = torch.from_numpy(truth["weight"]).float()
    positions = torch.from_numpy(truth["xyz"]).float().reshape(1, -1, 3)
    widths = torch.full_like(weights, float(truth["atom_width"]))
    cloud = GaussianCloud(positions, weights.reshape(1, -1), widths)
    for row in (0, 7):
        shown = tilts_shown(tilts, row)
        projections = projected_tilts(tilts, shown.images, cloud, 32, 8.0)
        images = filtered_tilts(tilts, shown.images, 0.0)
        assert images.shape == projections.shape == (len(shown.images), 32, 32)
        of_pairs = [np.corrcoef(one.ravel(), other.ravel())[0, 1] for one, other in zip(images, projections)]
        assert min(of_pairs) > 0.9
        swapped = np.corrcoef(images[0].ravel(), projections[-1].ravel())[0, 1]
        assert swapped < min(of_pairs)


def test_they_are_taken_evenly_in_the_order_of_angles_or_of_doses(tilts):
    for row in range(len(tilts.particles)):
        shown = tilts_shown(tilts, row)
        every = tilts.particles.images_of(np.array([row]))
        assert shown.n_of_particle == len(every)
        assert len(shown.images) == min(MAXIMUM_TILTS_SHOWN, len(every)) == len(set(shown.images.tolist()))
        assert set(shown.images.tolist()) <= set(every.tolist())
        np.testing.assert_array_equal(shown.doses, tilts.particles.images.doses[shown.images])
        if shown.angles_in_degrees is None:
            doses = tilts.particles.images.doses[every]
            assert (np.diff(shown.doses) >= 0).all()
            assert (shown.doses[0], shown.doses[-1]) == (doses.min(), doses.max())
        else:
            assert (np.diff(shown.angles_in_degrees) > 0).all()
            assert shown.angles_in_degrees[0] < -10 < 10 < shown.angles_in_degrees[-1]
    assert (shown.described()["angles"] is None) == (tilts.particles.grouping_column is not None)


def test_images_that_cannot_be_used_are_left_out(tilts):
    every = tilts.particles.images_of(np.array([2]))
    levels = tilts.noise_levels.copy()
    levels[every[1:-2]] = np.inf
    shown = tilts_shown(replace(tilts, noise_levels=levels), 2)
    assert sorted(shown.images.tolist()) == sorted(every[[0, -2, -1]].tolist())
    assert shown.n_of_particle == 3
    levels[:] = np.inf
    assert tilts_shown(replace(tilts, noise_levels=levels), 2).n_of_particle == len(every)
