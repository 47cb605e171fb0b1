"""Noise-free images: mass, shifts, and agreement with the projection at the same pixel."""

import torch

from gem_plugin.gaussians.cloud import GaussianCloud
from gem_plugin.gaussians.simulated_images import simulate_images
from gem_plugin.imaging.ctf import CtfParameters

BOX, PIXEL_SIZE = 32, 2.0
IDENTITY = torch.eye(3)[None]


def _no_ctf(batch: int) -> CtfParameters:
    """With full amplitude contrast and no defocus, the CTF is one at every frequency."""
    zero, one = torch.zeros(batch), torch.ones(batch)
    return CtfParameters(zero, zero, zero, zero, zero, one, 300 * one, zero, one)


def _point(x: float, y: float) -> GaussianCloud:
    return GaussianCloud(torch.tensor([[x, y, 5.0]]), torch.tensor([10.0]), torch.tensor([3.0]))


def test_an_image_holds_the_mass_but_for_the_cut_tails() -> None:
    image = simulate_images(_point(3, -4), IDENTITY, torch.zeros(1, 2), _no_ctf(1), BOX, PIXEL_SIZE)
    torch.testing.assert_close(image.sum(), torch.tensor(10.0), atol=0.05, rtol=0)


def test_a_point_lands_where_the_convention_says() -> None:
    """Pixel (A v)[:2] / pixel size - origin / pixel size + box // 2."""
    shifts = torch.tensor([[4.0, -2.0]])
    image = simulate_images(_point(10, 6), IDENTITY, shifts, _no_ctf(1), BOX, PIXEL_SIZE)[0]
    row, column = divmod(int(image.argmax()), BOX)
    assert (column, row) == (5 - 2 + BOX // 2, 3 + 1 + BOX // 2)


def test_a_shift_by_whole_pixels_is_a_roll() -> None:
    still = simulate_images(_point(3, -4), IDENTITY, torch.zeros(1, 2), _no_ctf(1), BOX, PIXEL_SIZE)
    moved = simulate_images(
        _point(3, -4),
        IDENTITY,
        torch.tensor([[-3 * PIXEL_SIZE, 2 * PIXEL_SIZE]]),
        _no_ctf(1),
        BOX,
        PIXEL_SIZE,
    )
    torch.testing.assert_close(moved, still.roll((-2, 3), dims=(1, 2)), atol=1e-4, rtol=0)
