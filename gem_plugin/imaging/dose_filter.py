"""What radiation damage leaves of the amplitudes of an image: the filter that RELION 5 and Warp put into the CTF of each tilt.

A tilt image that was taken after N electrons per square Angstrom holds q(k) of the signal at spatial frequency k. With q in the
CTF of the model, late tilts count less at high frequencies by themselves.
"""

import torch
from torch import Tensor

# Critical exposure at 300 kV, Ne(k) = A k^B + C in electrons per square Angstrom, k in 1/A (Grant and Grigorieff 2015,
# eLife 4, e06980), with the digits that RELION and Warp use; neither scales it by the voltage.
CRITICAL_DOSE_A, CRITICAL_DOSE_B, CRITICAL_DOSE_C = 0.245, -1.665, 2.81


def critical_doses(frequencies: Tensor) -> Tensor:
    """Electrons per square Angstrom after which the amplitude at a frequency (1/A) has fallen to exp(-1/2); infinite at 0."""
    return CRITICAL_DOSE_A * frequencies**CRITICAL_DOSE_B + CRITICAL_DOSE_C


def dose_amplitudes(
    squared_frequencies: Tensor,  # (box, box // 2 + 1), or (batch, box, box // 2 + 1): 1/A^2
    doses: Tensor,  # (batch,) electrons per square Angstrom before each image
    b_factors_per_dose: Tensor
    | None = None,  # (batch,) A^2 per electron per square Angstrom; 0: by the curve
) -> Tensor:  # (batch, box, box // 2 + 1), 0 to 1
    """q = exp(-N / (2 Ne(k))), or exp(-B N k^2 / 4) for images that have a B-factor B per dose; 1 at zero frequency."""
    exposure = doses[:, None, None]
    by_curve = torch.exp(-exposure / (2 * critical_doses(squared_frequencies.sqrt())))
    if b_factors_per_dose is None:
        return by_curve
    b_factor = b_factors_per_dose[:, None, None]
    by_b_factor = torch.exp(-b_factor * exposure * squared_frequencies / 4)
    return torch.where(b_factor > 0, by_b_factor, by_curve)
