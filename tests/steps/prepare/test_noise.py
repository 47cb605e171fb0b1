"""Noise spectra of the raw images, in sets of several kinds of images."""

import dataclasses

import numpy as np
import torch

from gem_plugin.imaging.ctf import ctf_half_spectra
from gem_plugin.imaging.normalisation import background_mask
from gem_plugin.imaging.processed_images import PREMULTIPLIED, RAW
from gem_plugin.particles.ctf_parameters import ctf_parameters_of
from gem_plugin.particles.random_acquisition import Microscope, draw_acquisition
from gem_plugin.particles.table import ParticleTable
from gem_plugin.steps.prepare import noise as noise_of_images
from gem_plugin.steps.prepare.noise import NoiseOfKinds, kinds_of_noise

BOX, N = 32, 400
MASK = background_mask(BOX, BOX / 2)


def table_of(processing: np.ndarray) -> ParticleTable:
    microscope = Microscope(300, 2.7, 0.1, 0, (8_000, 20_000), 0)
    table = draw_acquisition(N, microscope, BOX, 4.0, "a.mrcs", np.random.default_rng(0))
    table = dataclasses.replace(table, image_processing=processing.astype(np.int8))
    return dataclasses.replace(table, noise_rows=kinds_of_noise(table))


def coloured_noise(table: ParticleTable) -> tuple[torch.Tensor, np.ndarray]:
    """Images of noise alone, multiplied by their CTF where the table says so, and the power of the raw noise."""
    power = np.linspace(3, 1, BOX // 2 + 1)
    y, x = torch.fft.fftfreq(BOX, 1 / BOX)[:, None], torch.fft.rfftfreq(BOX, 1 / BOX)[None, :]
    rings = torch.sqrt(x**2 + y**2).clamp_max(BOX // 2).numpy()
    amplitude = torch.from_numpy(np.sqrt(np.interp(rings, np.arange(BOX // 2 + 1), power)))
    noise = torch.randn(N, BOX, BOX, generator=torch.Generator().manual_seed(0))
    spectra = torch.fft.rfft2(noise) * amplitude
    transfers = ctf_half_spectra(ctf_parameters_of(table), BOX, 4.0)
    is_multiplied = torch.from_numpy(table.image_processing == PREMULTIPLIED)[:, None, None]
    images = torch.fft.irfft2(torch.where(is_multiplied, transfers, 1.0) * spectra, s=(BOX, BOX))
    return images.float(), power


def spectra_of(table: ParticleTable, images: torch.Tensor, n_parts: int = 3) -> np.ndarray:
    noise = NoiseOfKinds(table, MASK)
    for rows in np.array_split(np.arange(len(table)), n_parts):
        noise.add_measured(noise.measure(images[torch.from_numpy(rows)], rows))
    return noise.spectra()


def test_premultiplied_images_give_the_noise_of_the_raw_ones() -> None:
    table = table_of(np.full(N, PREMULTIPLIED))
    images, power = coloured_noise(table)
    np.testing.assert_allclose(spectra_of(table, images)[3:-2], power[3:-2], rtol=0.12)


def test_one_kind_has_one_spectrum() -> None:
    table = table_of(np.full(N, RAW))
    images, power = coloured_noise(table)
    assert spectra_of(table, images).shape == (BOX // 2 + 1,)
    np.testing.assert_allclose(spectra_of(table, images)[3:-2], power[3:-2], rtol=0.12)


def test_raw_and_premultiplied_images_of_one_set_have_the_same_noise() -> None:
    table = table_of(np.where(np.arange(N) % 2, PREMULTIPLIED, RAW))
    images, power = coloured_noise(table)
    spectra = spectra_of(table, images)
    assert spectra.shape == (2, BOX // 2 + 1)
    for spectrum in spectra:
        np.testing.assert_allclose(spectrum[3:-2], power[3:-2], rtol=0.15)


def test_a_kind_of_few_images_takes_the_noise_of_all() -> None:
    table = table_of(np.where(np.arange(N) < 5, PREMULTIPLIED, RAW))
    images, _ = coloured_noise(table)
    few, many = spectra_of(table, images)[::-1]
    np.testing.assert_allclose(few, many, rtol=0.05)


def test_images_of_several_sizes_have_their_own() -> None:
    table = table_of(np.full(N, RAW))
    table = dataclasses.replace(table, own_pixel_sizes=np.where(np.arange(N) % 4, 4.0, 4.2))
    assert np.bincount(kinds_of_noise(table)).tolist() == [300, 100]


def test_of_many_images_some_are_measured_spread_over_each_kind(monkeypatch) -> None:
    monkeypatch.setattr(noise_of_images, "MEASURED_IMAGES", 50)
    processing = np.where(np.arange(N) < 300, RAW, PREMULTIPLIED)
    table = table_of(processing)
    is_measured = NoiseOfKinds(table, MASK).is_measured
    for kind in (RAW, PREMULTIPLIED):
        rows = np.flatnonzero(is_measured & (processing == kind))
        assert len(rows) == 50
        assert np.diff(rows).max() <= -(-(processing == kind).sum() // 49)
    few = table_of(np.full(N, RAW))
    monkeypatch.setattr(noise_of_images, "MEASURED_IMAGES", N)
    assert NoiseOfKinds(few, MASK).is_measured.all()
