"""Reconstruction from images of known pose."""

import pytest
import torch
from scipy.spatial.transform import Rotation

from gem_plugin.errors import InputError
from gem_plugin.imaging.back_projection import BackProjection, combine_half_maps
from gem_plugin.imaging.ctf import CtfParameters
from gem_plugin.imaging.fourier import fourier_shell_correlation

BOX, PIXEL_SIZE, N_IMAGES, WIDTH_IN_PIXELS = 32, 3.0, 300, 1.5


def _ctf(defocus_in_angstroms: float, n_images: int = N_IMAGES) -> CtfParameters:
    zero, one = torch.zeros(n_images), torch.ones(n_images)
    defocus = torch.linspace(0.7, 1.3, n_images) * defocus_in_angstroms
    contrast = one if defocus_in_angstroms == 0 else 0.1 * one
    return CtfParameters(defocus, defocus, zero, zero, zero, one, 300 * one, 0 * one, contrast)


def _blobs() -> torch.Tensor:  # (4, 3) in pixels, xyz
    return torch.tensor([[0.0, 0, 0], [6, 2, -3], [-5, 4, 1], [1, -7, 5]])


def _map() -> torch.Tensor:
    axis = torch.arange(BOX) - BOX // 2.0
    zyx = torch.stack(torch.meshgrid(axis, axis, axis, indexing="ij"), -1)
    squared = ((zyx[..., None, :] - _blobs().flip(-1)) ** 2).sum(-1)
    return torch.exp(-squared / (2 * WIDTH_IN_PIXELS**2)).sum(-1)


def _images(rotations: torch.Tensor, shifts_in_pixels: torch.Tensor) -> torch.Tensor:
    """Line integrals of the map, in closed form."""
    places = (rotations @ _blobs().T)[:, :2].transpose(1, 2) - shifts_in_pixels[:, None]  # (n, blobs, xy)
    axis = torch.arange(BOX) - BOX // 2.0
    x = torch.exp(-((axis - places[..., 0, None]) ** 2) / (2 * WIDTH_IN_PIXELS**2))
    y = torch.exp(-((axis - places[..., 1, None]) ** 2) / (2 * WIDTH_IN_PIXELS**2))
    return torch.einsum("nby,nbx->nyx", y, x) * WIDTH_IN_PIXELS * (2 * torch.pi) ** 0.5


def _views() -> tuple[torch.Tensor, torch.Tensor]:
    rotations = torch.from_numpy(Rotation.random(N_IMAGES, 0).as_matrix()).float()
    shifts = 4 * torch.rand(N_IMAGES, 2, generator=torch.Generator().manual_seed(0)) - 2
    return rotations, shifts


@pytest.mark.parametrize("defocus_in_angstroms", [0.0, 12_000.0])
def test_images_of_a_map_give_the_map_back_on_its_own_scale(defocus_in_angstroms: float) -> None:
    from gem_plugin.imaging.ctf import ctf_half_spectra

    rotations, shifts = _views()
    ctf = _ctf(defocus_in_angstroms)
    spectra = torch.fft.rfft2(_images(rotations, shifts)) * ctf_half_spectra(ctf, BOX, PIXEL_SIZE)
    images = torch.fft.irfft2(spectra, s=(BOX, BOX))
    reconstruction = BackProjection(BOX, PIXEL_SIZE, n_maps=1)
    for rows in torch.arange(N_IMAGES).split(100):
        reconstruction.add_(
            images[rows], rotations[rows], shifts[rows] * PIXEL_SIZE, ctf.take(rows), torch.zeros(len(rows))
        )
    volume = reconstruction.volume(0)
    assert fourier_shell_correlation(volume, _map())[: BOX // 3].min() > 0.97
    scale = (volume * _map()).sum() / (_map() ** 2).sum()
    assert 0.9 < scale < 1.1


def test_each_image_goes_into_its_own_map() -> None:
    rotations, shifts = _views()
    images = _images(rotations, shifts)
    halves = torch.arange(N_IMAGES) % 2
    both = BackProjection(BOX, PIXEL_SIZE)
    both.add_(images, rotations, shifts * PIXEL_SIZE, _ctf(0), halves)
    alone = BackProjection(BOX, PIXEL_SIZE, n_maps=1)
    odd = torch.nonzero(halves == 1).flatten()
    alone.add_(images[odd], rotations[odd], shifts[odd] * PIXEL_SIZE, _ctf(0).take(odd), 0 * odd)
    torch.testing.assert_close(both.volume(1), alone.volume(0), atol=1e-4, rtol=1e-4)


def test_no_image_gives_an_empty_map() -> None:
    empty = BackProjection(BOX, PIXEL_SIZE, n_maps=1)
    assert torch.equal(empty.volume(0), torch.zeros(BOX, BOX, BOX))


def test_equal_half_maps_combine_to_themselves_and_noise_to_nothing() -> None:
    combined = combine_half_maps(_map(), _map())
    torch.testing.assert_close(combined.volume, _map(), atol=1e-2, rtol=0)
    generator = torch.Generator().manual_seed(0)
    noise = combine_half_maps(
        torch.randn(BOX, BOX, BOX, generator=generator), torch.randn(BOX, BOX, BOX, generator=generator)
    )
    assert noise.volume.std() < 0.05


def test_wrong_boxes_are_refused() -> None:
    with pytest.raises(InputError, match="even box"):
        BackProjection(33, PIXEL_SIZE)
    with pytest.raises(InputError, match="images of 32 pixels"):
        BackProjection(BOX, PIXEL_SIZE).add_(
            torch.zeros(1, 30, 30), torch.eye(3)[None], torch.zeros(1, 2), _ctf(0, 1), torch.zeros(1)
        )


def test_compiled_insertion_and_the_reference_in_torch_agree() -> None:
    from gem_plugin.imaging.back_projection import insert_slices_with_torch

    rotations, shifts = _views()
    weights = torch.linspace(0.2, 2.0, N_IMAGES)
    compiled = BackProjection(BOX, PIXEL_SIZE, n_maps=1)
    images = _images(rotations, shifts)
    compiled.add_(images, rotations, 0 * shifts, _ctf(12_000), torch.zeros(N_IMAGES), weights)
    from gem_plugin.imaging.ctf import ctf_half_spectra

    padded = torch.nn.functional.pad(images, (BOX // 2,) * 4)
    root = weights.sqrt()[:, None, None]
    spectra = torch.fft.rfft2(torch.fft.ifftshift(padded, dim=(1, 2))) * root
    transfers = ctf_half_spectra(_ctf(12_000), 2 * BOX, PIXEL_SIZE) * root
    numerator, weight = insert_slices_with_torch(spectra, transfers, rotations)
    scale = numerator.abs().max()
    torch.testing.assert_close(
        torch.from_numpy(compiled._numerators[0]) / scale, numerator / scale, atol=1e-4, rtol=0
    )
    torch.testing.assert_close(torch.from_numpy(compiled._weights[0]), weight, atol=1e-2, rtol=1e-3)


def test_an_image_of_weight_two_counts_as_two_images() -> None:
    rotations, shifts = _views()
    images = _images(rotations, shifts)[:10]
    twice, heavy = (BackProjection(BOX, PIXEL_SIZE, n_maps=1) for _ in range(2))
    rows = torch.arange(10)
    for _ in range(2):
        twice.add_(images, rotations[:10], shifts[:10], _ctf(12_000).take(rows), 0 * rows)
    heavy.add_(images, rotations[:10], shifts[:10], _ctf(12_000).take(rows), 0 * rows, torch.full((10,), 2.0))
    torch.testing.assert_close(heavy.volume(0), twice.volume(0), atol=1e-4, rtol=1e-3)


def test_parts_added_together_are_the_whole_and_the_wiener_map_keeps_the_signal() -> None:
    rotations, shifts = _views()
    images = _images(rotations, shifts)
    halves = torch.arange(N_IMAGES) % 2
    whole, first, second = (BackProjection(BOX, PIXEL_SIZE) for _ in range(3))
    for target, rows in (
        (whole, torch.arange(N_IMAGES)),
        (first, torch.arange(0, 150)),
        (second, torch.arange(150, N_IMAGES)),
    ):
        target.add_(
            images[rows], rotations[rows], shifts[rows] * PIXEL_SIZE, _ctf(0).take(rows), halves[rows]
        )
    first.add_all_of_(second)
    torch.testing.assert_close(first.volume(0), whole.volume(0), atol=1e-4, rtol=1e-3)
    correlation = fourier_shell_correlation(whole.volume(0), whole.volume(1))
    filtered = whole.wiener_volume(correlation)
    assert fourier_shell_correlation(filtered, _map())[: BOX // 3].min() > 0.97
    assert whole.wiener_volume(torch.zeros(BOX // 2)).abs().max() < 0.2 * filtered.max()
