import numpy as np
import pytest
import torch
from arm_model import PIXEL_SIZE_IN_ANGSTROMS, arm_source, ring_latents

from gem_plugin.errors import InputError
from gem_plugin.gaussians.cloud import GaussianCloud
from gem_plugin.gaussians.volume import render_volumes
from gem_plugin.landscape.checks.junk_score import assess_states
from gem_plugin.landscape.exact_coordinates import FunctionalReader, exact_functionals
from gem_plugin.landscape.regions import (
    check_regions,
    focus_mask,
    measure_regions,
    region_weight_maps,
    sum_over_regions,
)


def boxes() -> dict[str, np.ndarray]:
    left, whole = np.zeros((24, 24, 24), np.float32), np.ones((24, 24, 24), np.float32)
    left[:, :, :12] = 1
    return {"left": left, "whole": whole}


def test_a_ball_that_is_half_gone_and_one_that_moved_are_measured_so() -> None:
    """Three maps of one ball: as it is, with half of the density, and moved by 6 Angstrom along y."""
    positions = torch.tensor([[[0.0, 0, 0]], [[0, 0, 0]], [[0, 6.0, 0]]])
    clouds = GaussianCloud(positions, torch.tensor([[1.0], [0.5], [1.0]]), torch.tensor([4.0]))
    volumes = render_volumes(clouds, 24, 2.0)
    weight_maps = region_weight_maps({"whole": boxes()["whole"]}, 2.0)
    measures = measure_regions(["whole"], sum_over_regions(volumes, weight_maps), np.array([1.0, 1.0, 2.0]))
    np.testing.assert_allclose(measures.occupancy[:, 0], np.array([1, 0.5, 1]) / 0.875, rtol=1e-3)
    np.testing.assert_allclose(
        measures.motion_in_angstroms[:, 0], [3, 3, 3], atol=0.02
    )  # the mean lies at y = 3
    exact = measure_regions(["whole"], FunctionalReader(weight_maps, 2.0)(clouds), np.array([1.0, 1.0, 2.0]))
    np.testing.assert_allclose(exact.motion_in_angstroms, measures.motion_in_angstroms, atol=1e-3)


def test_the_arm_leaves_and_enters_the_left_half() -> None:
    source = arm_source(np.array([[1, 0], [-1, 0], [0, 1]], np.float32))
    weight_maps = region_weight_maps(boxes(), PIXEL_SIZE_IN_ANGSTROMS)
    sums = exact_functionals(source, weight_maps)
    decoded = sum_over_regions(source.maps_on_device(source.latents), weight_maps)
    np.testing.assert_allclose(sums, decoded, rtol=1e-4, atol=1e-3 * np.abs(decoded).max())
    measures = measure_regions(boxes(), sums, np.ones(3))
    left = measures.occupancy[:, 0]
    assert left[1] > left[2] > left[0]
    np.testing.assert_allclose(measures.occupancy[:, 1], 1, atol=0.01)
    assert (measures.motion_in_angstroms[:, 1] > 2).all()


def test_regions_outside_the_molecule_and_of_other_boxes_are_refused() -> None:
    mean = next(arm_source(ring_latents(1)).decode(ring_latents(1)))
    corner = np.zeros((24, 24, 24), np.float32)
    corner[:2, :2, :2] = 1
    with pytest.raises(InputError, match="Region corner lies outside the molecule"):
        check_regions({"corner": corner}, mean)
    with pytest.raises(InputError, match="has shape"):
        check_regions({"small": np.ones((8, 8, 8), np.float32)}, mean)


def test_focus_keeps_what_is_in_a_region() -> None:
    mask = np.ones((24, 24, 24), np.float32)
    np.testing.assert_array_equal(focus_mask(mask, {"left": boxes()["left"]}), boxes()["left"])
    with pytest.raises(InputError, match="no voxel in common"):
        focus_mask(1 - boxes()["left"], {"left": boxes()["left"]})


def test_junk_score_finds_the_faint_the_far_and_the_uncertain_state() -> None:
    generator = np.random.default_rng(0)
    rows = 10 + generator.normal(0, 0.1, (6, 200))
    rows[1] *= 0.4  # faint
    rows[2, :40] += 8  # far from the others
    states = np.repeat(np.arange(1, 7), 50)
    latents_std = np.full((300, 3), 0.1)
    latents_std[states == 4] = 0.5
    quality = assess_states(rows, np.full(6, 50), states, latents_std)
    assert set(np.flatnonzero(quality.junk_score > 1)) == {1, 2, 3}
    assert quality.density_ratio[1] < 0.5
    assert quality.isolation[2] > 3
    assert quality.uncertainty_ratio[3] > 2
