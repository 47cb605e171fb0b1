"""Images of simulated tilt series: projection, CTF with dose and tilt weight, noise; and what extraction makes of them."""

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from gem_plugin.gaussians.simulated_images import simulate_images
from gem_plugin.imaging.ctf import ctf_half_spectra
from gem_plugin.imaging.symmetry import Symmetry
from gem_plugin.particles.tilt_series.table import TiltImages
from gem_plugin.steps.simulate.complexes import cloud_of_complexes
from gem_plugin.steps.simulate.conformations import Conformations

BOX_FACTOR = (
    2  # images are made and multiplied in a larger box, so that what the CTF moves out of the box comes back
)
EDGE_IN_PIXELS = 5  # of the circle that extraction leaves


def clean_tilt_images(
    conformations: Conformations,
    which: np.ndarray,  # (m, order) conformations of the subunits of the particle of each image
    images: TiltImages,  # m
    box_size: int,
    pixel_size_in_angstroms: float,
    width_in_angstroms: float,
    symmetry: Symmetry,
) -> Tensor:  # (m, 2 box, 2 box)
    """Raw images without noise, in the larger box."""
    cloud = cloud_of_complexes(conformations, torch.from_numpy(which), symmetry, width_in_angstroms)
    return simulate_images(
        cloud,
        torch.from_numpy(images.rotation_matrices),
        torch.from_numpy(images.shifts_in_angstroms),
        replace(images.ctf_parameters(), image_processing=None),
        BOX_FACTOR * box_size,
        pixel_size_in_angstroms,
    )


def extracted(
    raw: Tensor,  # (m, 2 box, 2 box)
    images: TiltImages,
    pixel_size_in_angstroms: float,
    is_multiplied: bool,
) -> Tensor:  # (m, box, box)
    """What a program cuts out: multiplied by the CTF in the larger box, then cut to the box."""
    if is_multiplied:
        transfers = ctf_half_spectra(images.ctf_parameters(), raw.shape[-1], pixel_size_in_angstroms)
        raw = torch.fft.irfft2(torch.fft.rfft2(raw) * transfers, s=raw.shape[-2:])
    box_size = raw.shape[-1] // BOX_FACTOR
    start = raw.shape[-1] // 2 - box_size // 2
    return raw[:, start : start + box_size, start : start + box_size]


def cut_to_circle(images: Tensor) -> Tensor:  # (m, box, box), the same shape
    """As RELION leaves them: the mean outside the circle taken off, zero outside, with a cosine edge inside."""
    box_size = images.shape[-1]
    offsets = torch.arange(box_size) - box_size // 2
    radius = torch.sqrt((offsets[:, None] ** 2 + offsets[None, :] ** 2).float())
    outside = radius > box_size / 2
    level = images[:, outside].mean(dim=1)[:, None, None]
    edge = ((box_size / 2 - radius) / EDGE_IN_PIXELS).clamp(0, 1)
    return (images - level) * (0.5 - 0.5 * torch.cos(torch.pi * edge))
