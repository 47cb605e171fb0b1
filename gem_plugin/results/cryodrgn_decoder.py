"""Open a finished run of cryoDRGN as a source of maps. Only config, weights and latents are read, no images."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from gem_plugin.devices import choose_device
from gem_plugin.errors import InputError
from gem_plugin.heterogeneity.decoders.cryodrgn import (
    CryodrgnDecoder,
    encoding_frequencies,
    layers_from_weights,
)
from gem_plugin.io.foreign.cryodrgn import read_config, read_pickled_array, read_weights
from gem_plugin.landscape.volume_source import VolumeSource
from gem_plugin.results.decode_in_turn import decode_in_turn
from gem_plugin.results.stage_records import fingerprint

NEGATIVE_SLOPES = {"relu": 0.0, "leaky_relu": 0.01}


def open_cryodrgn_source(
    work_folder: Path,
    epoch: str,
    largest_box_size: int,
    pixel_size_in_angstroms: float | None,  # default: 1, as cryoDRGN's landscape
    flip: bool,
    devices: str = "cpu",  # one, or several divided by commas, which then share the decoding
) -> VolumeSource:
    """Latents and decoder of one epoch of train_vae, train_dec or abinit."""
    weights_path, latents_path = work_folder / f"weights.{epoch}.pkl", work_folder / f"z.{epoch}.pkl"
    decoder = read_decoder(work_folder / "config.yaml", weights_path)
    latents = np.asarray(read_pickled_array(latents_path), dtype=np.float32)
    latents = latents.reshape(len(latents), -1)
    box_size = min(largest_box_size, decoder.full_box_size)
    decoder.check_box(box_size)

    decoders = [decoder.on_device(str(choose_device(name.strip()))) for name in devices.split(",")]

    def decode(some_latents: np.ndarray) -> Iterator[np.ndarray]:
        parts = [partial(one.decode, box_size=box_size) for one in decoders]
        for volume in decode_in_turn(parts, some_latents):
            yield volume[::-1].copy() if flip else volume

    identity = f"{fingerprint(weights_path)} box {box_size} flip {flip}"
    return VolumeSource(
        latents,
        box_size,
        pixel_size_in_angstroms or 1.0,
        decode,
        decoding_is_slow=True,
        is_flipped=flip,
        identity=identity,
    )


def read_decoder(config_path: Path, weights_path: Path) -> CryodrgnDecoder:
    """The decoder network of a run, whichever program of cryoDRGN trained it."""
    config = read_config(config_path)
    checkpoint = read_weights(weights_path)
    if "hypervolume_params" in checkpoint:
        return _abinit_decoder(config, checkpoint)
    return _positional_decoder(config, checkpoint)


def original_rows(work_folder: Path) -> np.ndarray | None:
    """The particles that the run was trained on, where it was trained on some only (`ind` of its configuration)."""
    dataset = read_config(work_folder / "config.yaml").get("dataset_args") or {}
    given = dataset.get("ind")
    if not given or not isinstance(given, str):
        return None
    candidates = [Path(given), work_folder / given, work_folder / Path(given).name]
    found = next((path for path in candidates if path.is_file()), None)
    if found is None:
        raise InputError(
            f"The run was trained on the particles of {given}, which is no longer there. "
            f"Put the file into {work_folder}; without it the rows of the original stack are unknown."
        )
    return read_pickled_array(found).astype(np.int64)


def _positional_decoder(config: dict[str, Any], checkpoint: dict[str, Any]) -> CryodrgnDecoder:
    model, box_size = config["model_args"], int(config["lattice_args"]["D"]) - 1
    weights = {name.removeprefix("module."): value for name, value in checkpoint["model_state_dict"].items()}
    first = next((name for name in weights if name.endswith("decoder.main.0.weight")), None)
    first = first or next((name for name in weights if name.endswith("decoder.main.0.linear.weight")), None)
    if first is None:
        raise InputError(
            "The weights hold no decoder with positional encoding (pe_type none is not supported)."
        )
    prefix = first[: first.index("main.0.")] + "main."
    layers = layers_from_weights(weights, prefix)
    kind = model["pe_type"]
    if kind == "gaussian":
        name = next(name for name in weights if name.endswith("rand_freqs"))
        frequencies = weights[name].float() * (box_size // 2)
    else:
        frequencies = encoding_frequencies(kind, int(model["pe_dim"] or box_size // 2), box_size)
    return CryodrgnDecoder(
        layers=layers,
        frequencies=frequencies,
        is_grouped_by_axis=kind != "gaussian",
        latent_frequencies=None,
        negative_slope=NEGATIVE_SLOPES[model["activation"]],
        is_hartley=len(layers[-1][1]) == 1,
        full_box_size=box_size,
        norm=_norm(config, checkpoint),
        sphere_radius=None,
    )


def _abinit_decoder(config: dict[str, Any], checkpoint: dict[str, Any]) -> CryodrgnDecoder:
    parameters, weights = checkpoint["hypervolume_params"], checkpoint["hypervolume_state_dict"]
    box_size = int(parameters["resolution"]) - 1
    return CryodrgnDecoder(
        layers=layers_from_weights(weights, "mlp.main."),
        frequencies=weights["rand_freqs"].float() * (int(parameters["resolution"]) // 2),
        is_grouped_by_axis=False,
        latent_frequencies=weights.get("geom_freqs_conf"),
        negative_slope=0.0,
        is_hartley=True,
        full_box_size=box_size,
        norm=_norm(config, checkpoint),
        sphere_radius=checkpoint.get("output_mask_radius"),
    )


def _norm(config: dict[str, Any], checkpoint: dict[str, Any]) -> tuple[float, float]:
    dataset = config.get("dataset_args") or {}
    norm = dataset.get("norm") or checkpoint.get("norm")
    if norm is None and "data_norm_mean" in config:
        norm = (config["data_norm_mean"], config["data_norm_std"])
    if norm is None:
        raise InputError(
            "config.yaml holds neither dataset_args: norm nor data_norm_mean; cannot scale the maps."
        )
    return float(norm[0]), float(norm[1])
