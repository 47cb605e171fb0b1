"""Images that were multiplied by their CTF C, or by its sign, before they came here: what a projection P looks like in them.

Of a raw image F = C P + n, premultiplied is C F, phase-flipped sign(C) F. The likelihood of P is in all three that of F:
matched image C F / N and matched filter C^2 / N, N the noise of the raw image (the background of C F is C^2 N).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

RAW, PREMULTIPLIED, PHASE_FLIPPED = 0, 1, 2
MINIMUM_TRANSFER = 1e-4  # below, a premultiplied image holds nothing


def model_transfers(
    transfers: Tensor,  # (batch, rows, columns): CTFs
    processing: Tensor | None,  # (batch,); None: all images are raw
) -> Tensor:  # same shape
    """What images hold of the projection: C in raw ones, C^2 in premultiplied, |C| in phase-flipped ones."""
    if processing is None:
        return transfers
    import torch  # not wanted for the numbers above

    kinds = processing[:, None, None]
    of_flipped = torch.where(kinds == PHASE_FLIPPED, transfers.abs(), transfers)
    return torch.where(kinds == PREMULTIPLIED, transfers**2, of_flipped)


def matching_transfers(transfers: Tensor, processing: Tensor | None) -> Tensor:  # same shape
    """What turns images into C F: C for raw ones, 1 for premultiplied, |C| for phase-flipped ones."""
    if processing is None:
        return transfers
    import torch  # not wanted for the numbers above

    kinds = processing[:, None, None]
    of_flipped = torch.where(kinds == PHASE_FLIPPED, transfers.abs(), transfers)
    return torch.where(kinds == PREMULTIPLIED, 1.0, of_flipped)


def raw_spectra(spectra: Tensor, transfers: Tensor, processing: Tensor | None) -> Tensor:
    """The spectra of the raw images; 0 where a premultiplied image holds nothing."""
    if processing is None:
        return spectra
    import torch

    signs = torch.where(transfers < 0, -1.0, 1.0)
    sizes = transfers.abs()
    inverse = torch.where(sizes > MINIMUM_TRANSFER, 1 / sizes.clamp_min(MINIMUM_TRANSFER), 0.0)
    kinds = processing[:, None, None]
    factors = torch.where(kinds == RAW, 1.0, signs) * torch.where(kinds == PREMULTIPLIED, inverse, 1.0)
    return spectra * factors
