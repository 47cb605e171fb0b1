"""Latents drawn towards their nearest neighbours and away from the farthest: clusters become clearer.

The neighbours are searched among the latents of recent batches. Sizes and the form of the two terms, log(1 + d^2) and
log(1 + 1 / d^2), follow GaussianEM; d is the whole distance here, where GaussianEM takes each dimension by itself.
"""

import torch
from torch import Tensor

REMEMBERED = 6400
NEAREST = 128
FARTHEST = 640
FIRST_EPOCH = 2  # counted from 0: before, latents say little


class LatentMemory:
    """The newest latent means, as a ring; its state belongs into checkpoints."""

    def __init__(self, latent_size: int, size: int = REMEMBERED) -> None:
        self.latents = torch.zeros(size, latent_size)
        self.n_seen = 0

    def __len__(self) -> int:
        return min(self.n_seen, len(self.latents))

    def add(self, latents: Tensor) -> None:  # (batch, latent_size)
        """Remember a batch, in place of the oldest."""
        slots = (self.n_seen + torch.arange(len(latents))) % len(self.latents)
        self.latents[slots] = latents.detach().to(self.latents)
        self.n_seen += len(latents)

    def remembered(self) -> Tensor:  # (len(self), latent_size)
        return self.latents[: len(self)]

    def state(self) -> dict[str, object]:
        return {"latents": self.latents.clone(), "n_seen": self.n_seen}

    def load_state(self, state: dict) -> None:
        self.latents, self.n_seen = state["latents"].clone(), int(state["n_seen"])


def neighbour_contrast(
    latents: Tensor,  # (batch, latent_size)
    remembered: Tensor,  # (m, latent_size), m > 0
    n_nearest: int = NEAREST,
    n_farthest: int = FARTHEST,
) -> Tensor:  # ()
    """mean log(1 + d^2) over the nearest plus mean log(1 + 1 / d^2) over the farthest."""
    squared = ((latents[:, None] - remembered) ** 2).sum(-1)  # (batch, m)
    m = len(remembered)
    near = squared.topk(min(n_nearest, m), largest=False).values
    far = squared.topk(min(n_farthest, m), largest=True).values
    return torch.log1p(near).mean() + torch.log1p(1 / far.clamp_min(1e-6)).mean()
