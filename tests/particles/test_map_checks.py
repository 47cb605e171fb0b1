"""A map or mask of other particles is known before any work."""

from pathlib import Path

import numpy as np
import pytest
import torch

from gem_plugin.errors import InputError
from gem_plugin.imaging.fourier import fourier_crop_volume
from gem_plugin.io.mrc.maps import write_map
from gem_plugin.notices import GemNote, GemWarning, listening
from gem_plugin.particles.map_checks import read_matching_map, read_matching_mask

NOISE = np.random.default_rng(0).normal(size=(8, 8, 8)).astype(np.float32)
BLOB = np.exp(-((np.indices((24, 24, 24)) - 12) ** 2).sum(axis=0) / 18).astype(np.float32)
BALL = (np.indices((8, 8, 8)) - 4).__pow__(2).sum(axis=0) < 9


def written(folder: Path, array: np.ndarray, pixel_size: float) -> Path:
    write_map(folder / "a.mrc", array, pixel_size)
    return folder / "a.mrc"


def test_matching_map_is_read(tmp_path: Path) -> None:
    np.testing.assert_array_equal(read_matching_map(written(tmp_path, NOISE, 1.342), 8, 1.34), NOISE)


def test_map_of_another_box_is_resampled_and_said(tmp_path: Path) -> None:
    binned = fourier_crop_volume(torch.from_numpy(BLOB), 12).numpy()
    path = written(tmp_path, binned, 2.68)
    with listening(lambda notice: None) as notices:
        read = read_matching_map(path, 24, 1.34)
    np.testing.assert_allclose(read, BLOB, atol=0.01)
    assert "the map has 12 voxels of 2.68 A" in notices[0].sentence


def test_map_that_cuts_the_molecule_is_read_with_a_warning(tmp_path: Path) -> None:
    path = written(tmp_path, BLOB[9:17, 9:17, 9:17], 1.34)
    with pytest.warns(GemWarning, match="a.mrc") as heard:
        read_matching_map(path, 12, 1.34)
    assert "density reaches the border of the map" in str(heard[-1].message)


def test_map_of_an_absurd_width(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"a.mrc: the map has 8 voxels of 1.34 A .* 0.29 times as wide"):
        read_matching_map(written(tmp_path, NOISE, 1.34), 28, 1.34)


def test_map_of_another_pixel_size(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"a.mrc: the map has 1.4 A per voxel, expected 1.34 A"):
        read_matching_map(written(tmp_path, NOISE, 1.4), 8, 1.34)


def test_map_without_a_pixel_size(tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match=r"a.mrc: the header has no pixel size; expected 1.34 A.*relion_image_handler"
    ):
        read_matching_map(written(tmp_path, NOISE, 0.0), 8, 1.34)


def test_constant_map(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"a.mrc: the map is constant \(2 everywhere\)"):
        read_matching_map(written(tmp_path, np.full((8, 8, 8), 2.0), 1.34), 8, 1.34)


@pytest.mark.parametrize("pixel_size", [1.34, 0.0, 1.0])
def test_mask_with_or_without_a_pixel_size_is_read(pixel_size: float, tmp_path: Path) -> None:
    np.testing.assert_array_equal(read_matching_mask(written(tmp_path, BALL, pixel_size), 8, 1.34), BALL)


def test_mask_of_another_pixel_size(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"a.mrc: the mask has 2.68 A per voxel"):
        read_matching_mask(written(tmp_path, BALL, 2.68), 8, 1.34)


def test_mask_of_another_box_is_resampled(tmp_path: Path) -> None:
    path = written(tmp_path, BALL, 2.68)
    with pytest.warns(GemNote, match="it is resampled about its centre to 16 voxels of 1.34 A"):
        mask = read_matching_mask(path, 16, 1.34)
    assert (mask.min(), mask.max()) == (0, 1)
    assert mask.sum() == pytest.approx(8 * BALL.sum(), rel=0.15)


def test_mask_of_another_box_without_a_pixel_size(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"a.mrc: the mask has 8 voxels along each side and no pixel size"):
        read_matching_mask(written(tmp_path, BALL, 0.0), 16, 1.34)


@pytest.mark.parametrize("values", [NOISE, BALL * 5, BALL * 0])
def test_what_is_no_mask(values: np.ndarray, tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match=r"a.mrc: expected a mask with values from 0 to 1, found .*MaskCreate"
    ):
        read_matching_mask(written(tmp_path, values, 1.34), 8, 1.34)


def test_unreadable_mask(tmp_path: Path) -> None:
    (tmp_path / "a.mrc").write_bytes(b"not a mask" * 200)
    with pytest.raises(InputError, match=r"a.mrc is not an MRC file"):
        read_matching_mask(tmp_path / "a.mrc", 8, 1.34)
    with pytest.raises(InputError, match=r"There is no file .*b.mrc"):
        read_matching_mask(tmp_path / "b.mrc", 8, 1.34)
