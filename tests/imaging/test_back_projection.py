"""Reconstruction from images of known pose."""

import pytest
import torch
from scipy.spatial.transform import Rotation

from gem_plugin.errors import InputError
from gem_plugin.imaging import slice_insertion
from gem_plugin.imaging.back_projection import BackProjection, combine_half_maps
from gem_plugin.imaging.ctf import CtfParameters, ctf_half_spectra
from gem_plugin.imaging.fourier import fourier_shell_correlation
from gem_plugin.imaging.slice_insertion import Slices, insert_slices_, insert_with_torch_

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


def _slices(size: int = 2 * BOX, n_images: int = 40) -> Slices:
    generator = torch.Generator().manual_seed(1)
    rotations, shifts = _views()
    return Slices(
        torch.fft.rfft2(torch.randn(n_images, size, size, generator=generator)),
        ctf_half_spectra(_ctf(12_000, n_images), size, PIXEL_SIZE),
        shifts[:n_images] - size // 4,
        rotations[:n_images],
        torch.arange(n_images) % 3 - 1,  # -1: into no map
    )


def _sums(size: int = 2 * BOX, device: str = "cpu") -> torch.Tensor:
    return torch.zeros(2, size, size, size // 2 + 1, 3, device=device)


def test_compiled_insertion_and_the_reference_in_torch_agree() -> None:
    compiled, reference = _sums(), _sums()
    insert_slices_(compiled, _slices())
    insert_with_torch_(reference, _slices())
    assert reference[0].abs().max() > 0
    assert reference[1].abs().max() > 0
    for part in range(3):
        scale = reference[..., part].abs().max()
        torch.testing.assert_close(
            compiled[..., part] / scale, reference[..., part] / scale, atol=1e-5, rtol=0
        )


def test_sums_do_not_depend_on_the_number_of_threads() -> None:
    slices = _slices()
    arrays = [slices.spectra, slices.transfers, slices.shifts_in_pixels.double()]
    arrays += [slices.rotation_matrices.double(), slices.map_indices]
    found = []
    for n_shares in (1, 2, 5):
        sums = _sums()
        slice_insertion._insert_slices(*(one.numpy() for one in arrays), sums.numpy(), n_shares)
        found.append(sums)
    assert torch.equal(found[0], found[1])
    assert torch.equal(found[0], found[2])


def test_insertion_stays_on_the_device_of_the_sums() -> None:
    """The meta device refuses tensors from elsewhere, and any wait for a value."""
    here = _slices()
    there = Slices(**{name: value.to("meta") for name, value in vars(here).items()})
    insert_slices_(_sums(device="meta"), there)
    both = BackProjection(BOX, PIXEL_SIZE, device="meta")
    images = torch.zeros(4, BOX, BOX, device="meta")
    moved = [
        value.to("meta") for value in (*(one[:4] for one in _views()), _ctf(12_000, 4), torch.zeros(4).long())
    ]
    both.add_(images, *moved, torch.ones(4, device="meta"))
    assert both.sums.device.type == "meta"


def test_rotations_that_are_none_are_refused_before_they_become_indices() -> None:
    for wrong in (float("nan"), 3.0):
        rotations = torch.eye(3)[None].repeat(2, 1, 1)
        rotations[1, 0, 0] = wrong
        with pytest.raises(InputError, match="rows far from length 1"):
            BackProjection(BOX, PIXEL_SIZE).add_(
                torch.ones(2, BOX, BOX), rotations, torch.zeros(2, 2), _ctf(0, 2), torch.zeros(2)
            )


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


@pytest.mark.parametrize("box_size", [32, 26])
def test_a_map_is_the_middle_of_the_whole_inverse_transform(box_size: int) -> None:
    sums = BackProjection(box_size, PIXEL_SIZE, n_maps=1)
    padded = 2 * box_size
    signal = torch.randn(padded, padded, padded, generator=torch.Generator().manual_seed(0))
    margin = padded // 2 - box_size // 2
    inside = slice(margin, margin + box_size)
    expected = torch.fft.fftshift(signal)[inside, inside, inside] / sums._gridding_correction(signal.device)
    torch.testing.assert_close(sums._map_of(torch.fft.rfftn(signal)), expected, rtol=1e-4, atol=1e-4)
