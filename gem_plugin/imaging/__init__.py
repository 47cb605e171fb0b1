"""Physics of imaging on tensors: CTF, Fourier resampling, shifts, correlations. No files.

The names below are imported when they are asked for: what needs no tensors does not wait for torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
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
OF_CTF = ("CtfParameters", "ctf_half_spectra")


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{'ctf' if name in OF_CTF else 'fourier'}"), name)
