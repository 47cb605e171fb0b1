"""Where the time goes: phases inside others are taken off, and nothing counts twice."""

import time

import pytest

from gem_plugin.heterogeneity import phase_clock as phases
from gem_plugin.heterogeneity.phase_clock import PhaseClock


@pytest.fixture
def clock_time(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """A clock that stands still until it is moved."""
    now = [0.0]
    monkeypatch.setattr(time, "perf_counter", lambda: now[0])
    return now


def pass_time(now: list[float], seconds: float) -> None:
    now[0] += seconds


def test_an_inner_phase_is_taken_off_the_outer_one(clock_time):
    clock = PhaseClock()
    with clock.phase(phases.REST_OF_STEPS):
        pass_time(clock_time, 1)
        with clock.phase(phases.LOSS):
            pass_time(clock_time, 2)
            clock.timed(phases.PROJECTION, pass_time, clock_time, 4)
        pass_time(clock_time, 8)
    assert clock.seconds == {phases.REST_OF_STEPS: 9, phases.LOSS: 2, phases.PROJECTION: 4}


def test_a_projection_within_the_validation_is_validation(clock_time):
    clock = PhaseClock()
    with clock.phase(phases.REST_OF_STEPS), clock.phase(phases.VALIDATION):
        clock.timed(phases.PROJECTION, pass_time, clock_time, 4)
    assert clock.seconds == {phases.REST_OF_STEPS: 0, phases.VALIDATION: 4}


def test_parts_of_a_step_outside_of_training_count_for_nothing(clock_time):
    clock = PhaseClock()
    clock.timed(phases.PROJECTION, pass_time, clock_time, 4)
    assert clock.seconds == {}


def test_on_a_device_that_works_on_the_steps_are_one_phase(clock_time):
    clock = PhaseClock(measures_parts_of_steps=False)
    assert clock.phase_of_steps == phases.STEPS
    with clock.phase(clock.phase_of_steps):
        clock.timed(phases.GRADIENTS, pass_time, clock_time, 3)
        clock.timed(phases.VALIDATION, pass_time, clock_time, 5)
    assert clock.seconds == {phases.STEPS: 3, phases.VALIDATION: 5}


def test_waiting_for_an_item_counts_and_work_on_it_does_not(clock_time):
    def slow_items():
        for number in range(3):
            pass_time(clock_time, 2)
            yield number

    clock = PhaseClock()
    with clock.phase(phases.REST_OF_STEPS):
        for _ in clock.waited_for(slow_items()):
            pass_time(clock_time, 10)
    assert clock.seconds == {phases.LOADING: 6, phases.REST_OF_STEPS: 30}


def test_time_before_an_error_counts(clock_time):
    def fail():
        pass_time(clock_time, 3)
        raise ValueError("slow")

    clock = PhaseClock()
    with clock.phase(phases.POSES), pytest.raises(ValueError, match="slow"):
        clock.timed(phases.CHECKPOINTS, fail)
    pass_time(clock_time, 100)
    with clock.phase(phases.POSES):
        pass_time(clock_time, 1)
    assert clock.seconds == {phases.POSES: 1, phases.CHECKPOINTS: 3}
