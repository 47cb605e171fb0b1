"""Prices of changes that images ask for too easily: each paid once for the whole set, and shared by its particles."""

from collections.abc import Callable

import torch
from torch import Tensor

from gem_plugin.gaussians.cloud import GaussianCloud
from gem_plugin.heterogeneity.losses.occupancy import occupancy_price
from gem_plugin.heterogeneity.losses.stretching import CONFORMATIONS, draw_neighbours, stretch_price
from gem_plugin.heterogeneity.schedule import epoch_generator
from gem_plugin.heterogeneity.settings import TrainSettings

PARTICLES_AT_START = (
    10_000  # of larger sets: the price a particle is that of so many until the model has learned to move
)
LEAST_PARTICLES = (
    1000  # smaller sets pay as this many would: so few are trained too briefly for the whole price
)
RANK_OF_NEIGHBOURS = 1023  # their random numbers are those of no process


class PricesOfChange:
    """What the changes of a batch cost, in nats of the whole set."""

    def __init__(self, settings: TrainSettings) -> None:
        self.occupancy_cost, self.stretch_cost = settings.occupancy_cost, settings.stretch_cost
        self.neighbours = torch.empty((2, 0), dtype=torch.int64)

    def find_neighbours(
        self,
        positions_at: Callable[[Tensor], Tensor],  # rows (c,) -> (c, n, 3), in pixels
        rows: Tensor,  # of the training particles
        seed: int,
        epoch: int,
    ) -> None:
        """The pairs whose distances are compared in this epoch: of conformations as the model has them now."""
        if self.stretch_cost:
            generator = epoch_generator(seed, epoch, RANK_OF_NEIGHBOURS)
            drawn = torch.randint(len(rows), (CONFORMATIONS,), generator=generator)
            self.neighbours = draw_neighbours(positions_at(rows[drawn]), generator)

    def __call__(self, cloud: GaussianCloud) -> Tensor:  # of a batch, in pixels -> ()
        price = cloud.positions.new_zeros(())
        if self.occupancy_cost:
            price = price + self.occupancy_cost * occupancy_price(cloud.amplitudes)
        if self.stretch_cost:
            price = price + self.stretch_cost * stretch_price(cloud.positions, self.neighbours)
        return price


def particles_that_share(n_particles: int, fraction_risen: float) -> float:
    """By how many particles the price is divided: all of them at the end, in sets that are large fewer before."""
    n_particles = max(n_particles, LEAST_PARTICLES)
    start = min(n_particles, PARTICLES_AT_START)
    return start ** (1 - fraction_risen) * n_particles**fraction_risen
