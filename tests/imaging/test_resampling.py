"""Volumes on another grid: the centre stays, density keeps its level, and RELION's programs give the same."""

import subprocess
from pathlib import Path

import numpy as np
import pytest
import torch

from gem_plugin.imaging.fourier import fourier_crop_volume
from gem_plugin.imaging.resampling import resample_map, resample_mask
from gem_plugin.io.mrc.maps import read_map, write_map


def blobs(box_size: int, voxel_size: float) -> np.ndarray:
    """Two smooth blobs at fixed points in Angstrom about voxel box // 2: the same function on any grid."""
    line = (np.arange(box_size) - box_size // 2) * voxel_size
    z, y, x = np.meshgrid(line, line, line, indexing="ij")
    first = np.exp(-((x - 9) ** 2 + (y + 6) ** 2 + (z - 3) ** 2) / (2 * 7.0**2))
    second = np.exp(-((x + 8) ** 2 + (y - 2) ** 2 + (z + 9) ** 2) / (2 * 6.0**2))
    return (first + 2 * second).astype(np.float32)


@pytest.mark.parametrize(
    ("box", "voxel", "new_box", "new_voxel"),
    [
        (48, 2, 24, 4),
        (47, 2, 24, 4),
        (40, 2.4, 48, 2),
        (48, 2, 31, 3.1),
        (48, 2, 40, 2),
        (40, 2, 47, 2),
        (33, 3, 64, 2),
    ],
)
def test_the_same_density_on_any_grid(box: int, voxel: float, new_box: int, new_voxel: float) -> None:
    resampled = resample_map(blobs(box, voxel), new_voxel / voxel, new_box)
    assert resampled.shape == (new_box,) * 3
    np.testing.assert_allclose(resampled, blobs(new_box, new_voxel), atol=0.004)


@pytest.mark.parametrize(("box", "new_box"), [(24, 16), (16, 24), (25, 16), (17, 24)])
def test_of_the_same_width_it_is_the_cut_fourier_transform(box: int, new_box: int) -> None:
    noise = np.random.default_rng(0).normal(size=(box,) * 3).astype(np.float32)
    noise = fourier_crop_volume(
        fourier_crop_volume(torch.from_numpy(noise), min(box, new_box) - 3), box
    ).numpy()  # nothing at the Nyquist frequency, of which each program thinks its own
    expected = fourier_crop_volume(torch.from_numpy(noise), new_box).numpy()
    np.testing.assert_allclose(resample_map(noise, box / new_box, new_box), expected, atol=2e-5)


def test_frequencies_beyond_the_new_nyquist_do_not_alias() -> None:
    wave = np.cos(2 * np.pi * 20 / 48 * np.arange(48))[None, None, :] * np.ones((48, 48, 1))
    assert np.abs(resample_map(wave, 2.0, 24)).max() < 1e-5
    assert np.abs(resample_map(wave, 1.7, 26)).max() < 1e-5


def test_outside_the_old_box_is_nothing() -> None:
    resampled = resample_map(np.ones((16, 16, 16)), 0.5, 64)
    assert resampled[32, 32, 32] == pytest.approx(1, abs=1e-5)
    assert resampled[0].max() == resampled[:, :, -1].max() == 0


@pytest.mark.parametrize("factor", [1.0, 2.0, 0.7])
def test_masks_stay_between_0_and_1_about_their_centre(factor: float) -> None:
    distance = np.sqrt(((np.indices((33,) * 3) - 16) ** 2).sum(axis=0))
    mask = (distance <= 8).astype(np.float32)
    resampled = resample_mask(mask, factor, 40)
    assert (resampled.min(), resampled.max(), resampled.dtype) == (0, 1, np.float32)
    centre = np.stack(np.nonzero(resampled > 0)).mean(axis=1)
    np.testing.assert_allclose(centre, 20, atol=1e-6)
    assert resampled.sum() * factor**3 == pytest.approx(mask.sum(), rel=0.1)


@pytest.mark.parametrize(
    ("options", "new_box", "new_voxel"),
    [(["--new_box", "40"], 40, 3.0), (["--new_box", "64"], 64, 3.0), (["--rescale_angpix", "6"], 24, 6.0)],
)
def test_relion_image_handler_gives_the_same(
    options: list[str], new_box: int, new_voxel: float, relion: Path, tmp_path: Path
) -> None:
    volume = blobs(48, 3.0) + 0.01 * np.random.default_rng(0).normal(size=(48,) * 3).astype(np.float32)
    write_map(tmp_path / "in.mrc", volume, 3.0)
    program = relion / "relion_image_handler"
    command = [program, "--i", "in.mrc", "--o", "out.mrc", "--angpix", "3", *options]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    theirs = read_map(tmp_path / "out.mrc").volume
    ours = resample_map(volume, new_voxel / 3.0, new_box)
    assert np.corrcoef(ours.ravel(), theirs.ravel())[0, 1] > 0.999
    inside = slice(new_box // 2 - 10, new_box // 2 + 10)
    assert ours[inside, inside, inside].mean() == pytest.approx(
        theirs[inside, inside, inside].mean(), rel=1e-3
    )
