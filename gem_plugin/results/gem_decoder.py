"""The trained model of a run as a source of maps."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from gem_plugin.errors import InputError
from gem_plugin.gaussians.cloud import GaussianCloud
from gem_plugin.io.run.files import RunFiles
from gem_plugin.landscape.volume_source import VolumeSource
from gem_plugin.results.decode_in_turn import decode_in_turn

if TYPE_CHECKING:
    from torch import Tensor


def open_volume_source(
    run: RunFiles,
    largest_box_size: int | None = None,  # maps are made smaller than the model's box, never larger
    pixel_size_in_angstroms: float | None = None,  # overrides the run's, for the headers and masks only
    flip: bool = False,  # mirror the maps along z: the other hand
    devices: str = "cpu",  # one, or several divided by commas, which then share the decoding
) -> VolumeSource:
    """The latents and decoder of a finished training."""
    from gem_plugin.devices import choose_device
    from gem_plugin.results.model import decode_batches, decode_volumes, load_trained_model

    latents = read_latents(run)
    models = [load_trained_model(run, str(choose_device(name.strip()))) for name in devices.split(",")]
    model = models[0]
    box_size = min(largest_box_size or model.box_size, model.box_size)
    true_pixel_size = model.pixel_size_in_angstroms * model.box_size / box_size

    def decode(some_latents: np.ndarray, without_aliasing: bool = False) -> Iterator[np.ndarray]:
        decoders = [
            partial(decode_volumes, one, box_size=box_size, without_aliasing=without_aliasing)
            for one in models
        ]
        for volume in decode_in_turn(decoders, some_latents):
            yield volume[::-1].copy() if flip else volume

    def decode_on_device(some_latents: np.ndarray) -> Iterator[Tensor]:
        decoders = [partial(decode_batches, one, box_size=box_size) for one in models]
        for volumes in decode_in_turn(decoders, some_latents):
            yield from (volumes.flip(1) if flip else volumes).to(model.positions_in_pixels.device)

    def clouds_at(some_latents: np.ndarray) -> GaussianCloud:
        import torch

        device = model.positions_in_pixels.device
        with torch.no_grad():
            return model.gaussians_at(torch.as_tensor(np.array(some_latents, np.float32), device=device))

    identity = f"{_content_hash(run.checkpoint)} box {box_size} flip {flip}"
    pixel_size = pixel_size_in_angstroms or true_pixel_size
    return VolumeSource(
        latents,
        box_size,
        pixel_size,
        decode,
        clouds_at,
        true_pixel_size,
        is_flipped=flip,
        identity=identity,
        decode_for_files=partial(decode, without_aliasing=True),
        decode_on_device=decode_on_device,
        device=str(model.positions_in_pixels.device),
    )


def read_latents(run: RunFiles) -> np.ndarray:  # (n, latent_size) float32
    """The latents of all particles of a run."""
    if not run.latents.is_file():
        raise InputError(
            f"{run.latents} is missing: no particle has latents yet. Run `gem-em train {run.root}` first."
        )
    return np.load(run.latents, allow_pickle=False)


def _content_hash(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "no file"
