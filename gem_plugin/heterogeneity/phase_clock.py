"""Where the time of a training goes: seconds of each phase, measured around calls that are there anyway."""

import contextlib
import time
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

READING = "reading images and anchor scores"
LOADING = "waiting for images"
NETWORKS = "encoder and decoder"
PROJECTION = "projection"
LOSS = "loss"
GRADIENTS = "gradients"
OPTIMISER = "optimiser"
REST_OF_STEPS = "rest of the steps"
STEPS = "training steps"  # as a whole, where their parts are not measured
VALIDATION = "validation"
POSES = "poses"
CHECKPOINTS = "checkpoints"
PICTURES = "pictures while training"
LATENTS = "latents, contrast and outliers of all particles"
HALVES = "half-sets"

PARTS_OF_STEPS = (LOADING, NETWORKS, PROJECTION, LOSS, GRADIENTS, OPTIMISER)


class PhaseClock:
    """Adds up the seconds of each phase. A phase inside another is taken off that one, so that no second counts twice.

    Parts of a step count for the steps only: within a validation, a projection is validation. On a device that works on
    while Python goes on, the parts of a step cannot be told apart without waiting for it; there the steps are one phase.
    """

    def __init__(self, measures_parts_of_steps: bool = True) -> None:
        self.measures_parts_of_steps = measures_parts_of_steps
        self.seconds: dict[str, float] = {}
        self._running: list[str] = []
        self._last = time.perf_counter()

    @property
    def phase_of_steps(self) -> str:
        """The phase of what a step does besides its measured parts."""
        return REST_OF_STEPS if self.measures_parts_of_steps else STEPS

    @contextlib.contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Count what happens inside for this phase."""
        if not self._is_counted(name):
            yield
            return
        self._turn_to(lambda: self._running.append(name))
        try:
            yield
        finally:
            self._turn_to(self._running.pop)

    def timed(self, name: str, call: Callable[..., Result], *arguments: object, **options: object) -> Result:
        """The result of a call, which counts for this phase."""
        if not self._is_counted(name):
            return call(*arguments, **options)
        self._turn_to(lambda: self._running.append(name))
        try:
            return call(*arguments, **options)
        finally:
            self._turn_to(self._running.pop)

    def waited_for(self, items: Iterable[Item]) -> Iterator[Item]:
        """The items; the time until each is there counts as LOADING, what is done with it does not."""
        iterator, end = iter(items), object()
        while (item := self.timed(LOADING, next, iterator, end)) is not end:
            yield item  # type: ignore[misc]

    def _is_counted(self, name: str) -> bool:
        """Parts of a step, only directly within the steps or within each other."""
        if name not in PARTS_OF_STEPS:
            return True
        is_step = all(one in (*PARTS_OF_STEPS, REST_OF_STEPS) for one in self._running)
        return self.measures_parts_of_steps and bool(self._running) and is_step

    def _turn_to(self, change: Callable[[], object]) -> None:
        now = time.perf_counter()
        if self._running:
            name = self._running[-1]
            self.seconds[name] = self.seconds.get(name, 0.0) + now - self._last
        self._last = now
        change()
