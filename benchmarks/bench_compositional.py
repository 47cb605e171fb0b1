"""Parts present or absent: how well the states of a simulated molecule come back from the latents of a default run.

The phantom's stem alone, with either arm, and with both; SNR 0.01 in the field of view of CryoBench (384 Angstrom).
The states found by k-means of the latents (with the true number) are compared with the truth by the adjusted Rand index.
Beside it stands what the images allow at all: the same index for an oracle that knows the exact structure of every state
and gives each image to the most likely one.
"""

import argparse
import dataclasses
import json
from pathlib import Path

import numpy as np
import torch
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score
from torch import Tensor

from gem_plugin.gaussians.cloud import GaussianCloud
from gem_plugin.gaussians.projection import project_gaussians
from gem_plugin.heterogeneity.observations import Observations, row_chunks
from gem_plugin.heterogeneity.settings import TrainSettings
from gem_plugin.io.run.files import RunFiles
from gem_plugin.progress import Progress
from gem_plugin.steps.consensus.settings import ConsensusSettings
from gem_plugin.steps.consensus.step import run_consensus
from gem_plugin.steps.prepare.settings import PrepareSettings
from gem_plugin.steps.prepare.step import run_prepare
from gem_plugin.steps.simulate.settings import SimulateSettings
from gem_plugin.steps.simulate.step import run_simulate
from gem_plugin.steps.train.images import open_observations
from gem_plugin.steps.train.step import run_train

GOAL = 0.9
IMAGES_AT_A_TIME = 100


def main() -> None:
    options = parse_options()
    data, run = options.out / "data", RunFiles(options.out / "run")
    make_data(data, options)
    train(data, run, options)
    with np.load(data / "truth.npz", allow_pickle=False) as truth:
        states = truth["which"]
        oracle = most_likely_states(run, truth)
    latents = np.load(run.latents)
    found = KMeans(len(np.unique(states)), n_init=10, random_state=0).fit_predict(latents)
    result = {
        "particles": len(states),
        "box": options.box,
        "snr": options.snr,
        "latent_spread": np.round(latents.std(0), 2).tolist(),
        "adjusted_rand_index": round(float(adjusted_rand_score(states, found)), 4),
        "goal": GOAL,
        "oracle": round(float(adjusted_rand_score(states, oracle)), 4),
    }
    print(json.dumps(result, indent=2))


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument(
        "--out", type=Path, default=Path("compositional"), help="folder; what is there is kept"
    )
    parser.add_argument("--particles", type=int, default=5000)
    parser.add_argument("--box", type=int, default=96, help="pixels")
    parser.add_argument("--apix", type=float, default=4.0, help="Angstrom")
    parser.add_argument("--snr", type=float, default=0.01)
    parser.add_argument("--train", default="{}", help='settings of training as JSON, as in {"epochs": 20}')
    return parser.parse_args()


def make_data(data: Path, options: argparse.Namespace) -> None:
    if (data / "truth.npz").exists():
        return
    settings = SimulateSettings(
        out=data,
        phantom="missing-arms",
        n_particles=options.particles,
        box=options.box,
        pixel_size=options.apix,
        snr=options.snr,
    )
    run_simulate(settings, Progress())


def train(data: Path, run: RunFiles, options: argparse.Namespace) -> None:
    if not run.consensus_map.exists():
        run_prepare(run, PrepareSettings(particles=data / "particles.star"), Progress())
        run_consensus(run, ConsensusSettings(map=data / "consensus.mrc"), Progress())
    if not run.latents.exists():
        run_train(run, dataclasses.replace(TrainSettings(), **json.loads(options.train)), Progress())


def most_likely_states(run: RunFiles, truth: np.lib.npyio.NpzFile) -> np.ndarray:  # (n,)
    """The state of lowest squared error for every image, with the true structures and the best common grey scale."""
    observations, table = open_observations(run)
    states = truth["which"]
    losses = []
    for state, (positions, amplitudes) in enumerate(zip(truth["xyz"], truth["weight"], strict=True)):
        widths = torch.full((len(amplitudes),), float(truth["atom_width"]))
        cloud = GaussianCloud(torch.from_numpy(positions), torch.from_numpy(amplitudes), widths)
        explained, matched = inner_products(cloud.in_pixels(table.pixel_size_in_angstroms), observations)
        is_state = torch.from_numpy(states == state)
        scale = matched[is_state].sum() / explained[is_state].sum()
        losses.append(scale**2 * explained / 2 - scale * matched)
    return torch.stack(losses).argmin(0).numpy()


def inner_products(cloud: GaussianCloud, observations: Observations) -> tuple[Tensor, Tensor]:  # (n,) each
    """P h P and P g of every image, for one cloud in pixels."""
    explained, matched = [], []
    for rows in row_chunks(len(observations), IMAGES_AT_A_TIME):
        batch = observations.batch(rows)
        images = project_gaussians(cloud, batch.rotation_matrices, observations.box_size)
        filtered = torch.fft.irfft2(torch.fft.rfft2(images) * batch.filters, s=images.shape[-2:])
        explained.append((images * filtered).sum((1, 2)))
        matched.append((images * batch.images).sum((1, 2)))
    return torch.cat(explained), torch.cat(matched)


if __name__ == "__main__":
    main()
