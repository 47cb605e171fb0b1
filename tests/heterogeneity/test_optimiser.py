"""Rates of the optimiser, on the CPU and on a device."""

import pytest
import torch
from small_trainer import make_parts

from gem_plugin.heterogeneity.optimiser import (
    CANONICAL_RATE,
    load_optimiser_state,
    make_optimiser,
    optimiser_state,
    set_rates,
)


def rates_of(optimiser):
    return [float(group["lr"]) for group in optimiser.param_groups]


def test_the_canonical_cloud_learns_at_half_the_rate():
    _, model, _ = make_parts()
    optimiser = make_optimiser(model, 0.01)
    set_rates(optimiser, 0.5)
    assert rates_of(optimiser) == pytest.approx([0.005, 0.005 * CANONICAL_RATE])
    set_rates(optimiser, torch.tensor(0.25))
    assert rates_of(optimiser) == pytest.approx([0.0025, 0.00125])


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_a_state_continues_on_any_device(device):
    if device == "cuda" and not torch.cuda.is_available():
        pytest.skip("no CUDA device here")
    _, model, _ = make_parts()
    first = make_optimiser(model, 0.01)
    step(model, first)
    state = optimiser_state(first)
    assert all(isinstance(group["lr"], float) for group in state["param_groups"])
    model.to(device)
    second = make_optimiser(model, 0.01)
    load_optimiser_state(second, state)
    assert [group["capturable"] for group in second.param_groups] == [device == "cuda"] * 2
    before = [value.detach().clone() for value in model.parameters()]
    set_rates(second, 0.5)
    step(model, second)
    assert any(not torch.equal(a, b) for a, b in zip(before, model.parameters(), strict=True))
    assert {float(state["step"]) for state in second.state.values()} == {2.0}


def step(model, optimiser):
    for value in model.parameters():
        value.grad = torch.ones_like(value)
    optimiser.step()
