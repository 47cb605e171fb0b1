"""Variances of normal effects of which every image says something: those of largest marginal likelihood, and what they explain.

To second order image n says of its numbers x, drawn with covariance V, log L = b x - x H x / 2. V is diagonal, with one variance for
each group of numbers.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

ROUNDS_OF_SCORING = 30


def likeliest_variances(
    start: Sequence[float],  # (g,)
    sizes: Sequence[int],  # (g,): how many numbers share each variance, in their order; their sum is k
    limits: Sequence[float],  # (g,): the largest that are believed
    information: Tensor,  # (n, k): b
    curvatures: Tensor,  # (n, k, k): H
    weights: Tensor,  # (n,): how much each image counts, 0 to 1
) -> tuple[float, ...]:  # (g,)
    """Fisher scoring from the variances given.

    With w = (1 + H V)^-1 b and K = (1 + H V)^-1 H the score of a variance is the sum of (w_k^2 - K_kk) / 2 over its numbers,
    the information the sum of K_kl^2 / 2.
    """
    information, curvatures, weights = information.double(), curvatures.double(), weights.double()
    groups = _slices(sizes)
    variances, has_converged = tuple(start), False
    for _ in range(ROUNDS_OF_SCORING):
        system = _system(variances, sizes, curvatures)
        solved = torch.linalg.solve(system, torch.cat([curvatures, information[..., None]], 2))
        expected, seen = solved[..., :-1], solved[..., -1]
        surplus = seen**2 - expected.diagonal(dim1=1, dim2=2)
        score = torch.stack([(weights * surplus[:, group].sum(1)).sum() / 2 for group in groups])
        fisher = torch.stack(
            [
                torch.stack(
                    [(weights * (expected[:, one, other] ** 2).sum((1, 2))).sum() / 2 for other in groups]
                )
                for one in groups
            ]
        )
        variances, has_converged = _scored(variances, limits, score, fisher)
        if has_converged:
            break
    return variances


def evidence_of_variances(
    variances: Sequence[float],  # (g,)
    sizes: Sequence[int],  # (g,)
    information: Tensor,  # (n, k)
    curvatures: Tensor,  # (n, k, k)
) -> Tensor:  # (n,) nats: how much more likely an image is than with all numbers 0
    """1/2 b (H + V^-1)^-1 b - 1/2 log |1 + H V|."""
    information, curvatures = information.double(), curvatures.double()
    system = _system(variances, sizes, curvatures)
    seen = torch.linalg.solve(system, information[..., None])[..., 0]
    of_numbers = _of_numbers(variances, sizes, information)
    return 0.5 * (information * of_numbers * seen).sum(1) - 0.5 * torch.linalg.slogdet(system).logabsdet


def _system(variances: Sequence[float], sizes: Sequence[int], curvatures: Tensor) -> Tensor:  # 1 + H V
    identity = torch.eye(curvatures.shape[-1], dtype=torch.float64, device=curvatures.device)
    return identity + curvatures * _of_numbers(variances, sizes, curvatures)


def _of_numbers(variances: Sequence[float], sizes: Sequence[int], like: Tensor) -> Tensor:  # (k,)
    repeated = [value for value, size in zip(variances, sizes, strict=True) for _ in range(size)]
    return torch.tensor(repeated, dtype=torch.float64, device=like.device)


def _slices(sizes: Sequence[int]) -> list[slice]:
    ends = torch.tensor(sizes).cumsum(0).tolist()
    return [slice(end - size, end) for end, size in zip(ends, sizes, strict=True)]


def _scored(
    variances: Sequence[float], limits: Sequence[float], score: Tensor, fisher: Tensor
) -> tuple[tuple[float, ...], bool]:
    """One step with all variances kept between 0 and the largest that is believed; whether it was a small one."""
    old = torch.tensor(variances, dtype=torch.float64)
    largest = torch.tensor(limits, dtype=torch.float64)
    score, fisher = score.cpu(), fisher.cpu()
    is_free = (old > 0) | (score > 0)
    step = torch.zeros(len(old), dtype=torch.float64)
    if bool(is_free.any()) and bool(torch.isfinite(fisher).all()):
        part = fisher[is_free][:, is_free]
        if float(torch.linalg.det(part)) > 0:
            step[is_free] = torch.linalg.solve(part, score[is_free])
    new = torch.minimum((old + step).clamp_min(0), largest)
    has_converged = bool(((new - old).abs() <= 1e-6 * largest + 1e-3 * old).all())
    return tuple(new.tolist()), has_converged
