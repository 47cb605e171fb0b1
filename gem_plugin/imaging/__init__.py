"""Physics of imaging on tensors: CTF, Fourier resampling, shifts, correlations. No files."""

from gem_plugin.imaging.ctf import CtfParameters, ctf_half_spectra
from gem_plugin.imaging.fourier import (
    fourier_crop_images,
    fourier_crop_volume,
    fourier_shell_correlation,
    shift_images,
)

__all__ = [
    "CtfParameters",
    "ctf_half_spectra",
    "fourier_crop_images",
    "fourier_crop_volume",
    "fourier_shell_correlation",
    "shift_images",
]
