"""How long training lasts: a number of epochs fixed beforehand, or until held-out particles gain no more.

Time is counted in epochs and may be within one. A fraction says where in its schedule a training is, and all that changes during
training follows it (schedule.py). Of a training of known length it is time / length. One that ends by its gain has stages: the
fraction rises with time until the KL weight is final, waits there while the held-out particles still gain, and then goes to 1.
"""

import math
from typing import Any, NamedTuple, Protocol

from torch import Tensor

from gem_plugin.heterogeneity.held_out_bounds import Gain, HeldOutBounds
from gem_plugin.heterogeneity.particle_poses import is_pose_epoch, is_pose_epoch_of_open_end
from gem_plugin.heterogeneity.schedule import KL_RISE, learning_rate_factor, staged_learning_rate_factor
from gem_plugin.heterogeneity.settings import TrainSettings, number_of_epochs
from gem_plugin.units import ANNEALING, CONSTANT, ONE_CYCLE, RISING

SHORTEST_VISITS, SHORTEST_EPOCHS = 300_000, (5, 100)  # of a training that ends by its gain; limits in epochs
LONGEST_VISITS, LONGEST_EPOCHS = 1_500_000, (7, 500)
ANNEALED_PART = 0.4  # of the whole training: its last stage, in which the learning rate falls
WINDOW = 0.25  # of the training so far: its later half is compared with its earlier half
ERRORS_OF_A_GAIN = 1.0  # standard errors; a smaller gain is none
WORTHWHILE_GAIN_IN_NATS = 0.1  # per particle; a smaller one changes no map
VISITS_BETWEEN_CHECKS = (
    5_000  # at least; larger sets are checked within an epoch too, while the rate is constant
)
VISITS_PER_HELD_OUT_PARTICLE = (
    10  # at least, between two checks within an epoch: they then take under 4 percent of the time
)
TOLERANCE = 1e-6  # epochs
MINIMUM_HELD_OUT_PARTICLES = 50  # fewer say too little about a gain

CONVERGED, LIMIT, REQUESTED, FIXED = "converged", "limit", "requested", "fixed"  # why training ends


class TrainingPlan(Protocol):
    """What a training asks about its length."""

    n_epochs: int | None  # None: not known yet
    ends_by: str  # CONVERGED, ...
    gain: Gain | None  # of the last window before the annealing

    @property
    def maximum_epochs(self) -> int: ...
    def fraction_at(self, time: float) -> float: ...
    def learning_rate_factor(self, fraction: float) -> float: ...
    def stage_at(self, time: float) -> int: ...
    def is_pose_epoch(self, epoch: int) -> bool: ...
    def is_check_due(self, epoch: int, step: int, n_steps: int) -> bool: ...
    def hear(self, time: float, bounds: Tensor) -> None: ...
    def for_part(self, settings: TrainSettings, n_particles: int) -> "TrainingPlan": ...
    def state(self) -> dict[str, Any]: ...
    def load_state(self, state: dict[str, Any]) -> None: ...


class OneCycle:
    """A known number of epochs, one cycle of the learning rate."""

    gain: Gain | None = None

    def __init__(self, n_epochs: int, ends_by: str = REQUESTED) -> None:
        self.n_epochs: int | None = n_epochs
        self.length, self.ends_by = n_epochs, ends_by

    @property
    def maximum_epochs(self) -> int:
        return self.length

    def fraction_at(self, time: float) -> float:
        return time / self.length

    def learning_rate_factor(self, fraction: float) -> float:
        return learning_rate_factor(fraction)

    def stage_at(self, time: float) -> int:
        return ONE_CYCLE

    def is_pose_epoch(self, epoch: int) -> bool:
        return is_pose_epoch(epoch, self.length)

    def is_check_due(self, epoch: int, step: int, n_steps: int) -> bool:
        return False

    def hear(self, time: float, bounds: Tensor) -> None:
        """Nothing depends on it."""

    def for_part(self, settings: TrainSettings, n_particles: int) -> TrainingPlan:
        """The plan of a training on some of the particles: the same epochs where they were requested, else as many visits."""
        return OneCycle(number_of_epochs(settings, n_particles), self.ends_by)

    def state(self) -> dict[str, Any]:
        return {}

    def load_state(self, state: dict[str, Any]) -> None:
        """The settings say it all."""


class Lengths(NamedTuple):
    """Of a training that ends by its gain, in epochs."""

    shortest: float
    longest: float

    @classmethod
    def for_set(cls, n_particles: int) -> "Lengths":
        limits = ((SHORTEST_VISITS, SHORTEST_EPOCHS), (LONGEST_VISITS, LONGEST_EPOCHS))
        return cls._make(min(most, max(least, visits / n_particles)) for visits, (least, most) in limits)


class UntilNoGain:
    """Anneals when the held-out particles no longer gain."""

    def __init__(self, n_particles: int, n_held_out: int = 0) -> None:
        self.n_particles = n_particles
        between = max(VISITS_BETWEEN_CHECKS, VISITS_PER_HELD_OUT_PARTICLE * n_held_out)
        self.checks_per_epoch = max(1, n_particles // between)
        self.lengths = Lengths.for_set(n_particles)
        self.first_end = (1 - ANNEALED_PART) * self.lengths.shortest  # of the constant rate, at the earliest
        self.last_end = (1 - ANNEALED_PART) * self.lengths.longest
        self.rise_end = (1 - WINDOW) * self.first_end
        self.n_epochs: int | None = None
        self.annealing_from = math.inf
        self.ends_by = LIMIT
        self.gain: Gain | None = None
        self.bounds = HeldOutBounds()

    @property
    def maximum_epochs(self) -> int:
        return self.n_epochs or math.ceil(self.lengths.longest)

    def fraction_at(self, time: float) -> float:
        if time < self.annealing_from or self.n_epochs is None:
            return KL_RISE[1] * min(1.0, time / self.rise_end)
        annealed = (time - self.annealing_from) / (self.n_epochs - self.annealing_from)
        return KL_RISE[1] + (1 - KL_RISE[1]) * min(1.0, annealed)

    def learning_rate_factor(self, fraction: float) -> float:
        return staged_learning_rate_factor(fraction)

    def stage_at(self, time: float) -> int:
        if time >= self.annealing_from:
            return ANNEALING
        return RISING if time < self.rise_end else CONSTANT

    def is_pose_epoch(self, epoch: int) -> bool:
        return is_pose_epoch_of_open_end(epoch, self.n_epochs or self.lengths.shortest)

    def is_check_due(self, epoch: int, step: int, n_steps: int) -> bool:
        """After a step within an epoch; at its end there is a check anyway."""
        if self.n_epochs is not None or epoch + step / n_steps <= self.rise_end:
            return False
        return self.checks_per_epoch * step // n_steps > self.checks_per_epoch * (step - 1) // n_steps

    def hear(self, time: float, bounds: Tensor) -> None:
        """A check of the held-out particles; at the end of an epoch it decides whether the annealing begins."""
        if self.n_epochs is not None or time <= self.rise_end:
            return
        start = (1 - WINDOW) * time
        self.bounds.add(time, bounds)
        self.bounds.forget_before(start)
        if time != int(time) or time < self.first_end - TOLERANCE:
            return
        is_last = time + 1 > self.last_end + TOLERANCE
        gain = self.bounds.gain(start, time)
        self.gain = gain or self.gain
        if gain is not None and not is_worthwhile(gain):
            self._anneal(time, CONVERGED)
        elif is_last:
            self._anneal(time, LIMIT)

    def _anneal(self, time: float, reason: str) -> None:
        self.annealing_from, self.ends_by = time, reason
        self.n_epochs = max(int(time) + 1, round(time / (1 - ANNEALED_PART)))
        self.bounds = HeldOutBounds()

    def for_part(self, settings: TrainSettings, n_particles: int) -> TrainingPlan:
        """The plan of a training on some of the particles, which makes as many visits in each stage as this one did."""
        part, more = UntilNoGain(n_particles), self.n_particles / n_particles
        part.rise_end = more * self.rise_end
        part.n_epochs = round(more * self.maximum_epochs)
        part.annealing_from = min(more * self.annealing_from, (1 - ANNEALED_PART) * part.n_epochs)
        part.ends_by, part.gain = self.ends_by, self.gain
        return part

    def state(self) -> dict[str, Any]:
        return {
            "rise_end": self.rise_end,
            "annealing_from": self.annealing_from,
            "n_epochs": self.n_epochs,
            "ends_by": self.ends_by,
            "gain": None if self.gain is None else tuple(self.gain),
            "bounds": self.bounds.state(),
        }

    def load_state(self, state: dict[str, Any]) -> None:
        self.rise_end, self.annealing_from = state["rise_end"], state["annealing_from"]
        self.n_epochs, self.ends_by = state["n_epochs"], state["ends_by"]
        self.gain = None if state["gain"] is None else Gain(*state["gain"])
        self.bounds.load_state(state["bounds"])


def least_worthwhile_gain(gain: Gain) -> float:  # nats per particle
    """What a gain must exceed, by its error."""
    return max(ERRORS_OF_A_GAIN * gain.standard_error, WORTHWHILE_GAIN_IN_NATS)


def is_worthwhile(gain: Gain) -> bool:
    return gain.nats > least_worthwhile_gain(gain)


def plan_for(settings: TrainSettings, n_particles: int, n_held_out: int) -> TrainingPlan:
    """--epochs as they were requested; else by the held-out particles, and without a useful number of them a fixed length."""
    if settings.epochs is not None:
        return OneCycle(settings.epochs)
    if settings.loss != "squared" or n_held_out < MINIMUM_HELD_OUT_PARTICLES:
        return OneCycle(number_of_epochs(settings, n_particles), FIXED)
    return UntilNoGain(n_particles, n_held_out)


def epochs_in_words(plan: TrainingPlan) -> str:
    """35, or "up to 125" while the end is not known."""
    return str(plan.n_epochs) if plan.n_epochs is not None else f"up to {plan.maximum_epochs}"
