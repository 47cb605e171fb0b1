"""What a change of amplitude costs, so that density fades only where a part is absent and moves where it moves.

Motion can be imitated by fading density out here and in there, which fits images as well; occupancies and distances are then
wrong. Each Gaussian's log-amplitude has therefore a normal prior over the states with a variance of its own, v_i, of largest
likelihood, beside a small one, e, that is free: minus its logarithm is D/2 log(1 + v_i / e) for D effective states. The cost is
sparse: Gaussians that need no change have none, and a part that is truly absent pays once, however often it is absent.
"""

import torch
from torch import Tensor

FREE_VARIANCE = 0.01  # of a log-amplitude: changes by a tenth cost little


def occupancy_cost(
    amplitudes: Tensor,
) -> Tensor:  # (batch, n) -> (): nats per effective state, summed over the Gaussians
    """The sum of log(1 + v_i / e) / 2, with the variance over the particles of a batch."""
    if len(amplitudes) < 2:
        return amplitudes.new_zeros(())
    logarithms = amplitudes.log()
    variances = (logarithms - logarithms.mean(0)).square().mean(0)
    return 0.5 * torch.log1p(variances / FREE_VARIANCE).sum()
