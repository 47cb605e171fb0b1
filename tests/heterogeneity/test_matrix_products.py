"""The products of the networks beside those of torch: values, gradients, where they are taken."""

import pytest
import torch
from torch import nn

from gem_plugin.heterogeneity import matrix_products
from gem_plugin.heterogeneity.matrix_products import Linear, has_fast_products, product

needs_fast_products = pytest.mark.skipif(
    not has_fast_products(), reason="this processor has no AVX-512, or this torch no oneDNN"
)


@needs_fast_products
@pytest.mark.parametrize(("m", "k", "n"), [(64, 529, 512), (192, 65, 2306), (2306, 32, 64), (65, 300, 64)])
def test_a_large_product_is_that_of_torch(m, k, n):
    generator = torch.Generator().manual_seed(0)
    left, right = torch.randn(m, k, generator=generator), torch.randn(n, k, generator=generator).t()
    gradient = torch.randn(m, n, generator=generator)
    found = [value.clone().requires_grad_() for value in (left, right)]
    expected = [value.double().requires_grad_() for value in (left, right)]
    fast = product(*found)
    assert "Product" in fast.grad_fn.name()
    fast.backward(gradient)
    plain = expected[0] @ expected[1]
    plain.backward(gradient.double())
    for one, other in zip(
        (fast, *(v.grad for v in found)), (plain, *(v.grad for v in expected)), strict=True
    ):
        torch.testing.assert_close(one.double(), other, rtol=1e-5, atol=2e-4)


@needs_fast_products
def test_a_layer_is_that_of_torch_and_keeps_its_parameters():
    torch.manual_seed(0)
    layer, plain = Linear(300, 200), nn.Linear(300, 200).double()
    plain.load_state_dict(layer.state_dict())
    inputs = torch.randn(64, 300)
    ours, theirs = inputs.clone().requires_grad_(), inputs.double().requires_grad_()
    layer(ours).square().sum().backward()
    plain(theirs).square().sum().backward()
    values = (
        (ours.grad, theirs.grad),
        (layer.weight.grad, plain.weight.grad),
        (layer.bias.grad, plain.bias.grad),
    )
    for one, other in values:
        torch.testing.assert_close(one.double(), other, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("case", ["small", "double precision", "short precision"])
def test_everything_else_is_left_to_torch(case, monkeypatch):
    def refuse(*_):
        raise AssertionError("taken for the wrong matrices")

    monkeypatch.setattr(matrix_products, "_times_transposed", refuse)
    size, dtype = (4, torch.float32) if case == "small" else (512, torch.float64)
    if case == "short precision":
        dtype = torch.float32
    left, right = (torch.ones(size, size, dtype=dtype) for _ in range(2))
    layer = Linear(size, size).to(dtype)
    with torch.autocast("cpu", torch.bfloat16, enabled=case == "short precision"):
        assert product(left, right).shape == layer(left).shape == (size, size)


def test_where_there_is_no_gradient_to_keep_none_is_kept():
    with torch.no_grad():
        assert product(torch.ones(64, 512), torch.ones(512, 512)).grad_fn is None
