import numpy as np
import pytest
import torch
from scipy import ndimage

from gem_plugin.errors import InputError
from gem_plugin.landscape.mask import (
    automatic_threshold,
    bright_level,
    check_mask,
    fit_mask_to_grid,
    make_mask,
    scan_volumes,
)
from gem_plugin.notices import GemNote


def two_balls() -> list[np.ndarray]:
    grid = np.indices((20, 20, 20)).astype(np.float32)
    return [
        np.exp(-((grid - np.array(centre)[:, None, None, None]) ** 2).sum(axis=0) / 8)
        for centre in ((10, 10, 6), (10, 10, 14))
    ]


def as_tensors(volumes: list[np.ndarray]) -> list[torch.Tensor]:
    return [torch.from_numpy(volume) for volume in volumes]


@pytest.mark.parametrize("size", [1, 2, 21, 22])
def test_bright_level_is_the_percentile_of_numpy(size: int) -> None:
    volume = np.random.default_rng(size).normal(size=(size, size, size)).astype(np.float32)
    expected = np.percentile(volume.astype(np.float64), 99.99)
    assert float(bright_level(torch.from_numpy(volume))) == pytest.approx(expected, rel=1e-6)


def test_bright_level_stays_on_the_device_of_the_map() -> None:
    """The meta device refuses tensors from elsewhere, and any wait for a value."""
    assert bright_level(torch.zeros(8, 8, 8, device="meta")).device.type == "meta"


def test_scan_gives_the_weighted_mean_and_the_maximum() -> None:
    volumes = [volume.astype(np.float32) for volume in two_balls()]
    scan = scan_volumes(as_tensors(volumes), np.array([1.0, 3.0]))
    np.testing.assert_allclose(scan.mean, 0.25 * volumes[0] + 0.75 * volumes[1], atol=1e-6)
    np.testing.assert_array_equal(scan.brightest, np.maximum(*volumes))
    assert (volumes[0] == two_balls()[0].astype(np.float32)).all(), "maps are not changed"


def test_mask_is_the_union_of_the_grown_masks_of_all_maps() -> None:
    volumes = [volume.astype(np.float32) for volume in two_balls()]
    scan = scan_volumes(as_tensors(volumes), np.ones(2))
    threshold = automatic_threshold(scan, 0.5)
    assert threshold == pytest.approx(
        np.mean([np.percentile(volume.astype(np.float64), 99.99) / 2 for volume in volumes]), rel=1e-5
    )
    union = np.zeros((20, 20, 20), bool)
    for volume in volumes:
        union |= ndimage.binary_dilation(volume >= threshold, iterations=2)
    mask = make_mask(scan.brightest, threshold, 2.0, dilate_in_angstroms=5.0, cosine_edge_in_angstroms=0.0)
    np.testing.assert_array_equal(mask, union.astype(np.float32))


def test_soft_edge_falls_from_one_to_zero_outside_the_hard_mask() -> None:
    brightest = two_balls()[0].astype(np.float32)
    hard = make_mask(brightest, 0.5, 1.0, 1.0, 0.0)
    soft = make_mask(brightest, 0.5, 1.0, 1.0, 4.0)
    assert (soft[hard > 0] == 1).all()
    assert ((soft > 0) & (soft < 1)).sum() > 100
    distance = ndimage.distance_transform_edt(hard == 0)
    assert (soft[distance >= 4] == 0).all()
    edge = (distance > 0) & (distance < 4)
    np.testing.assert_allclose(soft[edge], 0.5 + 0.5 * np.cos(np.pi * distance[edge] / 4), atol=1e-6)


def test_masks_that_touch_the_border_are_those_of_the_whole_box() -> None:
    brightest = np.zeros((14, 15, 30), np.float32)
    brightest[0:2, 5:9, 22:24] = brightest[3, 9, 12] = 1
    grown = ndimage.binary_dilation(brightest > 0, iterations=2)
    distance = ndimage.distance_transform_edt(~grown)
    expected = np.where(distance < 3.5, 0.5 + 0.5 * np.cos(np.pi * distance / 3.5), 0)
    np.testing.assert_allclose(make_mask(brightest, 0.5, 1.0, 2.0, 3.5), expected, atol=1e-6)


def test_no_growth_when_the_margin_is_below_one_voxel() -> None:
    brightest = two_balls()[0].astype(np.float32)
    np.testing.assert_array_equal(
        make_mask(brightest, 0.5, 4.0, 3.9, 0.0), (brightest >= 0.5).astype(np.float32)
    )


def test_threshold_zero_is_a_threshold_and_not_a_missing_one() -> None:
    assert make_mask(np.ones((4, 4, 4), np.float32), 0.0, 1.0, 0.0, 0.0).all()


def test_empty_mask_is_refused() -> None:
    with pytest.raises(InputError, match=r"mask is empty.*lower --thresh"):
        make_mask(np.zeros((4, 4, 4), np.float32), 0.5, 1.0, 0.0, 0.0)
    with pytest.raises(InputError, match="mask is empty"):
        check_mask(np.zeros((4, 4, 4), np.float32), 4)
    with pytest.raises(InputError, match="has shape"):
        check_mask(np.ones((4, 4, 4), np.float32), 5)


def test_mask_of_another_box_is_resampled_when_the_pixel_sizes_explain_it() -> None:
    fine = np.zeros((40, 40, 40), np.float32)
    fine[10:30, 10:30, 10:30] = 1
    with pytest.warns(GemNote, match="the mask: the mask has 40 voxels of 1.5 A"):
        coarse = fit_mask_to_grid(fine, 1.5, 20, 3.0)
    assert coarse.shape == (20, 20, 20)
    np.testing.assert_array_equal(coarse[5:15, 5:15, 5:15], 1)
    assert coarse.sum() == 1000
    with pytest.raises(InputError, match=r"0\.3 times as wide"):
        fit_mask_to_grid(fine, 1.5, 20, 10.0)
