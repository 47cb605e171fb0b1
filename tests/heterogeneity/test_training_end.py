"""The sentence on why training ended, and the numbers that a check needs."""

import pytest

from gem_plugin.heterogeneity.held_out_bounds import Gain
from gem_plugin.heterogeneity.training_end import training_end
from gem_plugin.heterogeneity.training_plan import CONVERGED, FIXED, LIMIT, OneCycle, UntilNoGain
from gem_plugin.landscape.checks.latents import check_training_length


def ended(reason, gain):
    plan = UntilNoGain(12_000)
    plan.n_epochs, plan.ends_by, plan.gain = 125, reason, gain
    return {"epochs": 125, **training_end(plan, 125, 12_000)}


def test_a_training_that_still_gained_at_its_limit_says_how_to_go_on():
    numbers = ended(LIMIT, Gain(0.412, 0.103))
    assert numbers["ended"] == (
        "Training ended after 125 epochs (1,500,000 particle visits), the longest without --epochs: the evidence bound of held-out "
        "particles still rose by 0.41 ± 0.10 nats per particle over the last quarter before the learning rate fell. "
        "More particle visits would help: give --epochs 250."
    )
    check = check_training_length(numbers)
    assert check.is_bad
    assert (check.value, check.threshold) == (0.412, 0.103)
    assert check.advice == "Train on with --epochs 250."


def test_a_training_that_gained_no_more_says_so():
    numbers = ended(CONVERGED, Gain(0.01, 0.02))
    assert numbers["visits"] == 1_500_000
    assert numbers["ended"].endswith(
        "because held-out particles no longer gained: their evidence bound changed by 0.01 ± 0.02 nats per particle "
        "over the last quarter before the learning rate fell. More particle visits would hardly help."
    )
    assert not check_training_length(numbers).is_bad


@pytest.mark.parametrize(
    ("plan", "words"),
    [
        (OneCycle(1), "1 epoch (500 particle visits), as --epochs requested"),
        (OneCycle(100, FIXED), "fixed length"),
    ],
)
def test_a_known_length_says_that_nothing_was_measured(plan, words):
    numbers = training_end(plan, plan.length, 500)
    assert words in numbers["ended"]
    assert "Whether more would help was not measured" in numbers["ended"]
    check = check_training_length(numbers)
    assert check.verdict == "not measured"
    assert check.sentence == numbers["ended"]


def test_runs_of_earlier_versions_have_no_such_numbers():
    assert check_training_length({"epochs": 3}).verdict == "not measured"
