"""When a training ends: as requested, or when held-out particles gain no more, within limits."""

import pytest
import torch

from gem_plugin.heterogeneity.particle_poses import is_pose_epoch
from gem_plugin.heterogeneity.schedule import KL_RISE, learning_rate_factor
from gem_plugin.heterogeneity.settings import TrainSettings
from gem_plugin.heterogeneity.training_plan import (
    ANNEALED_PART,
    CONVERGED,
    FIXED,
    LIMIT,
    REQUESTED,
    Lengths,
    OneCycle,
    UntilNoGain,
    epochs_in_words,
    plan_for,
)
from gem_plugin.units import ANNEALING, CONSTANT, ONE_CYCLE, RISING

N_HELD_OUT = 200


def simulate(plan, bound_at, noise=0.02, seed=0):
    """Checks as training makes them, of particles with the given mean bound at each time; gives the number of epochs."""
    generator = torch.Generator().manual_seed(seed)
    levels = 30 * torch.randn(N_HELD_OUT, generator=generator)
    epoch, n_steps = 0, 100

    def hear(time):
        own = noise * torch.randn(N_HELD_OUT, generator=generator)
        plan.hear(time, levels + own + bound_at(time * plan.n_particles))

    while plan.n_epochs is None or epoch < plan.n_epochs:
        for step in range(1, n_steps):
            if plan.is_check_due(epoch, step, n_steps):
                hear(epoch + step / n_steps)
        epoch += 1
        hear(float(epoch))
        assert epoch < 1000
    return epoch


def gains_until(visits, nats=20.0):
    """A bound that rises steadily until so many visits, and then stays."""
    return lambda done: nats * min(done, visits) / visits


@pytest.mark.parametrize(
    ("n_particles", "shortest", "longest"),
    [(2_000, 100, 500), (12_000, 21, 125), (100_000, 5, 15), (1_000_000, 5, 7)],
)
def test_a_set_gets_the_shortest_training_without_gain_and_the_longest_with_it(
    n_particles, shortest, longest
):
    without = UntilNoGain(n_particles)
    assert shortest <= simulate(without, gains_until(1)) <= 1.25 * shortest
    assert without.ends_by == CONVERGED
    steady = UntilNoGain(n_particles)
    assert simulate(steady, gains_until(1e9, 1e5)) == pytest.approx(longest, abs=1 + 0.01 * longest)
    assert steady.ends_by == LIMIT
    assert steady.gain.nats > 1


def test_training_lasts_longer_the_longer_particles_gain():
    lengths = [simulate(UntilNoGain(12_000), gains_until(visits)) for visits in (1e5, 3e5, 5e5, 7e5)]
    assert lengths == sorted(set(lengths))
    assert lengths[0] * 12_000 <= 300_000
    # ends soon after the gain does: the window and the annealing follow it
    for visits, length in zip((3e5, 5e5, 7e5), lengths[1:], strict=True):
        assert visits < (1 - ANNEALED_PART) * length * 12_000 < 1.4 * visits


def test_a_gain_smaller_than_its_error_is_none():
    noisy = UntilNoGain(12_000)
    steady = gains_until(1e9, 0.8e4)  # 0.2 nats from one half of the first window to the other
    assert simulate(noisy, steady, noise=3.0) < 40
    assert noisy.ends_by == CONVERGED
    assert simulate(UntilNoGain(12_000), steady, noise=0.02) > 100


def test_stages_follow_each_other_and_the_rate_ends_at_zero():
    plan = UntilNoGain(12_000)
    n_epochs = simulate(plan, gains_until(5e5))
    times = [epoch / 4 for epoch in range(4 * n_epochs + 1)]
    stages = [plan.stage_at(time) for time in times]
    assert stages == sorted(stages)
    assert set(stages) == {RISING, CONSTANT, ANNEALING}
    fractions = [plan.fraction_at(time) for time in times]
    assert fractions == sorted(fractions)
    assert (fractions[0], fractions[-1]) == (0, 1)
    constant = {fraction for fraction, stage in zip(fractions, stages, strict=True) if stage == CONSTANT}
    assert constant == {KL_RISE[1]}  # the KL weight is final
    assert plan.learning_rate_factor(KL_RISE[1]) == 1
    assert plan.learning_rate_factor(1.0) == 0
    assert plan.annealing_from / n_epochs == pytest.approx(1 - ANNEALED_PART, abs=1 / n_epochs)


def test_checks_before_the_kl_weight_is_final_do_not_count():
    plan = UntilNoGain(12_000)
    plan.hear(9.0, torch.zeros(N_HELD_OUT))
    assert not plan.bounds.times
    assert not any(plan.is_check_due(8, step, 100) for step in range(1, 100))


def test_large_sets_are_checked_within_an_epoch_and_small_ones_are_not():
    large, small = UntilNoGain(1_000_000, 2_000), UntilNoGain(8_000, 400)
    steps = range(1, 1000)
    assert sum(large.is_check_due(3, step, 1000) for step in steps) == 49
    assert not any(small.is_check_due(40, step, 1000) for step in steps)


def test_poses_are_refined_at_the_start_and_with_every_tenth():
    plan = UntilNoGain(12_000)
    open_end = [epoch for epoch in range(12) if plan.is_pose_epoch(epoch)]
    assert open_end[:2] == [0, 1]
    assert 6 <= len(open_end) <= 8
    n_epochs = simulate(plan, gains_until(1))
    later = [epoch for epoch in range(13, n_epochs) if plan.is_pose_epoch(epoch)]
    assert len(later) == pytest.approx(10 * (n_epochs - 13) / n_epochs, abs=1.1)
    assert all(UntilNoGain(1_000_000).is_pose_epoch(epoch) for epoch in range(7))


def test_requested_epochs_are_one_cycle_as_ever():
    plan = plan_for(TrainSettings(epochs=30), 12_000, 600)
    assert (plan.n_epochs, plan.ends_by, plan.stage_at(7.0)) == (30, REQUESTED, ONE_CYCLE)
    for time in (0.0, 7 / 3, 29.9):
        assert plan.fraction_at(time) == time / 30
        assert plan.learning_rate_factor(time / 30) == learning_rate_factor(time / 30)
    assert [plan.is_pose_epoch(epoch) for epoch in range(30)] == [
        is_pose_epoch(epoch, 30) for epoch in range(30)
    ]


@pytest.mark.parametrize(("changes", "n_held_out"), [({}, 0), ({}, 49), ({"loss": "absolute"}, 600)])
def test_without_bounds_of_enough_held_out_particles_the_length_is_fixed(changes, n_held_out):
    plan = plan_for(TrainSettings(**changes), 12_000, n_held_out)
    assert (plan.n_epochs, plan.ends_by) == (25, FIXED)
    assert plan_for(TrainSettings(), 12_000, 50).n_epochs is None


def test_half_sets_make_as_many_visits_as_the_whole_set():
    whole = UntilNoGain(12_000)
    n_epochs = simulate(whole, gains_until(5e5))
    half = whole.for_part(TrainSettings(), 5_000)
    assert half.n_epochs == pytest.approx(n_epochs * 12_000 / 5_000, abs=0.5)
    for time in (1.0, 9.0, 20.0, 35.0, n_epochs - 0.5):
        assert half.fraction_at(time * 2.4) == pytest.approx(whole.fraction_at(time), abs=0.01)
        assert half.stage_at(time * 2.4) == whole.stage_at(time)
    half.hear(90.0, torch.zeros(10))  # decides nothing any more
    assert half.state()["n_epochs"] == half.n_epochs
    assert OneCycle(30).for_part(TrainSettings(epochs=30), 5_000).n_epochs == 30
    assert OneCycle(25, FIXED).for_part(TrainSettings(), 6_000).n_epochs == 50


def test_a_plan_that_is_loaded_decides_as_the_one_that_was_saved():
    whole, saved = UntilNoGain(12_000), UntilNoGain(12_000)
    again = UntilNoGain(12_000)
    generator = torch.Generator().manual_seed(0)
    for epoch in range(1, 61):
        bounds = torch.randn(N_HELD_OUT, generator=generator) + 0.5 * min(epoch, 22)
        whole.hear(float(epoch), bounds)
        (saved if epoch <= 17 else again).hear(float(epoch), bounds)
        if epoch == 17:
            again.load_state(saved.state())
    assert whole.n_epochs is not None
    assert (again.n_epochs, again.gain, again.annealing_from) == (
        whole.n_epochs,
        whole.gain,
        whole.annealing_from,
    )


def test_an_end_that_is_not_known_is_said_as_a_limit():
    assert epochs_in_words(UntilNoGain(12_000)) == "up to 125"
    assert epochs_in_words(OneCycle(30)) == "30"
    assert Lengths.for_set(12_000).longest == 125
