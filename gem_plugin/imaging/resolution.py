"""How far half-maps agree: shell correlation inside a soft mask, corrected for what the mask itself adds."""

from typing import NamedTuple

import torch
from torch import Tensor

from gem_plugin.errors import InputError
from gem_plugin.imaging.fourier import fourier_shell_correlation

RESOLUTION_FSC = 0.143  # between half-maps, where the resolution is read (Rosenthal and Henderson 2003)
MODEL_THRESHOLD = 0.5  # of a map without noise against one with noise
RANDOMISE_BELOW = 0.8  # of the correlation without mask: phases beyond that shell are replaced
SHELLS_LEFT_UNCORRECTED = 2  # after the first randomised shell, where the correction is not yet stable


class HalfMapCurves(NamedTuple):
    """Shell correlations of two half-maps, (box // 2,) each."""

    unmasked: Tensor
    masked: Tensor
    randomised: Tensor  # inside the mask, phases beyond `first_randomised` replaced in both maps
    corrected: Tensor  # the one to report
    first_randomised: int


def half_map_curves(
    first: Tensor,  # (box, box, box)
    second: Tensor,
    mask: Tensor,  # (box, box, box), 0 to 1, soft
    generator: torch.Generator,
) -> HalfMapCurves:
    """Masked correlation with the mask's own contribution taken out (Chen et al. 2013, Ultramicroscopy 135, 24)."""
    if mask.shape != first.shape:
        raise InputError(f"The mask has shape {tuple(mask.shape)}, the half-maps {tuple(first.shape)}.")
    unmasked = fourier_shell_correlation(first, second)
    masked = fourier_shell_correlation(first * mask, second * mask)
    start = first_shell_below(unmasked, RANDOMISE_BELOW)
    random_first, random_second = (randomise_phases(one, start, generator) for one in (first, second))
    randomised = fourier_shell_correlation(random_first * mask, random_second * mask)
    corrected = masked.clone()
    tail = slice(start + SHELLS_LEFT_UNCORRECTED, None)
    corrected[tail] = (masked[tail] - randomised[tail]) / (1 - randomised[tail]).clamp_min(1e-6)
    return HalfMapCurves(unmasked, masked, randomised, corrected.clamp(-1, 1), start)


def randomise_phases(volume: Tensor, first_shell: int, generator: torch.Generator) -> Tensor:
    """Keep every Fourier amplitude, replace the phases from a shell on by those of white noise."""
    box_size = volume.shape[-1]
    transform = torch.fft.rfftn(volume)
    noise = torch.fft.rfftn(torch.randn(volume.shape, generator=generator).to(volume))
    phases = noise / noise.abs().clamp_min(1e-20)
    is_replaced = half_transform_radius(box_size, volume.device) >= first_shell
    return torch.fft.irfftn(torch.where(is_replaced, transform.abs() * phases, transform), s=volume.shape)


def low_pass(volume: Tensor, last_shell: float) -> Tensor:
    """Keep the shells up to one, with a cosine edge two shells wide."""
    radius = half_transform_radius(volume.shape[-1], volume.device)
    kept = 0.5 + 0.5 * torch.cos(torch.pi * ((radius - last_shell) / 2).clamp(0, 1))
    return torch.fft.irfftn(torch.fft.rfftn(volume) * kept, s=volume.shape)


def first_shell_below(curve: Tensor, threshold: float) -> int:
    """The first shell, zero frequency aside, where the curve is below; its length where it never is."""
    below = torch.nonzero(curve[1:] < threshold)
    return 1 + int(below[0]) if len(below) else len(curve)


def resolution_in_angstroms(
    curve: Tensor,  # (box // 2,)
    threshold: float,
    box_size: int,
    pixel_size_in_angstroms: float,
) -> float:
    """Where the curve first falls through the threshold, linear between shells; twice the pixel where it never does."""
    shell = first_shell_below(curve, threshold)
    if shell == len(curve):
        return 2 * pixel_size_in_angstroms
    above, below = (1.0 if shell == 1 else float(curve[shell - 1])), float(curve[shell])
    crossing = shell - 1 + (above - threshold) / max(above - below, 1e-9)
    return box_size * pixel_size_in_angstroms / max(crossing, 0.5)


def half_transform_radius(
    box_size: int, device: torch.device | str = "cpu"
) -> Tensor:  # (box, box, box // 2 + 1)
    """Distance of every voxel of a half transform from zero frequency, in shells."""
    full = torch.fft.fftfreq(box_size, 1 / box_size, device=device)
    half = torch.arange(box_size // 2 + 1, device=device)
    return torch.sqrt(full[:, None, None] ** 2 + full[None, :, None] ** 2 + half[None, None, :] ** 2)
