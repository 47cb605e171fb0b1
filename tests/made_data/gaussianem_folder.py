"""A folder as GaussianEM leaves it, made here from plain torch modules with its names. Nothing of its program is used."""

import json
import pickle
from pathlib import Path

import numpy as np
import torch
from plyfile import PlyData, PlyElement
from torch import nn

BOX, PIXEL_SIZE, LATENT_SIZE, N_GAUSSIANS, N_PARTICLES = 24, 5.0, 3, 60, 40
SCALE_MIN, SCALE_MAX = 0.5 / BOX, 1.0 / BOX  # 0.5 to 1 pixel
SIZES = {
    "gaussian_kdim": 16, "gaussian_klayers": 2, "gaussian_embedding_dim": 8,
    "feature_kdim": 12, "feature_klayers": 1, "feature_dim": 20,
}  # fmt: skip
PLY_FIELDS = ("x", "y", "z", "nx", "ny", "nz", "density", "scale_0", "rot_0", "rot_1", "rot_2", "rot_3")


class Reference(nn.Module):
    """The published layout: names, layer order and activations."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.ModuleDict(
            {"main": nn.Sequential(nn.Linear(BOX * BOX, 8), nn.ReLU(), nn.BatchNorm1d(8), nn.Linear(8, 6))}
        )
        self.gaussian_embedding = nn.Sequential(
            nn.Linear(5, 16), nn.ReLU(), nn.Linear(16, 16), nn.ReLU(), nn.Linear(16, 16), nn.ReLU(),
            nn.Linear(16, 8), nn.LayerNorm(8),
        )  # fmt: skip
        self.feature_decoder = nn.Sequential(
            nn.Linear(LATENT_SIZE + 8, 12), nn.ReLU(), nn.Linear(12, 12), nn.ReLU(), nn.Linear(12, 20)
        )
        self.d_density = nn.Sequential(nn.Linear(20, 20), nn.ReLU(), nn.Linear(20, 1))
        self.d_scaling = nn.Sequential(nn.Linear(20, 20), nn.ReLU(), nn.Linear(20, 1))
        self.d_xyz = nn.Sequential(nn.Linear(20, 20), nn.ReLU(), nn.Linear(20, 3))

    @torch.no_grad()
    def decode(self, latent: torch.Tensor, raw: torch.Tensor, with_widths: bool):
        """Heights, widths in pixels and positions in half boxes for one latent; raw (n, 5): density, scale, x, y, z."""
        embedding = self.gaussian_embedding(raw)
        features = self.feature_decoder(torch.cat([latent.expand(len(raw), -1), embedding], 1))
        heights = nn.functional.softplus(raw[:, 0] + self.d_density(features)[:, 0])
        scale = raw[:, 1] + (self.d_scaling(features)[:, 0] if with_widths else 0)
        widths = BOX * (torch.sigmoid(scale) * (SCALE_MAX - SCALE_MIN) + SCALE_MIN)
        return heights, widths, raw[:, 2:] + self.d_xyz(features)


def write_gaussianem_folder(folder: Path) -> tuple[Reference, torch.Tensor, np.ndarray]:
    """Write the four files; gives the network, the raw values (n, 5) and the latents in the order of the particles."""
    folder.mkdir(parents=True, exist_ok=True)
    generator = torch.Generator().manual_seed(0)
    torch.manual_seed(0)
    network = Reference().eval()
    raw = torch.randn(N_GAUSSIANS, 5, generator=generator)
    raw[:, 2:] *= 0.2
    latents = torch.randn(N_PARTICLES, LATENT_SIZE, generator=generator).numpy()
    order = torch.randperm(N_PARTICLES, generator=generator).numpy()
    cfg = {
        "mode": "parallel", "nDetector": [BOX, BOX], "nVoxel": [BOX] * 3, "sVoxel": [2.0] * 3, "pixelSize": PIXEL_SIZE,
        "scale_min": SCALE_MIN, "scale_max": SCALE_MAX, "std": 1.3, "invert_contrast": True,
        "qlayers": 0, "qdim": 8, "zdim": LATENT_SIZE, **SIZES,
    }  # fmt: skip
    (folder / "cfg.json").write_text(json.dumps({"bbox": [[-1, -1, -1], [1, 1, 1]], "cfg": cfg}))
    _write_ply(folder / "point_cloud.ply", raw.numpy())
    for epoch in (2, 19):
        torch.save(
            {"epoch": epoch, "model_state_dict": network.state_dict()}, folder / f"weights.{epoch}.pkl"
        )
    with open(folder / "weights.19.output.pkl", "wb") as handle:
        pickle.dump({"z_mu": latents[order], "ind": order[:, None]}, handle)
    return network, raw, latents


def _write_ply(path: Path, raw: np.ndarray) -> None:
    vertices = np.zeros(len(raw), dtype=[(name, "f4") for name in PLY_FIELDS])
    for column, name in enumerate(("density", "scale_0", "x", "y", "z")):
        vertices[name] = raw[:, column]
    vertices["rot_0"] = 1
    PlyData([PlyElement.describe(vertices, "vertex")]).write(str(path))
