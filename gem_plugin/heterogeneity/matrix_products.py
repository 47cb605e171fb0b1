"""Matrix products of the networks. On CPUs with AVX-512 they are oneDNN's, which are exact in single precision like those of torch.

torch gives such products to MKL, which uses half the width of the registers where the processor is not Intel's: 105 billion
operations a second on one core of an EPYC (Zen 5), oneDNN 210.
"""

from functools import cache
from typing import Any

import torch
from torch import Tensor, nn

LEAST_OPERATIONS = 2_000_000  # of a product; smaller ones gain nothing


class Linear(nn.Linear):
    """torch.nn.Linear with these products; its parameters, and so files of models, are the same."""

    def forward(self, inputs: Tensor) -> Tensor:  # (batch, in) -> (batch, out)
        if _is_large(inputs, self.weight.t()):
            return _WithBias.apply(inputs, self.weight, self.bias)
        return super().forward(inputs)


def product(left: Tensor, right: Tensor) -> Tensor:  # (m, k), (k, n) -> (m, n)
    """left @ right, with gradients."""
    return _Product.apply(left, right) if _is_large(left, right) else left @ right


@cache
def has_fast_products() -> bool:
    """Whether this machine and this build of torch have them."""
    is_built = torch.backends.mkldnn.is_available() and hasattr(torch.ops.mkldnn, "_linear_pointwise")
    return is_built and torch.backends.cpu.get_cpu_capability() == "AVX512"


def _is_large(left: Tensor, right: Tensor) -> bool:
    """Whether both are such that the fast product is taken."""
    if left.device.type != "cpu" or left.ndim != 2 or not has_fast_products():
        return False
    is_single = left.dtype == right.dtype == torch.float32 and not torch.is_autocast_enabled("cpu")
    return is_single and 2 * left.shape[0] * left.shape[1] * right.shape[1] >= LEAST_OPERATIONS


def _product(left: Tensor, right: Tensor) -> Tensor:
    """The fast product, or the plain one of small matrices. The longer side of the result goes along the registers."""
    if not _is_large(left, right):
        return left @ right
    if right.shape[1] >= left.shape[0]:
        return _times_transposed(left, right.t())
    return _times_transposed(right.t(), left).t()


def _times_transposed(inputs: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    return torch.ops.mkldnn._linear_pointwise(inputs, weight, bias, "none", [], "")


class _Product(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, left: Tensor, right: Tensor) -> Tensor:
        ctx.save_for_backward(left, right)
        return _product(left, right)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None]:  # type: ignore[override]
        left, right = ctx.saved_tensors
        by_left = _product(gradient, right.t()) if ctx.needs_input_grad[0] else None
        by_right = _product(left.t(), gradient) if ctx.needs_input_grad[1] else None
        return by_left, by_right


class _WithBias(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, inputs: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        ctx.save_for_backward(inputs, weight)
        return _times_transposed(inputs, weight, bias)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None, Tensor]:  # type: ignore[override]
        inputs, weight = ctx.saved_tensors
        by_inputs = _product(gradient, weight) if ctx.needs_input_grad[0] else None
        by_weight = _product(gradient.t(), inputs) if ctx.needs_input_grad[1] else None
        return by_inputs, by_weight, gradient.sum(0)
