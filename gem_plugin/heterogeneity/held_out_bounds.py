"""Evidence bounds of the held-out particles, check after check: how much they have gained lately, and how surely.

The bound of a particle differs from that of another by far more than training still gains, so gains are differences of the
same particles at two times. Times are counted in epochs.
"""

import math
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from gem_plugin.particles.views import particles_of

MINIMUM_CHECKS = 2  # in each half of a window, so that the noise of the optimisation can be seen


class HeldOutLosses(NamedTuple):
    """Of the held-out validation particles."""

    loss: float  # NaN without validation particles, and so is kl
    kl: float  # nats per particle
    bounds: Tensor  # (particles,) float64 on the CPU: evidence bound in nats, with the cost of the pose and the kinds of outliers.py


def mean_by_particle(
    values: Tensor,  # (rows,)
    rows: Tensor,  # (rows,)
    particle_indices: np.ndarray,  # (n,): the particle of every row of the set
) -> Tensor:  # (particles,) on the CPU: mean over the views of each
    """One value for each particle: its views share its noise."""
    which, n_particles = particles_of(rows.cpu().numpy(), particle_indices)
    sums, counts = np.bincount(which, values.double().cpu().numpy(), n_particles), np.bincount(which)
    return torch.from_numpy(sums / counts)


class Gain(NamedTuple):
    """Of the later half of a window over the earlier half, nats per particle."""

    nats: float
    standard_error: float


class HeldOutBounds:
    """The checks of a training that are still needed."""

    def __init__(self) -> None:
        self.times: list[float] = []
        self.values: list[Tensor] = []  # (n,) float64 nats each, larger is better

    def add(self, time: float, bounds: Tensor) -> None:  # (n,) nats
        self.times.append(time)
        self.values.append(bounds.double().cpu())

    def forget_before(self, time: float) -> None:
        n_old = sum(one <= time for one in self.times)
        del self.times[:n_old], self.values[:n_old]

    def gain(self, start: float, end: float) -> Gain | None:
        """Over the window (start, end]; None where too few checks lie in a half of it.

        With d_i the difference of the means of the two halves for particle i, the gain is the mean of d. The square of its error is
        var(d) / n, of the choice of the particles, and s^2 (1 / k_1 + 1 / k_2), of the noise of the optimisation: s^2 is half the mean
        squared difference of the means of successive checks (von Neumann, 1941), which a steady gain hardly changes.
        """
        middle = (start + end) / 2
        halves = [self._within(start, middle), self._within(middle, end)]
        if min(len(half) for half in halves) < MINIMUM_CHECKS:
            return None
        early, late = (half.mean(0) for half in halves)
        differences = late - early
        of_particles = float(differences.var()) / len(differences) if len(differences) > 1 else math.inf
        steps = torch.cat([half.mean(1).diff() for half in halves])
        of_optimisation = float(steps.square().mean()) / 2 * sum(1 / len(half) for half in halves)
        return Gain(float(differences.mean()), math.sqrt(of_particles + of_optimisation))

    def _within(self, start: float, end: float) -> Tensor:  # (k, n)
        chosen = [values for time, values in zip(self.times, self.values) if start < time <= end]
        return torch.stack(chosen) if chosen else torch.empty(0, 0, dtype=torch.float64)

    def state(self) -> dict[str, Any]:
        return {"times": list(self.times), "values": list(self.values)}

    def load_state(self, state: dict[str, Any]) -> None:
        self.times, self.values = list(state["times"]), list(state["values"])
