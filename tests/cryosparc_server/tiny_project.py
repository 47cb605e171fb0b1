"""A tiny but real refinement in the made-up project: particles of a bent molecule, their images, map and mask."""

from pathlib import Path

import mrcfile
import numpy as np
import torch
from cryosparc_rows import make_rows

from cryosparc_server.instance import Instance
from gem_plugin.gaussians.cloud import GaussianCloud
from gem_plugin.gaussians.projection import project_gaussians
from gem_plugin.gaussians.volume import render_volumes
from gem_plugin.imaging.ctf import ctf_half_spectra
from gem_plugin.imaging.fourier import shift_images
from gem_plugin.io.cryosparc.jobs import CryosparcParticles
from gem_plugin.particles.ctf_parameters import ctf_parameters_of
from gem_plugin.particles.from_cryosparc import table_from_cryosparc

BOX_SIZE, PIXEL_SIZE = 32, 4.0  # pixels, Angstrom
N_PARTICLES = 120
NOISE = 0.5  # times the deviation of the noise-free images


def add_tiny_refinement(instance: Instance, uid: str = "J42", n_particles: int = N_PARTICLES) -> np.ndarray:
    """Put a finished refinement with real images into the instance; gives its joined rows."""
    rows = make_rows(n_particles, box_size=BOX_SIZE, pixel_size=PIXEL_SIZE)
    rows["alignments3D/psize_A"] = PIXEL_SIZE
    table = table_from_cryosparc(CryosparcParticles(rows, Path("tiny.cs"), Path()))
    parameters = ctf_parameters_of(table)
    random = np.random.default_rng(4)
    bends = random.uniform(0, 1, n_particles)
    clouds = [_molecule(bend) for bend in bends]
    matrices = torch.from_numpy(table.rotation_matrices)
    images = torch.cat(
        [
            project_gaussians(cloud, matrix[None], BOX_SIZE, PIXEL_SIZE)
            for cloud, matrix in zip(clouds, matrices)
        ]
    )
    images = shift_images(images, -torch.from_numpy(table.shifts_in_angstroms) / PIXEL_SIZE)
    spectra = torch.fft.rfft2(images) * ctf_half_spectra(parameters, BOX_SIZE, PIXEL_SIZE)
    clean = torch.fft.irfft2(spectra, s=(BOX_SIZE, BOX_SIZE)).numpy()
    noisy = -(clean / clean.std() + NOISE * random.normal(size=clean.shape)).astype(
        np.float32
    )  # dark on light
    for path in np.unique(rows["blob/path"]).tolist():
        chosen = rows["blob/path"] == path
        stack = instance.folder / path.decode()
        stack.parent.mkdir(parents=True, exist_ok=True)
        with mrcfile.new(stack) as mrc:
            mrc.set_data(noisy[chosen])
            mrc.voxel_size = PIXEL_SIZE
    volume = render_volumes(_molecule(0.5), BOX_SIZE, PIXEL_SIZE)[0].numpy()
    instance.add_refinement(uid, rows, volume, PIXEL_SIZE, (volume > 0.1 * volume.max()).astype(np.float32))
    return rows


def _molecule(bend: float) -> GaussianCloud:
    """A rod with an arm that turns about its end by up to 60 degrees."""
    along = torch.linspace(-30, 30, 12)
    body = torch.stack([along, torch.zeros(12), torch.zeros(12)], dim=1)
    reach = torch.linspace(5, 30, 6)
    angle = torch.tensor(np.radians(60.0) * bend)
    arm = torch.stack(
        [30 + reach * torch.cos(angle), reach * torch.sin(angle), reach * 0.3], dim=1
    ) - torch.tensor([20.0, 0, 0])
    positions = torch.cat([body, arm]).float()
    return GaussianCloud(positions, torch.ones(len(positions)), torch.full((len(positions),), 5.0))
