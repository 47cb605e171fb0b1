"""The loss terms beside image loss and KL divergence: each off unless its weight is set, each logged by itself."""

from typing import Any

import torch
from torch import Tensor

from gem_plugin.gaussians.cloud import GaussianCloud
from gem_plugin.heterogeneity.losses.geometry import MOTION_TERMS, feature_difference
from gem_plugin.heterogeneity.losses.latent_neighbours import FIRST_EPOCH, LatentMemory, neighbour_contrast
from gem_plugin.heterogeneity.losses.neighbour_pairs import find_neighbour_pairs
from gem_plugin.heterogeneity.model import HeterogeneityModel
from gem_plugin.heterogeneity.settings import TrainSettings

EXTRA_TERMS = (*MOTION_TERMS, "smoothness", "latent_neighbour")  # each with a setting <name>_weight


class ExtraLosses:
    """Remembers the neighbours of the consensus and the latents of recent batches."""

    def __init__(self, model: HeterogeneityModel, settings: TrainSettings) -> None:
        self.model = model
        self.weights = {name: float(getattr(settings, f"{name}_weight")) for name in EXTRA_TERMS}
        needs_pairs = any(self.weights[name] for name in EXTRA_TERMS[:-1]) and model.n_gaussians > 1
        self.pairs = find_neighbour_pairs(model.positions_in_pixels) if needs_pairs else None
        self.memory = LatentMemory(model.latent_size) if self.weights["latent_neighbour"] else None

    @property
    def are_on(self) -> bool:
        return any(self.weights.values())

    def __call__(
        self, cloud: GaussianCloud, latent_means: Tensor, epoch: int, generator: torch.Generator
    ) -> tuple[Tensor, Tensor]:  # weighted sum (), and every term without its weight (len(EXTRA_TERMS),)
        """The terms of one batch; those that are off are NaN and count nothing."""
        terms = {
            **self._geometry(cloud, generator),
            **self._latent_neighbours(latent_means, epoch),
        }
        total = latent_means.new_zeros(())
        for name, value in terms.items():
            total = total + self.weights[name] * value
        off = latent_means.new_full((), float("nan"))
        return total, torch.stack([terms[name].detach() if name in terms else off for name in EXTRA_TERMS])

    def state(self) -> dict[str, Any]:
        return {} if self.memory is None else self.memory.state()

    def load_state(self, state: dict[str, Any]) -> None:
        if self.memory is not None and state:
            self.memory.load_state(state)

    def _geometry(self, cloud: GaussianCloud, generator: torch.Generator) -> dict[str, Tensor]:
        if self.pairs is None:
            return {}
        pairs = self.pairs.some(generator)
        positions = cloud.in_pixels(self.model.pixel_size_in_angstroms).positions
        displacements = positions - self.model.positions_in_pixels
        terms = {
            name: term(positions, displacements, pairs)
            for name, term in MOTION_TERMS.items()
            if self.weights[name]
        }
        if self.weights["smoothness"]:
            terms["smoothness"] = feature_difference(self.model.decoder.gaussian_features(), pairs)
        return terms

    def _latent_neighbours(self, latent_means: Tensor, epoch: int) -> dict[str, Tensor]:
        if self.memory is None:
            return {}
        remembered = self.memory.remembered().to(latent_means.device)
        self.memory.add(latent_means.detach().nan_to_num())
        if epoch < FIRST_EPOCH or not len(remembered):
            return {}
        return {"latent_neighbour": neighbour_contrast(latent_means, remembered)}
