"""Run folders whose networks are of the default size but were never trained: time does not depend on the weights.

Not a benchmark itself: the landscape benchmarks work on these.
"""

import pickle
import subprocess
from pathlib import Path

import mrcfile
import numpy as np
import torch
from scipy.spatial.transform import Rotation

from gem_plugin.gaussians.cloud import GaussianCloud, LengthUnit
from gem_plugin.heterogeneity.architecture import architecture_for, build_model
from gem_plugin.heterogeneity.settings import TrainSettings
from gem_plugin.io.array_files import write_array
from gem_plugin.io.run.files import RunFiles
from gem_plugin.results.model import save_training

WIDTH_IN_PIXELS = 0.7
EXTENT_OF_BOX = 1 / 9  # standard deviation of the positions: about that of an antibody in its box
MOTION_IN_EXTENTS = 0.15  # typical displacement


def write_gaussian_run(
    folder: Path, n_particles: int, n_gaussians: int, box_size: int, pixel_size_in_angstroms: float
) -> RunFiles:
    """A model of the default architecture with random motions, and latents on a ring."""
    generator = torch.Generator().manual_seed(0)
    cloud = GaussianCloud(
        torch.randn(n_gaussians, 3, generator=generator) * box_size * EXTENT_OF_BOX,
        0.5 + torch.rand(n_gaussians, generator=generator),
        torch.full((n_gaussians,), WIDTH_IN_PIXELS),
        LengthUnit.PIXEL,
    )
    settings = TrainSettings()
    architecture = architecture_for(settings, n_gaussians, box_size, pixel_size_in_angstroms)
    model = build_model(architecture, cloud, generator)
    angles = np.random.default_rng(0).uniform(0, 2 * np.pi, n_particles)
    latents = np.zeros((n_particles, settings.latent_size), np.float32)
    latents[:, 0], latents[:, 1] = 2 * np.cos(angles), 2 * np.sin(angles)
    with torch.no_grad():
        moved = model.decoder(torch.from_numpy(latents[:100])).displacements_in_pixels.std(0).mean()
        last = model.decoder.gaussian_encoder[-1]
        factor = MOTION_IN_EXTENTS * cloud.positions.std() / moved
        last.weight *= factor
        last.bias *= factor
    run = RunFiles(folder)
    save_training(run, architecture, {"model": model.state_dict()})
    write_array(run.latents, latents)
    return run


def write_cryodrgn_run(
    folder: Path, program: Path, n_particles: int, box_size: int, pixel_size_in_angstroms: float
) -> None:
    """One epoch of train_vae with its default networks (1024 x 3) on images of noise; leaves epoch 1."""
    folder.mkdir(parents=True)
    generator = np.random.default_rng(0)
    with mrcfile.new(folder / "particles.mrcs") as stack:
        stack.set_data(generator.normal(size=(n_particles, box_size, box_size)).astype(np.float32))
        stack.voxel_size = pixel_size_in_angstroms
    rotations = Rotation.random(n_particles, random_state=0).as_matrix().astype(np.float32)
    poses = (rotations, np.zeros((n_particles, 2), np.float32))
    (folder / "poses.pkl").write_bytes(pickle.dumps(poses))
    # box, pixel size, defocus u and v, its angle, voltage, spherical aberration, amplitude contrast, phase shift
    row = [box_size, pixel_size_in_angstroms, 15000, 15200, 30, 300, 2.7, 0.1, 0]
    (folder / "ctf.pkl").write_bytes(pickle.dumps(np.tile(np.array(row, np.float32), (n_particles, 1))))
    inputs = [folder / "particles.mrcs", "--poses", folder / "poses.pkl", "--ctf", folder / "ctf.pkl"]
    command = [program, "train_vae", *inputs, "--zdim", 8, "-n", 1, "--no-analysis", "-o", folder]
    subprocess.run([str(word) for word in command], check=True, capture_output=True)
