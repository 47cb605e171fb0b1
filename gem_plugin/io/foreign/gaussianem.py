"""GaussianEM's own files: cfg.json, point_cloud.ply, weights.N.pkl, weights.N.output.pkl.

Positions are in half boxes (-1 to 1), xyz from the rotation centre; widths lie between scale_min and scale_max, which are
fractions of the box; a density is the height of a Gaussian. In the PLY file densities are stored before a softplus and
widths before a sigmoid between the two bounds ("raw" below).
"""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from plyfile import PlyData, PlyElement, PlyParseError
from torch import Tensor

from gem_plugin.errors import InputError
from gem_plugin.io.foreign.pickled_arrays import read_pickled_arrays
from gem_plugin.io.foreign.tensors import load_tensors
from gem_plugin.io.whole_files import whole_file, write_text_whole

NETWORK_SIZES = (
    "gaussian_kdim",
    "gaussian_klayers",
    "gaussian_embedding_dim",
    "feature_kdim",
    "feature_klayers",
    "feature_dim",
)
PLY_FIELDS = ("x", "y", "z", "nx", "ny", "nz", "density", "scale_0", "rot_0", "rot_1", "rot_2", "rot_3")
NO_WHOLE_WEIGHTS = "It is not a whole weights.N.pkl of GaussianEM."
READ_FIELDS = ("x", "y", "z", "density", "scale_0")


@dataclass(frozen=True)
class GaussianEmConfig:
    """What cfg.json says of the box and the model."""

    box_size: int  # pixels
    pixel_size_in_angstroms: float
    scale_min: float  # smallest and largest width, as fractions of the box
    scale_max: float
    latent_size: int
    network_sizes: dict[str, int]  # by the names in NETWORK_SIZES
    image_encoder_width: int = 1024  # qdim
    image_encoder_layers: int = 2  # qlayers
    image_standard_deviation: float = 1.0  # images were divided by it
    inverts_contrast: bool = True


class GaussianEmCloud(NamedTuple):
    """The Gaussians as the PLY file holds them."""

    positions_in_half_boxes: np.ndarray  # (n, 3) float32, xyz
    raw_densities: np.ndarray  # (n,), before softplus
    raw_widths: np.ndarray  # (n,), before the sigmoid


def read_gaussianem_config(path: Path) -> GaussianEmConfig:
    """Read cfg.json; InputError names the entry that is absent or wrong."""
    try:
        cfg = json.loads(Path(path).read_text(encoding="utf-8"))["cfg"]
        return GaussianEmConfig(
            box_size=int(cfg["nDetector"][0]),
            pixel_size_in_angstroms=float(cfg["pixelSize"]),
            scale_min=float(cfg["scale_min"]),
            scale_max=float(cfg["scale_max"]),
            latent_size=int(cfg["zdim"]),
            network_sizes={name: int(cfg[name]) for name in NETWORK_SIZES},
            image_encoder_width=int(cfg["qdim"]),
            image_encoder_layers=int(cfg["qlayers"]),
            image_standard_deviation=float(cfg["std"]),
            inverts_contrast=bool(cfg["invert_contrast"]),
        )
    except FileNotFoundError as error:
        raise InputError(f"{path} is missing. Expected GaussianEM's cfg.json.") from error
    except KeyError as error:
        raise InputError(f"{path} has no entry {error}. Expected a cfg.json of GaussianEM.") from error
    except (ValueError, TypeError, IndexError, AttributeError, OverflowError, RecursionError) as error:
        raise InputError(f"{path} is not a cfg.json of GaussianEM ({error}).") from error


def write_gaussianem_config(path: Path, config: GaussianEmConfig) -> None:
    """Write cfg.json with the entries that GaussianEM's commands read."""
    box, size = config.box_size, config.pixel_size_in_angstroms
    cfg: dict[str, Any] = {
        "mode": "parallel", "filter": None, "nDetector": [box, box], "sDetector": [box * size, box * size],
        "nVoxel": [box, box, box], "sVoxel": [2.0, 2.0, 2.0], "offOrigin": [0, 0, 0], "offDetector": [0, 0, 0],
        "accuracy": 0.5, "ctf": True, "invert_contrast": config.inverts_contrast, "pixelSize": size,
        "scale_min": config.scale_min, "scale_max": config.scale_max, "std": config.image_standard_deviation,
        "qlayers": config.image_encoder_layers, "qdim": config.image_encoder_width, "zdim": config.latent_size,
        **config.network_sizes,
    }  # fmt: skip
    write_text_whole(path, json.dumps({"bbox": [[-1, -1, -1], [1, 1, 1]], "cfg": cfg}) + "\n")


def read_gaussianem_cloud(path: Path) -> GaussianEmCloud:
    """Read point_cloud.ply."""
    if not Path(path).is_file():
        raise InputError(f"{path} is missing. Expected GaussianEM's point_cloud.ply.")
    try:
        vertices = PlyData.read(str(path))["vertex"].data
    except (PlyParseError, KeyError, ValueError, EOFError) as error:
        raise InputError(f"{path} is not a readable PLY file ({error}).") from error
    missing = [name for name in READ_FIELDS if name not in (vertices.dtype.names or ())]
    if missing:
        raise InputError(
            f"{path}: the vertices have no {', '.join(missing)}. Expected GaussianEM's point_cloud.ply."
        )
    x, y, z, densities, widths = (np.asarray(vertices[name], np.float32) for name in READ_FIELDS)
    if not len(x) or not all(np.isfinite(values).all() for values in (x, y, z, densities, widths)):
        raise InputError(f"{path}: expected at least one Gaussian and finite numbers only.")
    return GaussianEmCloud(np.stack([x, y, z], 1), densities, widths)


def write_gaussianem_cloud(path: Path, cloud: GaussianEmCloud) -> None:
    """Write a PLY file that GaussianEM loads: isotropic, without rotation."""
    vertices = np.zeros(len(cloud.raw_densities), dtype=[(name, "f4") for name in PLY_FIELDS])
    for axis, name in enumerate("xyz"):
        vertices[name] = cloud.positions_in_half_boxes[:, axis]
    vertices["density"], vertices["scale_0"], vertices["rot_0"] = cloud.raw_densities, cloud.raw_widths, 1
    with whole_file(path) as temporary:
        PlyData([PlyElement.describe(vertices, "vertex")]).write(str(temporary))


def read_gaussianem_weights(path: Path) -> dict[str, Tensor]:
    """The model_state_dict of weights.N.pkl; tensors only, no code from the file runs."""
    content = load_tensors(Path(path), NO_WHOLE_WEIGHTS)
    weights = content.get("model_state_dict") if isinstance(content, dict) else None
    if not isinstance(weights, dict) or not all(isinstance(value, Tensor) for value in weights.values()):
        raise InputError(f"{path} has no table model_state_dict of tensors. {NO_WHOLE_WEIGHTS}")
    return weights


def read_gaussianem_latents(path: Path) -> tuple[np.ndarray, np.ndarray]:  # (n, latent_size), (n,) rows
    """z_mu and ind of weights.N.output.pkl, sorted by ind: the rows of GaussianEM's particle stack."""
    content = read_pickled_arrays(path)
    try:
        latents = np.asarray(content["z_mu"], np.float32)
        rows = np.asarray(content["ind"]).astype(np.int64).ravel()
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise InputError(f"{path} has no arrays z_mu and ind. Expected weights.N.output.pkl.") from error
    if latents.ndim != 2 or len(rows) != len(latents) or len(np.unique(rows)) != len(rows):
        raise InputError(
            f"{path}: z_mu has shape {latents.shape} and ind {len(rows)} entries, {len(np.unique(rows))} of them different; "
            "expected one row of z_mu for each particle."
        )
    order = np.argsort(rows)
    return latents[order], rows[order]


def newest_weights(folder: Path) -> Path:
    """weights.N.pkl with the largest N."""
    found = {
        int(match[1]): path
        for path in Path(folder).glob("weights.*.pkl")
        if (match := re.fullmatch(r"weights\.(\d+)\.pkl", path.name))
    }
    if not found:
        raise InputError(f"{folder} has no weights.N.pkl. Give the output folder of GaussianEM's training.")
    return found[max(found)]
