"""Masks of another box are resampled; one without a pixel size is taken for the particles' own."""

from pathlib import Path

import numpy as np
import pytest

from gem_plugin.errors import InputError
from gem_plugin.io.mrc.maps import write_map
from gem_plugin.notices import GemNote
from gem_plugin.results.masks import read_mask_on_grid


def mask(path: Path, box: int, pixel_size: float) -> Path:
    values = np.zeros((box, box, box), np.float32)
    values[box // 4 : -box // 4, box // 4 : -box // 4, box // 4 : -box // 4] = 1
    write_map(path, values, pixel_size)
    return path


def test_same_space_with_other_voxels_is_resampled(tmp_path: Path):
    with pytest.warns(GemNote, match=r"m\.mrc: the mask has 32 voxels of 2 A .* resampled"):
        assert read_mask_on_grid(mask(tmp_path / "m.mrc", 32, 2.0), 16, 4.0).shape == (16, 16, 16)


@pytest.mark.parametrize(("box", "pixel_size"), [(32, 4.0), (20, 4.0), (10, 6.0)])
def test_another_box_is_brought_to_the_grid_about_its_centre(tmp_path: Path, box: int, pixel_size: float):
    with pytest.warns(GemNote, match="about its centre to 16 voxels of 4 A"):
        fitted = read_mask_on_grid(mask(tmp_path / "other.mrc", box, pixel_size), 16, 4.0)
    assert fitted.shape == (16, 16, 16)
    expected = min(16, box * pixel_size / 2 / 4.0) ** 3
    assert fitted.sum() == pytest.approx(expected, rel=0.3)


def test_the_same_box_of_another_pixel_size_is_refused_with_the_name(tmp_path: Path):
    path = mask(tmp_path / "other.mrc", 16, 2.0)
    with pytest.raises(InputError, match=r"other\.mrc: the mask has 2 A per voxel, expected 4 A"):
        read_mask_on_grid(path, 16, 4.0)


@pytest.mark.parametrize("pixel_size", [0.0, 1.0])
def test_without_a_pixel_size_the_box_tells_whose_it_is(tmp_path: Path, pixel_size: float):
    own, of_particles = mask(tmp_path / "own.mrc", 16, pixel_size), mask(tmp_path / "p.mrc", 32, pixel_size)
    assert read_mask_on_grid(own, 16, 4.0).shape == (16, 16, 16)
    with pytest.warns(GemNote, match="32 voxels of 2 A"):
        assert read_mask_on_grid(of_particles, 16, 4.0, original=(32, 2.0)).shape == (16, 16, 16)
    with pytest.raises(InputError, match="no pixel size in its header"):
        read_mask_on_grid(of_particles, 16, 4.0)


def test_what_is_no_cube_or_empty_is_refused(tmp_path: Path):
    write_map(tmp_path / "flat.mrc", np.ones((16, 20, 20), np.float32), 4.0)
    with pytest.raises(InputError, match=r"flat\.mrc: expected one cubic map"):
        read_mask_on_grid(tmp_path / "flat.mrc", 16, 4.0)
    write_map(tmp_path / "empty.mrc", np.zeros((16, 16, 16), np.float32), 4.0)
    with pytest.raises(InputError, match=r"empty\.mrc: The mask is empty"):
        read_mask_on_grid(tmp_path / "empty.mrc", 16, 4.0)
