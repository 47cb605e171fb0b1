"""A symmetric complex in a RELION project, refined with its symmetry, and its particles expanded by it."""

from pathlib import Path

import numpy as np
import torch
from relion_projects import RelionProject
from scipy.spatial.transform import Rotation

from gem_plugin.gaussians.cloud import GaussianCloud
from gem_plugin.gaussians.simulated_images import simulate_images
from gem_plugin.gaussians.volume import render_volumes
from gem_plugin.imaging.symmetry import symmetry_operators
from gem_plugin.io.mrc.maps import write_map
from gem_plugin.particles.ctf_parameters import ctf_parameters_of
from gem_plugin.particles.from_relion import read_relion_particles

BOX, PIXEL_SIZE, NOISE = 32, 5.0, 1.0
ANGLES = ("_rlnAngleRot", "_rlnAngleTilt", "_rlnAnglePsi")


def symmetric_cloud(symmetry: str) -> GaussianCloud:
    """Ten Gaussians a subunit."""
    operators = torch.from_numpy(symmetry_operators(symmetry)).float()
    subunit = torch.tensor([28.0, 6.0, 10.0]) + 9 * torch.randn(
        10, 3, generator=torch.Generator().manual_seed(2)
    )
    positions = torch.einsum("gij,nj->gni", operators, subunit).reshape(-1, 3)
    return GaussianCloud(positions, torch.ones(len(positions)), torch.full((len(positions),), 6.0))


def make_symmetric_set(folder: Path, symmetry: str, n_images: int = 120) -> RelionProject:
    """Images of random views in three stacks, with CTF, shifts and noise; half-sets alternate."""
    generator = np.random.default_rng(4)
    project = RelionProject(folder, n_particles=n_images, box_size=BOX)
    project.optics[0] |= {"_rlnImageSize": str(BOX), "_rlnImagePixelSize": f"{PIXEL_SIZE:.6f}"}
    angles = Rotation.random(n_images, rng=generator).as_euler("ZYZ", degrees=True)
    for label, values in zip(ANGLES, angles.T, strict=True):
        project.columns[label] = [f"{value:.6f}" for value in values]
    project.columns["_rlnImageName"] = [
        f"{row // 3 + 1:06d}@Extract/job005/mic{row % 3}.mrcs" for row in range(n_images)
    ]
    for label in ("_rlnOriginXAngst", "_rlnOriginYAngst"):
        project.columns[label] = [f"{value:.6f}" for value in generator.uniform(-6, 6, n_images)]
    for label in ("_rlnDefocusU", "_rlnDefocusV"):
        project.columns[label] = [f"{value:.6f}" for value in generator.uniform(9000, 20000, n_images)]
    table = read_relion_particles(project.write_star())
    cloud = symmetric_cloud(symmetry)
    images = simulate_images(
        cloud,
        torch.from_numpy(table.rotation_matrices),
        torch.from_numpy(table.shifts_in_angstroms),
        ctf_parameters_of(table),
        BOX,
        PIXEL_SIZE,
    )
    noise = torch.randn(images.shape, generator=torch.Generator().manual_seed(5)) * NOISE
    signal = images / images.std() * 0.7
    project.write_stacks((signal + noise).numpy())
    write_map(
        project.map, (render_volumes(cloud, BOX, PIXEL_SIZE)[0] * 0.7 / images.std()).numpy(), PIXEL_SIZE
    )
    return project


def expanded(project: RelionProject, order: int) -> RelionProject:
    """The set expanded by Cn as RELION does it: each row, then its copies turned about z, adjacent."""
    rows = np.repeat(np.arange(project.n_particles), order)
    columns = {label: [values[row] for row in rows] for label, values in project.columns.items()}
    turns = np.tile(np.arange(order), project.n_particles) * 360 / order
    columns[ANGLES[0]] = [f"{float(rot) + turn:.6f}" for rot, turn in zip(columns[ANGLES[0]], turns)]
    more = RelionProject(project.folder, len(rows), project.box_size, project.optics, columns)
    more.write_star()
    return more


def particle_lines(star: Path) -> list[str]:
    """The rows of the particles as they stand in the file."""
    return [line for line in star.read_text().splitlines() if "@" in line]
