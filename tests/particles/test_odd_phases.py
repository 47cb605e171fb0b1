"""Phases come off every image with its own optics, however many there are, and plain images are not touched."""

import numpy as np
import pytest
import torch

from gem_plugin.imaging.odd_phases import multiply_spectra, odd_phase_factors
from gem_plugin.particles import odd_phases
from gem_plugin.particles.odd_phases import OddPhaseRemoval
from gem_plugin.particles.optics import Optics, plain_optics

BOX, PIXEL_SIZE = 16, 2.0


def optics(n: int) -> Optics:
    random = np.random.default_rng(2)
    odd = np.zeros((n, 20), np.float32)
    odd[:, :6] = random.normal(size=(n, 6)) * [1, 1, 20, 5, 5, 20]
    matrices = np.eye(2) + random.normal(size=(n, 2, 2)) * 0.01
    plain = plain_optics(n)
    return Optics(odd, plain.even_zernike, matrices.astype(np.float32)).of_prepared_images()


@pytest.mark.parametrize("bytes_kept", [1, 2**26])
def test_every_image_loses_the_phases_of_its_own_optics(
    monkeypatch: pytest.MonkeyPatch, bytes_kept: int
) -> None:
    monkeypatch.setattr(odd_phases, "MAXIMUM_BYTES_KEPT", bytes_kept)
    of, rows = optics(5), np.array([3, 0, 3, 4, 1, 0, 2])
    images = torch.randn(7, BOX, BOX)
    removal = OddPhaseRemoval(of, BOX, PIXEL_SIZE)
    for _ in range(2):
        found = removal.corrected(images, rows)
        for position, row in enumerate(rows):
            coefficients = torch.from_numpy(of.removed_odd_zernike[row : row + 1]).double()
            matrix = torch.from_numpy(of.magnification[row : row + 1]).double()
            factors = odd_phase_factors(coefficients, matrix, BOX, PIXEL_SIZE)
            torch.testing.assert_close(found[position], multiply_spectra(images[position][None], factors)[0])


def test_plain_images_are_the_same_object() -> None:
    images = torch.randn(3, BOX, BOX)
    removal = OddPhaseRemoval(plain_optics().of_prepared_images(), BOX, PIXEL_SIZE)
    assert removal.corrected(images, np.zeros(3, int)) is images


def test_what_was_removed_before_is_not_removed_again() -> None:
    of = optics(2)
    assert not OddPhaseRemoval(of, BOX, PIXEL_SIZE, before=of).has_effect
    images, rows = torch.randn(2, BOX, BOX), np.array([0, 1])
    once = OddPhaseRemoval(of, BOX, PIXEL_SIZE).corrected(images, rows)
    plain = plain_optics(2)
    first_other = OddPhaseRemoval(optics(2), BOX, PIXEL_SIZE, before=plain).corrected(images, rows)
    torch.testing.assert_close(first_other, once)
    back = OddPhaseRemoval(plain, BOX, PIXEL_SIZE, before=of).corrected(once, rows)
    torch.testing.assert_close(back, images, atol=1e-5, rtol=1e-4)
