"""From images to latents: the model, its training, and how particles get their latents. Tensors only, no files."""

from gem_plugin.heterogeneity.model import HeterogeneityModel
from gem_plugin.heterogeneity.observations import Observations
from gem_plugin.heterogeneity.settings import TrainSettings
from gem_plugin.heterogeneity.training import Trainer

__all__ = ["HeterogeneityModel", "Observations", "TrainSettings", "Trainer"]
