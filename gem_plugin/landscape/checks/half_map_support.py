"""Do the particles of a state differ from the others as a whole, or does only the decoder draw it so?

The two half-maps of a state come from different particles. What each of them shows beyond the map of all particles
of its half agrees between the halves where it is real, and not where it is noise.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from gem_plugin.imaging.resolution import half_transform_radius, low_pass


class HalfMapAgreement(NamedTuple):
    """How well the particles support that a state differs."""

    correlation: float  # of the two half-differences: 0 for a random subset, 1 for a difference free of noise
    standard_error: float  # of that correlation for a random subset
    agreement_with_decoded: (
        float  # of the measured difference with the decoded one; nan where nothing was decoded
    )

    @property
    def z_score(self) -> float:
        return self.correlation / self.standard_error


def measure_half_map_agreement(
    half_maps: tuple[Tensor, Tensor],  # of the state, (box, box, box)
    half_maps_of_all: tuple[Tensor, Tensor],  # of all particles
    mask: Tensor,  # (box, box, box), 0 to 1: where anything may differ
    last_shell: int,  # the last one where the map of all particles is resolved
    decoded_difference: Tensor | None = None,  # (box, box, box): decoded map of the state less that of all
) -> HalfMapAgreement:
    """Correlate the differences of the two halves, low-passed, inside the mask."""
    first, second = (
        low_pass((one - whole), last_shell) * mask
        for one, whole in zip(half_maps, half_maps_of_all, strict=True)
    )
    agreement = float("nan")
    if decoded_difference is not None:
        agreement = _correlation((first + second) / 2, low_pass(decoded_difference, last_shell) * mask)
    error = _noise_correlation_error(first, second, mask, last_shell)
    return HalfMapAgreement(_correlation(first, second), error, agreement)


def _correlation(first: Tensor, second: Tensor) -> float:
    product = (first * second).sum()
    return float(product / torch.sqrt((first**2).sum() * (second**2).sum()).clamp_min(1e-30))


def _noise_correlation_error(first: Tensor, second: Tensor, mask: Tensor, last_shell: int) -> float:
    """Standard deviation of the correlation of independent noise with the spectra of the two differences.

    With spectrum p the correlation of n independent values has the variance sum p^2 / (sum p)^2; the mask leaves
    the fraction (sum m^2)^2 / sum m^4 of the voxels independent.
    """
    box_size = first.shape[-1]
    radius = half_transform_radius(box_size, first.device)
    shells = radius.round().long().flatten()
    n_shells = int(shells.max()) + 1
    power = [torch.fft.rfftn(one).abs().square().flatten().double() for one in (first, second)]
    counts = torch.bincount(shells, minlength=n_shells).double()
    means = [torch.bincount(shells, one, n_shells) / counts.clamp_min(1) for one in power]
    kept = slice(0, min(last_shell + 3, n_shells))
    numerator = (counts * means[0] * means[1])[kept].sum()
    denominator = (counts * means[0])[kept].sum() * (counts * means[1])[kept].sum()
    independent_fraction = (mask**2).sum() ** 2 / (mask**4).sum() / mask.numel()
    n_values_per_coefficient = 2 * float(
        independent_fraction
    )  # a coefficient holds two values, a mask removes most
    return float(torch.sqrt(numerator / denominator / n_values_per_coefficient))
