"""Save a trained model and open it again; decode maps from it."""

import dataclasses
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gem_plugin.errors import InputError
from gem_plugin.gaussians.volume import render_volumes, render_volumes_without_aliasing
from gem_plugin.heterogeneity.architecture import ModelArchitecture, build_model
from gem_plugin.heterogeneity.decoders.gaussianem import GaussianEmArchitecture, GaussianEmModel
from gem_plugin.heterogeneity.model import HeterogeneityModel
from gem_plugin.io.checkpoints import read_checkpoint, write_checkpoint
from gem_plugin.io.run.files import RunFiles

LATENTS_AT_A_TIME = 4
GAUSSIANEM = "GaussianEM"  # the "program" of a checkpoint whose model was imported


def save_training(run: RunFiles, architecture: ModelArchitecture, state: dict[str, Any]) -> None:
    """Write the checkpoint: the model's shape, its weights, and all that training needs to go on."""
    write_checkpoint(run.checkpoint, {"architecture": dataclasses.asdict(architecture), **state})


def load_training(run: RunFiles) -> tuple[ModelArchitecture, dict[str, Any]]:
    """Read the checkpoint. Raises InputError when it is absent, broken or of another version."""
    content = read_checkpoint(run.checkpoint)
    try:
        return ModelArchitecture(**content["architecture"]), content
    except (KeyError, TypeError) as error:
        raise InputError(
            f"{run.checkpoint} does not describe a model of this version of GEM ({error}). Train again."
        ) from error


def save_gaussianem_model(run: RunFiles, model: GaussianEmModel) -> None:
    """Write a model of GaussianEM in place of one that was trained here."""
    architecture = dataclasses.asdict(model.architecture)
    write_checkpoint(
        run.checkpoint, {"program": GAUSSIANEM, "architecture": architecture, "model": model.state_dict()}
    )


def load_trained_model(run: RunFiles, device: str = "cpu") -> HeterogeneityModel | GaussianEmModel:
    """The model of a run, ready to decode; trained here, or imported from GaussianEM."""
    state = read_checkpoint(run.checkpoint)
    model: HeterogeneityModel | GaussianEmModel
    if state.get("program") == GAUSSIANEM:
        model = GaussianEmModel(GaussianEmArchitecture(**state["architecture"]))
    else:
        architecture, state = load_training(run)
        model = build_model(architecture, None, torch.Generator().manual_seed(0))
    try:
        model.load_state_dict(state["model"])
    except (KeyError, RuntimeError) as error:
        raise InputError(f"{run.checkpoint} has weights of another shape ({error}). Train again.") from error
    return model.to(device).eval().requires_grad_(False)


def decode_volumes(
    model: HeterogeneityModel | GaussianEmModel,
    latents: np.ndarray,  # (n, latent_size)
    box_size: int | None = None,  # default: the model's
    pixel_size_in_angstroms: float | None = None,  # default: so that the box keeps its width
    without_aliasing: bool = False,  # see render_volumes_without_aliasing
) -> Iterator[np.ndarray]:  # (box, box, box) float32 each, ordered zyx
    """Decode maps one after another; memory does not grow with their number."""
    for volumes in decode_batches(model, latents, box_size, pixel_size_in_angstroms, without_aliasing):
        yield from volumes.cpu().numpy()


def decode_batches(
    model: HeterogeneityModel | GaussianEmModel,
    latents: np.ndarray,  # (n, latent_size)
    box_size: int | None = None,
    pixel_size_in_angstroms: float | None = None,
    without_aliasing: bool = False,
) -> Iterator[Tensor]:  # (batch, box, box, box) each, on the device of the model
    """The same maps, a few at a time, where the model lies."""
    box = box_size or model.box_size
    pixel_size = pixel_size_in_angstroms or model.pixel_size_in_angstroms * model.box_size / box
    render = render_volumes_without_aliasing if without_aliasing else render_volumes
    device = model.positions_in_pixels.device
    for start in range(0, len(latents), LATENTS_AT_A_TIME):
        part = torch.as_tensor(
            np.asarray(latents[start : start + LATENTS_AT_A_TIME], np.float32), device=device
        )
        with torch.no_grad():
            volumes = render(model.gaussians_at(part), box, pixel_size)
        yield volumes  # out of the block, whose state would reach the reader
