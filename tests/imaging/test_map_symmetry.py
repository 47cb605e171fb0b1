"""A map agrees with itself after its own rotations and not after others."""

import numpy as np
import pytest
from symmetric_maps import symmetric_map

from gem_plugin.imaging.map_symmetry import agreements_with_rotations
from gem_plugin.imaging.symmetry import Symmetry, settings_of_symmetry, symmetry_operators


def group(name: str) -> Symmetry:
    return settings_of_symmetry(name)[0]


@pytest.mark.parametrize("name", ["C3", "C7", "D2", "D5", "T", "O", "I1"])
def test_every_rotation_of_its_group_leaves_a_map_as_it_is(name: str) -> None:
    found = agreements_with_rotations(symmetric_map(group(name)), symmetry_operators(name), name[0] in "CD")
    assert found.min() > 0.98


@pytest.mark.parametrize("box", [31, 32, 96])
def test_odd_small_and_large_boxes(box: int) -> None:
    volume = symmetric_map(group("C3"), box - box % 2)
    if box % 2:  # a box centre at box // 2 in both
        padded = np.zeros((box,) * 3, np.float32)
        padded[: box - 1, : box - 1, : box - 1] = volume
        volume = padded
    found = agreements_with_rotations(volume, symmetry_operators("C3"), True)
    assert found.min() > 0.97
    assert agreements_with_rotations(volume, symmetry_operators("C4"), True).min() < 0.5


def test_a_ring_of_seven_is_not_taken_for_one_of_six_or_eight() -> None:
    """The average about the axis, which any rotation leaves, does not count."""
    ring = symmetric_map(group("C7"))
    ring += 2 * _tube(len(ring))
    assert agreements_with_rotations(ring, symmetry_operators("C7"), True).min() > 0.95
    for other in ("C6", "C8", "C2"):
        assert agreements_with_rotations(ring, symmetry_operators(other), True).min() < 0.5


def test_a_map_without_structure_about_the_axis_has_every_fold() -> None:
    assert agreements_with_rotations(_tube(48), symmetry_operators("C5"), True).min() > 0.98


def test_noise_outside_the_mask_does_not_count() -> None:
    volume = symmetric_map(group("C3"))
    mask = (volume > 0.02 * volume.max()).astype(np.float32)
    noise = np.random.default_rng(1).normal(0, 0.3 * volume.max(), volume.shape).astype(np.float32)
    noisy = volume + noise * (mask < 0.5)
    with_mask = agreements_with_rotations(noisy, symmetry_operators("C3"), True, mask)
    assert with_mask.min() > agreements_with_rotations(noisy, symmetry_operators("C3"), True).min()


def _tube(box: int) -> np.ndarray:
    """Density that depends only on the distance from z, and the height."""
    offsets = np.arange(box) - box // 2
    radii = np.hypot(*np.meshgrid(offsets, offsets))
    profile = np.exp(-((radii - 0.25 * box) ** 2) / 8)
    return (np.exp(-(offsets**2) / 60.0)[:, None, None] * profile[None]).astype(np.float32)
