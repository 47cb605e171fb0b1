"""What a change of amplitude costs, so that density fades only where a part is absent and moves where it moves.

Motion can be imitated by fading density out here and in there, which fits images as well; occupancies and distances are then
wrong. A Gaussian that changes its amplitude therefore pays a price, once for the whole set, however often and however much:
C v / (v + e), with v the variance of its amplitude over the particles in units of its squared mean. Gaussians that need no change
pay nothing, those that change by more than about sqrt(e) pay all of C, so that nothing keeps an absent part half there.
"""

from torch import Tensor

FREE_VARIANCE = 0.02  # e: relative changes far below 14 % are free


def occupancy_price(
    amplitudes: Tensor,
) -> Tensor:  # (batch, n) -> (): how many Gaussians change their amplitude
    """The sum of v / (v + e) over the Gaussians, v over the particles of a batch."""
    if len(amplitudes) < 2:
        return amplitudes.new_zeros(())
    means = amplitudes.mean(0)
    variances = (amplitudes - means).square().mean(0) / means.square()
    return (variances / (variances + FREE_VARIANCE)).sum()
