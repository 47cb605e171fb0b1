"""Noise of tilt images: one shape, a level for each group, of raw and of premultiplied images alike."""

import numpy as np
import pytest
import torch

from gem_plugin.imaging.ctf import CtfParameters, ctf_half_spectra
from gem_plugin.imaging.normalisation import background_mask
from gem_plugin.imaging.processed_images import PREMULTIPLIED, RAW
from gem_plugin.steps.prepare.tilt_noise import NoiseOfTilts

BOX, PIXEL_SIZE, N_IMAGES = 32, 4.0, 1200
LEVELS = np.array([0.4, 1.0, 1.6])
GROUPS = np.arange(N_IMAGES) % 3
SHAPE = torch.linspace(1.5, 0.5, BOX // 2 + 1)


def _images(processing: int) -> tuple[torch.Tensor, CtfParameters]:
    generator = torch.Generator().manual_seed(0)
    defocus = 20_000 + 20_000 * torch.rand(N_IMAGES, generator=generator)
    others = (torch.full((N_IMAGES,), value) for value in (0.0, 0.0, 0.0, 1.0, 300.0, 2.7, 0.1))
    doses = 60 * torch.rand(N_IMAGES, generator=generator)
    kinds = torch.full((N_IMAGES,), processing, dtype=torch.int8) if processing else None
    ctf = CtfParameters(defocus, defocus, *others, image_processing=kinds, doses=doses)
    spectra = torch.fft.rfft2(torch.randn(N_IMAGES, BOX, BOX, generator=generator))
    y, x = torch.fft.fftfreq(BOX, 1 / BOX)[:, None], torch.arange(BOX // 2 + 1)[None]
    rings = torch.sqrt(y**2 + x**2).round().long().clamp_max(BOX // 2)
    spectra = spectra * (SHAPE[rings] * torch.from_numpy(LEVELS[GROUPS])[:, None, None]).sqrt()
    if processing == PREMULTIPLIED:
        spectra = spectra * ctf_half_spectra(ctf, BOX, PIXEL_SIZE)
    return torch.fft.irfft2(spectra, s=(BOX, BOX)).float(), ctf


@pytest.mark.parametrize("processing", [RAW, PREMULTIPLIED])
def test_shape_and_levels_are_found(processing):
    images, ctf = _images(processing)
    noise = NoiseOfTilts(GROUPS.astype(np.int64), ctf, background_mask(BOX, 8), PIXEL_SIZE)
    for start in range(0, N_IMAGES, 100):
        rows = np.arange(start, start + 100)
        noise.add(images[start : start + 100], rows, np.ones(100, dtype=bool))
    found = noise.result()
    of_groups = [found.levels[group == GROUPS] for group in range(3)]
    assert all(np.ptp(levels) == 0 for levels in of_groups)
    np.testing.assert_allclose([levels[0] for levels in of_groups], LEVELS / LEVELS.mean(), rtol=0.05)
    expected = SHAPE.numpy() * LEVELS.mean()
    np.testing.assert_allclose(found.spectrum[3:], expected[3:], rtol=0.1)


def test_images_that_cannot_be_used_teach_nothing_and_weigh_nothing():
    images, ctf = _images(RAW)
    images[5] = 1000
    noise = NoiseOfTilts(GROUPS.astype(np.int64), ctf, background_mask(BOX, 8), PIXEL_SIZE)
    is_usable = np.arange(N_IMAGES) != 5
    noise.add(images, np.arange(N_IMAGES), is_usable)
    found = noise.result()
    assert np.flatnonzero(np.isinf(found.levels)).tolist() == [5]
    assert found.levels[8] == pytest.approx(LEVELS[2], rel=0.05)


def test_images_without_noise_give_positive_numbers():
    ctf = _images(PREMULTIPLIED)[1]
    noise = NoiseOfTilts(GROUPS.astype(np.int64), ctf, background_mask(BOX, 8), PIXEL_SIZE)
    noise.add(torch.zeros(N_IMAGES, BOX, BOX), np.arange(N_IMAGES), np.ones(N_IMAGES, dtype=bool))
    found = noise.result()
    assert np.isfinite(found.spectrum).all()
    assert (found.spectrum > 0).all()
    assert np.isfinite(found.levels).all()
    assert (found.levels > 0).all()
