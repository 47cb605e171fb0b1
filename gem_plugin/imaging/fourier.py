"""Fourier crops, shifts, rings and shells. Centres lie on pixel box // 2; zero frequency comes first."""

import torch
from torch import Tensor

from gem_plugin.errors import InputError

BYTES_AT_A_TIME = (
    2**20
)  # of images on a CPU: with their transforms they stay in its caches, in memory that is used again


def fourier_crop_images(
    images: Tensor,  # (batch, box, box) real
    new_box_size: int,  # smaller: cropped; larger: padded with zeros
) -> Tensor:  # (batch, new_box, new_box)
    """Resample images by cutting their Fourier transforms; grey values keep their level.

    The pixel box // 2 of the input stays on the pixel new_box // 2 of the output.
    """
    box_size = images.shape[-1]
    if images.shape[-2] == box_size > new_box_size and box_size % 2 == new_box_size % 2 == 0:
        n_at_a_time = max(1, BYTES_AT_A_TIME // (box_size**2 * images.element_size()))
        if images.device.type != "cpu" or len(images) <= n_at_a_time:
            return _crop_even_images(images, new_box_size)
        return torch.cat([_crop_even_images(some, new_box_size) for some in images.split(n_at_a_time)])
    return _resample(images, new_box_size, n_axes=2)


def fourier_crop_volume(
    volume: Tensor,  # (box, box, box) or (batch, box, box, box), real
    new_box_size: int,
) -> Tensor:
    """Resample volumes as fourier_crop_images does; density per unit volume is kept."""
    return _resample(volume, new_box_size, n_axes=3)


def _crop_even_images(images: Tensor, new_box_size: int) -> Tensor:
    """The same as _resample, ten times faster: even boxes need no shift of the centre, real images half a plane.

    Columns that are cut off are not transformed along y.
    """
    box_size, half = images.shape[-1], new_box_size // 2
    along_x = torch.fft.rfft(images, dim=2)[:, :, : half + 1]
    spectrum = torch.fft.fft(along_x, dim=1)  # (batch, box, new_box // 2 + 1)
    cropped = torch.empty_like(spectrum[:, :new_box_size])  # (batch, new_box, new_box // 2 + 1)
    cropped[:, :half], cropped[:, half + 1 :] = spectrum[:, :half], spectrum[:, box_size - half + 1 :]
    cropped[:, half] = (
        spectrum[:, half] + spectrum[:, box_size - half]
    ) / 2  # Nyquist of both signs is one row
    cropped[:, half, half] = spectrum[:, half, half]
    return torch.fft.irfft2(cropped, s=(new_box_size, new_box_size)).mul_((new_box_size / box_size) ** 2)


def _resample(array: Tensor, new_box_size: int, n_axes: int) -> Tensor:
    axes = tuple(range(array.ndim - n_axes, array.ndim))
    box_size = array.shape[-1]
    if any(array.shape[axis] != box_size for axis in axes):
        raise InputError(f"Expected a square or cubic box, got {tuple(array.shape)}.")
    if new_box_size == box_size:
        return array.clone()
    spectrum = torch.fft.fftshift(torch.fft.fftn(torch.fft.ifftshift(array, dim=axes), dim=axes), dim=axes)
    start = box_size // 2 - new_box_size // 2
    if new_box_size < box_size:
        for axis in axes:
            spectrum = spectrum.narrow(axis, start, new_box_size)
    else:
        before = -start
        after = new_box_size - box_size - before
        spectrum = torch.nn.functional.pad(spectrum, (before, after) * n_axes)
    resampled = torch.fft.fftshift(
        torch.fft.ifftn(torch.fft.ifftshift(spectrum, dim=axes), dim=axes), dim=axes
    )
    return resampled.real * (new_box_size / box_size) ** n_axes


def shift_half_spectra(
    half_spectra: Tensor,  # (batch, box, box // 2 + 1) complex, zero frequency first
    shifts_in_pixels: Tensor,  # (batch, 2), ordered xy
) -> Tensor:
    """Move images by phase ramps; a positive shift moves density towards a larger array index."""
    box_size = half_spectra.shape[-2]
    device, dtype = shifts_in_pixels.device, shifts_in_pixels.dtype
    cycles_y = torch.fft.fftfreq(box_size, device=device, dtype=dtype)[None, :, None]
    cycles_x = torch.fft.rfftfreq(box_size, device=device, dtype=dtype)[None, None, :]
    phase = shifts_in_pixels[:, 0, None, None] * cycles_x + shifts_in_pixels[:, 1, None, None] * cycles_y
    return half_spectra * torch.exp(-2j * torch.pi * phase)


def shift_images(
    images: Tensor,  # (batch, box, box)
    shifts_in_pixels: Tensor,  # (batch, 2), ordered xy
) -> Tensor:
    """Move images by sub-pixel shifts, periodically."""
    return torch.fft.irfft2(
        shift_half_spectra(torch.fft.rfft2(images), shifts_in_pixels), s=images.shape[-2:]
    )


def half_spectrum_frequencies(
    box_size: int,
    pixel_size_in_angstroms: float,
    like: Tensor,  # of the dtype and device of the result
    magnification: Tensor | None = None,  # (batch, 2, 2): M; None for the identity
) -> tuple[
    Tensor, Tensor
]:  # x and y in 1/A, broadcasting to (box, box // 2 + 1), or (batch, box, box // 2 + 1)
    """The frequencies M s of a half spectrum, zero frequency first."""
    y = torch.fft.fftfreq(box_size, pixel_size_in_angstroms, device=like.device, dtype=like.dtype)[:, None]
    x = torch.fft.rfftfreq(box_size, pixel_size_in_angstroms, device=like.device, dtype=like.dtype)[None, :]
    if magnification is None:
        return x, y
    matrix = magnification[:, :, :, None, None]  # (batch, 2, 2, 1, 1)
    return matrix[:, 0, 0] * x + matrix[:, 0, 1] * y, matrix[:, 1, 0] * x + matrix[:, 1, 1] * y


def ring_indices(box_size: int, device: torch.device | str = "cpu") -> Tensor:  # (box, box // 2 + 1) int64
    """Nearest Fourier ring of every pixel of a half spectrum; corners reach beyond box // 2."""
    y = torch.fft.fftfreq(box_size, 1 / box_size, device=device)[:, None]
    x = torch.fft.rfftfreq(box_size, 1 / box_size, device=device)[None, :]
    return torch.round(torch.sqrt(x**2 + y**2)).long()


def half_spectrum_weights(box_size: int, device: torch.device | str = "cpu") -> Tensor:  # (box // 2 + 1,)
    """How often each column of a half spectrum occurs in the full one: 1 or 2 (Parseval's sum needs it)."""
    weights = torch.full((box_size // 2 + 1,), 2.0, device=device)
    weights[0] = 1.0
    if box_size % 2 == 0:
        weights[-1] = 1.0
    return weights


def fourier_shell_correlation(
    first: Tensor,  # (box, box, box)
    second: Tensor,
) -> Tensor:  # (box // 2,): correlation in shells of nearest integer radius 0 .. box // 2 - 1
    """Correlation of two volumes per Fourier shell."""
    if first.shape != second.shape:
        raise InputError(
            f"Expected two volumes of one shape, got {tuple(first.shape)} and {tuple(second.shape)}."
        )
    box_size = first.shape[-1]
    a, b = torch.fft.fftn(first), torch.fft.fftn(second)
    frequency = torch.fft.fftfreq(box_size, 1 / box_size, device=first.device)
    radius = torch.sqrt(
        frequency[:, None, None] ** 2 + frequency[None, :, None] ** 2 + frequency[None, None, :] ** 2
    )
    shell = torch.round(radius).long().flatten()
    n_shells = int(shell.max()) + 1

    def per_shell(values: Tensor) -> Tensor:
        return torch.bincount(shell, values.flatten().double(), n_shells)[: box_size // 2]

    cross = per_shell((a * b.conj()).real)
    power = per_shell(a.abs() ** 2) * per_shell(b.abs() ** 2)
    return cross / torch.sqrt(power).clamp_min(1e-30)
