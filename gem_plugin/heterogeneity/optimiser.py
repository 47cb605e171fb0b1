"""The optimiser of training: AdamW whose rate may change in every step without the CPU, where the model is on a device."""

from typing import Any

import torch
from torch import Tensor

from gem_plugin.heterogeneity.model import HeterogeneityModel

CANONICAL_RATE = 0.5  # of the learning rate, for positions, amplitudes and widths of the canonical cloud


def make_optimiser(model: HeterogeneityModel, learning_rate: float) -> torch.optim.Optimizer:
    """AdamW; the canonical cloud learns at half the rate of the networks."""
    canonical = [model.positions_in_pixels, model.log_amplitudes]
    if model.log_widths.requires_grad:
        canonical.append(model.log_widths)
    known = {id(parameter) for parameter in (*canonical, model.log_widths)}
    networks = [parameter for parameter in model.parameters() if id(parameter) not in known]
    groups = [
        {"params": networks, "lr": learning_rate, "peak_rate": learning_rate},
        {"params": canonical, "lr": learning_rate, "peak_rate": learning_rate * CANONICAL_RATE},
    ]
    optimiser = torch.optim.AdamW(groups, weight_decay=0.0, fused=True)
    _put_rates(optimiser, canonical[0].device)
    return optimiser


def set_rates(
    optimiser: torch.optim.Optimizer,
    factor: float | Tensor,  # of the peak rates; a tensor (), on the device, where the rates are tensors
) -> None:
    """The learning rates of the next step."""
    for group in optimiser.param_groups:
        rate = group["peak_rate"] * factor
        if not isinstance(group["lr"], Tensor):
            group["lr"] = float(rate)
        elif isinstance(rate, Tensor):
            group["lr"].copy_(rate)
        else:
            group["lr"].fill_(rate)


def optimiser_state(optimiser: torch.optim.Optimizer) -> dict[str, Any]:
    """Its state_dict with rates as numbers, whatever the device."""
    state = optimiser.state_dict()
    groups = [{**group, "lr": float(group["lr"])} for group in state["param_groups"]]
    return {**state, "param_groups": groups}


def load_optimiser_state(optimiser: torch.optim.Optimizer, state: dict[str, Any]) -> None:
    """Continue with a state that may come from another device."""
    optimiser.load_state_dict(state)
    _put_rates(optimiser, optimiser.param_groups[0]["params"][0].device)


def _put_rates(optimiser: torch.optim.Optimizer, device: torch.device) -> None:
    """On CUDA devices rates are tensors there, which a CUDA graph can change."""
    is_cuda = device.type == "cuda"
    for group in optimiser.param_groups:
        rate = float(group["lr"])
        group["lr"] = torch.tensor(rate, device=device) if is_cuda else rate
        group["capturable"] = is_cuda
