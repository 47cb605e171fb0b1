"""Images of a molecule of several states, with whatever real images have: wrong poses, junk, ice, neighbours.

The same files as make_dataset.py's: particles.star and .mrcs, a consensus map with half-maps from the noisy images, truth.npz.
"""

import dataclasses
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from scipy.spatial.transform import Rotation
from torch import Tensor

from gem_plugin.gaussians.cloud import GaussianCloud
from gem_plugin.gaussians.simulated_images import simulate_images
from gem_plugin.imaging.back_projection import BackProjection, combine_half_maps
from gem_plugin.imaging.resolution import RESOLUTION_FSC
from gem_plugin.io.array_files import write_arrays
from gem_plugin.io.mrc.maps import write_map
from gem_plugin.io.mrc.stacks import write_stack
from gem_plugin.io.star.write import write_new_star
from gem_plugin.particles.ctf_parameters import ctf_parameters_of
from gem_plugin.particles.random_acquisition import Microscope, disturbed_poses, draw_acquisition
from gem_plugin.particles.table import ParticleTable
from gem_plugin.particles.to_relion import (
    relion_angles_in_degrees,
    relion_optics_columns,
    relion_particle_columns,
)
from truth.known_truth import MOLECULE, NOISE_ALONE, TRUTH_FILE, WRONG_POSE
from truth.molecules import Molecule

SNR = 0.04  # ratio of variances in the final images: that of make_dataset.py's usual set
BATCH_SIZE = 100
IMAGES_FOR_SIGNAL = 500
B_FACTOR = 100.0  # of the envelope, square Angstrom
ICE_LENGTH_IN_ANGSTROMS = 40.0  # the coloured part of the noise falls as exp(-40 A x frequency)
DISTANCE_OF_NEIGHBOURS = (0.42, 0.55)  # from the centre, as a fraction of the box


@dataclass(frozen=True)
class Imaging:
    """How the images are made; the disturbances are off by default."""

    n_particles: int
    box_size: int  # pixels
    pixel_size_in_angstroms: float
    seed: int
    largest_shift_in_angstroms: float = 10.0
    pose_noise: float = 0.0  # degrees about each axis, in the written poses
    shift_noise: float = 0.0  # Angstrom along each axis, in the written origins
    defocus_noise: float = 0.0  # Angstrom, in the written defoci
    contrast: float = 0.0  # standard deviation of the logarithm of each particle's strength
    junk: float = 0.0  # fraction of images with noise alone (half of them) or the molecule in another pose
    neighbours: float = 0.0  # fraction of images with a second molecule at the rim
    coloured: float = 0.0  # power of the noise at low resolution beyond that of white noise
    has_bfactor_column: bool = True  # else the written B factors are 0


@dataclass(frozen=True)
class Drawn:
    """What was drawn for every image."""

    which: np.ndarray  # (n,) int64: state
    kinds: np.ndarray  # (n,) int64
    gains: np.ndarray  # (n,): strength of the molecule
    has_neighbour: np.ndarray  # (n,) bool
    true: ParticleTable
    imaged: ParticleTable  # as true, but for junk in another pose
    written: ParticleTable


def make_images(
    folder: Path, molecule: Molecule, imaging: Imaging
) -> float:  # resolution of the consensus, Angstrom
    """Write every file of a set."""
    drawn = draw(molecule, imaging)
    neighbours, noise = (np.random.default_rng((imaging.seed, number)) for number in (1, 2))
    rows = np.arange(imaging.n_particles)
    signal = float(
        torch.cat(
            [
                clean_images(molecule, drawn, part, imaging, np.random.default_rng(imaging.seed)).var(
                    dim=(1, 2)
                )
                for part in _batches(rows[:IMAGES_FOR_SIGNAL])
            ]
        ).mean()
    )
    noise_deviation = (signal / SNR) ** 0.5
    maps = BackProjection(imaging.box_size, imaging.pixel_size_in_angstroms)
    with write_stack(folder / "particles.mrcs", imaging.pixel_size_in_angstroms) as stack:
        for part in _batches(rows):
            images = clean_images(molecule, drawn, part, imaging, neighbours) / noise_deviation
            images += noise_images(len(part), imaging, noise)
            stack.append(images.numpy())
            _add(maps, images, drawn.written.take(part))
    blocks = {
        "optics": relion_optics_columns(drawn.written),
        "particles": relion_particle_columns(drawn.written),
    }
    write_new_star(folder / "particles.star", blocks)
    _write_truth(folder / TRUTH_FILE, molecule, drawn, imaging)
    return _write_maps(folder, maps, imaging)


def draw(molecule: Molecule, imaging: Imaging) -> Drawn:
    """States in exact numbers, poses, CTF, kinds; and how they are written."""
    n = imaging.n_particles
    generator = np.random.default_rng((imaging.seed, 0))
    which = generator.permutation(
        np.repeat(np.arange(len(molecule.fractions)), exact_counts(molecule.fractions, n))
    )
    microscope = Microscope(300.0, 2.7, 0.1, B_FACTOR, (9000.0, 24000.0), imaging.largest_shift_in_angstroms)
    true = draw_acquisition(
        n, microscope, imaging.box_size, imaging.pixel_size_in_angstroms, "particles.mrcs", generator
    )
    is_junk = generator.random(n) < imaging.junk
    kinds = np.where(is_junk, np.where(generator.random(n) < 0.5, WRONG_POSE, NOISE_ALONE), MOLECULE)
    gains = np.exp(generator.normal(0, imaging.contrast, n)) * (kinds != NOISE_ALONE)
    elsewhere = Rotation.random(n, generator).as_matrix().astype(np.float32)
    imaged = np.where((kinds == WRONG_POSE)[:, None, None], elsewhere, true.rotation_matrices)
    defocus = generator.normal(0, imaging.defocus_noise, n).astype(np.float32)
    shifts = generator.normal(0, imaging.shift_noise, (n, 2)).astype(np.float32)
    written = dataclasses.replace(
        true,
        rotation_matrices=disturbed_poses(true, imaging.pose_noise, generator),
        shifts_in_angstroms=true.shifts_in_angstroms + shifts,
        defocus_u_in_angstroms=true.defocus_u_in_angstroms + defocus,
        defocus_v_in_angstroms=true.defocus_v_in_angstroms + defocus,
        b_factor_in_square_angstroms=true.b_factor_in_square_angstroms * imaging.has_bfactor_column,
    )
    has_neighbour = generator.random(n) < imaging.neighbours
    imaged_table = dataclasses.replace(true, rotation_matrices=imaged)
    return Drawn(which, kinds, gains, has_neighbour, true, imaged_table, written)


def exact_counts(fractions: np.ndarray, n: int) -> np.ndarray:  # (k,) int64, sum n
    """Numbers of particles in the given fractions, rounded so that their sum is n."""
    edges = np.round(np.concatenate([[0.0], np.cumsum(fractions)]) / np.sum(fractions) * n).astype(np.int64)
    return np.diff(edges)


def clean_images(
    molecule: Molecule, drawn: Drawn, rows: np.ndarray, imaging: Imaging, generator: np.random.Generator
) -> Tensor:  # (batch, box, box)
    """The images of some rows without noise."""
    part = drawn.imaged.take(rows)
    widths = torch.from_numpy(molecule.widths_in_angstroms)
    states = drawn.which[rows]
    gains = drawn.gains[rows, None].astype(np.float32)

    def images_of(positions: np.ndarray, amplitudes: np.ndarray, table: ParticleTable) -> Tensor:
        cloud = GaussianCloud(torch.from_numpy(positions), torch.from_numpy(amplitudes), widths)
        return simulate_images(
            cloud,
            torch.from_numpy(table.rotation_matrices),
            torch.from_numpy(table.shifts_in_angstroms),
            ctf_parameters_of(table),
            imaging.box_size,
            imaging.pixel_size_in_angstroms,
        )

    images = images_of(molecule.positions_in_angstroms[states], molecule.amplitudes[states] * gains, part)
    near = np.flatnonzero(drawn.has_neighbour[rows])
    if len(near):
        positions = _at_the_rim(molecule.positions_in_angstroms[states[near]], imaging, generator)
        table = dataclasses.replace(
            part.take(near),
            rotation_matrices=np.tile(np.eye(3, dtype=np.float32), (len(near), 1, 1)),
            shifts_in_angstroms=np.zeros((len(near), 2), np.float32),
        )
        images[near] += images_of(positions, molecule.amplitudes[states[near]], table)
    return images


def _at_the_rim(
    positions: np.ndarray, imaging: Imaging, generator: np.random.Generator
) -> np.ndarray:  # (m, a, 3) both
    """The molecules rotated at random and moved in the plane to the rim of the image."""
    n = len(positions)
    rotations = Rotation.random(n, generator).as_matrix()
    angles = generator.uniform(0, 2 * np.pi, n)
    width = imaging.box_size * imaging.pixel_size_in_angstroms
    distance = generator.uniform(*DISTANCE_OF_NEIGHBOURS, n) * width
    offsets = np.stack([np.cos(angles) * distance, np.sin(angles) * distance, np.zeros(n)], axis=1)
    moved = np.einsum("bij,bnj->bni", rotations, positions) + offsets[:, None]
    return moved.astype(np.float32)


def noise_images(n: int, imaging: Imaging, generator: np.random.Generator) -> Tensor:  # (n, box, box)
    """White noise of standard deviation 1, with more power at low resolution where the ice has it."""
    box = imaging.box_size
    white = generator.standard_normal((n, box, box), dtype=np.float32)
    if not imaging.coloured:
        return torch.from_numpy(white)
    pixel = imaging.pixel_size_in_angstroms
    frequency = np.hypot(np.fft.fftfreq(box, pixel)[:, None], np.fft.rfftfreq(box, pixel)[None])
    power = 1 + imaging.coloured * np.exp(-ICE_LENGTH_IN_ANGSTROMS * frequency)
    coloured = np.fft.irfft2(np.fft.rfft2(white) * np.sqrt(power), s=(box, box))
    return torch.from_numpy(coloured.astype(np.float32))


def _batches(rows: np.ndarray) -> list[np.ndarray]:
    return [rows[start : start + BATCH_SIZE] for start in range(0, len(rows), BATCH_SIZE)]


def _add(maps: BackProjection, images: Tensor, table: ParticleTable) -> None:
    maps.add_(
        images,
        torch.from_numpy(table.rotation_matrices),
        torch.from_numpy(table.shifts_in_angstroms),
        ctf_parameters_of(table),
        torch.from_numpy(table.half_sets.astype(np.int64)) - 1,
    )


def _write_maps(folder: Path, maps: BackProjection, imaging: Imaging) -> float:
    halves = [maps.volume(index) for index in range(2)]
    combined = combine_half_maps(*halves)
    for name, volume in (
        ("consensus", combined.volume),
        ("consensus_half1", halves[0]),
        ("consensus_half2", halves[1]),
    ):
        write_map(folder / f"{name}.mrc", volume.numpy(), imaging.pixel_size_in_angstroms)
    unresolved = torch.nonzero(combined.shell_correlation < RESOLUTION_FSC)
    shell = int(unresolved[0]) if len(unresolved) else imaging.box_size // 2
    return imaging.box_size * imaging.pixel_size_in_angstroms / max(shell, 1)


def _write_truth(path: Path, molecule: Molecule, drawn: Drawn, imaging: Imaging) -> None:
    write_arrays(
        path,
        which=drawn.which,
        motion=molecule.description,
        xyz=molecule.positions_in_angstroms,
        weight=molecule.amplitudes,
        atom_width=molecule.widths_in_angstroms,
        apix=imaging.pixel_size_in_angstroms,
        box=imaging.box_size,
        kind=drawn.kinds,
        gain=drawn.gains,
        angles=relion_angles_in_degrees(drawn.true.rotation_matrices),
        origins=drawn.true.shifts_in_angstroms,
    )
