"""Noise-free images of Gaussian clouds as a microscope would take them: projection, shift, CTF, crop."""

import torch
from torch import Tensor

from gem_plugin.gaussians.cloud import GaussianCloud
from gem_plugin.gaussians.projection import project_gaussians
from gem_plugin.imaging.ctf import CtfParameters, ctf_half_spectra
from gem_plugin.imaging.fourier import fourier_crop_images, shift_half_spectra
from gem_plugin.imaging.processed_images import model_transfers

SUPERSAMPLING = 2  # images are made at half the pixel, so that nothing above Nyquist folds back


def simulate_images(
    cloud: GaussianCloud,  # one cloud, or one per image
    rotation_matrices: Tensor,  # (batch, 3, 3)
    shifts_in_angstroms: Tensor,  # (batch, 2), ordered xy; RELION's origin: what moves the image onto the centre
    ctf: CtfParameters,
    box_size: int,
    pixel_size_in_angstroms: float,  # of the final images, and of a cloud that is in pixels
) -> Tensor:  # (batch, box, box)
    """Project, move the particle off the centre, apply the CTF, and cut to the box; no noise yet.

    A pixel holds the density integrated over the supersampled pixel, scaled to the area of the final one.
    """
    fine_box = SUPERSAMPLING * box_size
    fine_pixel = pixel_size_in_angstroms / SUPERSAMPLING
    cloud = cloud.in_angstroms(pixel_size_in_angstroms)
    projections = project_gaussians(cloud, rotation_matrices, fine_box, fine_pixel)
    transfer = model_transfers(ctf_half_spectra(ctf, fine_box, fine_pixel), ctf.image_processing)
    spectra = shift_half_spectra(torch.fft.rfft2(projections), -shifts_in_angstroms / fine_pixel) * transfer
    fine_images = torch.fft.irfft2(spectra, s=(fine_box, fine_box))
    return fourier_crop_images(fine_images, box_size) * SUPERSAMPLING**2
