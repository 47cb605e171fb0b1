"""Step simulate: particles of a molecule whose motion is known, as a refinement in RELION would leave them.

Or, with --tilt-series, as one in RELION 5 would leave them; see tilt_series beside this file. Writes particles.star, particles.mrcs, a consensus map with half-maps reconstructed from the noisy images, and truth.npz.
"""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gem_plugin.errors import InputError
from gem_plugin.gaussians.simulated_images import simulate_images
from gem_plugin.imaging.back_projection import BackProjection, combine_half_maps
from gem_plugin.imaging.resolution import RESOLUTION_FSC
from gem_plugin.imaging.symmetry import Symmetry, settings_of_symmetry, symmetry_operators
from gem_plugin.io.array_files import write_arrays
from gem_plugin.io.mrc.maps import write_map
from gem_plugin.io.mrc.stacks import write_stack
from gem_plugin.io.new_files import check_nothing_is_lost
from gem_plugin.io.star.write import write_new_star
from gem_plugin.io.whole_files import files_placed_together
from gem_plugin.particles.ctf_parameters import ctf_parameters_of
from gem_plugin.particles.expansion import copied_rotations
from gem_plugin.particles.random_acquisition import Microscope, disturbed_poses, draw_acquisition
from gem_plugin.particles.table import ParticleTable
from gem_plugin.particles.to_relion import relion_optics_columns, relion_particle_columns
from gem_plugin.progress import Progress
from gem_plugin.settings import check_settings
from gem_plugin.steps.simulate.complexes import cloud_of_complexes, draw_together, moved_off_the_axes
from gem_plugin.steps.simulate.conformations import (
    Conformations,
    HingeRotation,
    models_of_trajectory,
    occupancies,
    phantom_with_missing_arms,
    phantom_with_rotating_arm,
    rotated_model,
    subunit_with_opening_domain,
)
from gem_plugin.steps.simulate.settings import SimulateSettings
from gem_plugin.steps.simulate.tilt_series import (
    check_tilt_settings,
    files_of_tilt_series,
    simulate_tilt_series,
)

STAR_FILE, STACK_FILE, TRUTH_FILE = "particles.star", "particles.mrcs", "truth.npz"
MAP_FILE, HALF_MAP_FILES = "consensus.mrc", ("consensus_half1.mrc", "consensus_half2.mrc")
BATCH_SIZE = 100  # images made at once
IMAGES_FOR_SIGNAL = 500  # whose mean variance is the signal of the signal-to-noise ratio


def run_simulate(settings: SimulateSettings, progress: Progress) -> dict[str, Any]:
    """Make the particles, reconstruct their consensus, and write the truth beside them."""
    check_settings(settings)
    _check_sources(settings)
    check_tilt_settings(settings)
    check_nothing_is_lost(_files(settings), settings.overwrite, named=settings.out)
    symmetry = settings_of_symmetry(settings.symmetry)[0]
    conformations = moved_off_the_axes(_conformations(settings), symmetry)
    _check_that_it_fits(conformations, settings)
    with files_placed_together(settings.out) as temporary:
        resolution = _simulate(conformations, dataclasses.replace(settings, out=temporary), progress)
    progress.say(
        f"{settings.out}: {settings.n_particles} particles of {conformations.motion}; consensus at {resolution:.1f} A"
    )
    return {
        "particles": settings.n_particles,
        "conformations": len(conformations),
        "motion": conformations.motion,
        "consensus_resolution_in_angstroms": resolution,
    }


def _simulate(
    conformations: Conformations, settings: SimulateSettings, progress: Progress
) -> float:  # the resolution of the consensus in Angstrom
    """Write every file."""
    generator = np.random.default_rng(settings.seed)
    which = _draw_conformations(conformations, settings, generator)
    if settings.tilt_series:
        reconstruction = simulate_tilt_series(conformations, which, settings, progress)
        with progress.waiting("consensus"):
            return _write_maps(reconstruction, settings)
    truth_table = _draw_table(settings, generator)
    written_table = dataclasses.replace(
        truth_table, rotation_matrices=disturbed_poses(truth_table, settings.pose_error, generator)
    )
    noise_deviation = _noise_deviation(conformations, which, truth_table, settings, progress)
    symmetry = settings_of_symmetry(settings.symmetry)[0]
    reconstruction = BackProjection(settings.box, settings.pixel_size)
    with write_stack(settings.out / STACK_FILE, settings.pixel_size) as stack:
        for rows in progress.track(_batches(settings.n_particles), "simulating", unit="batch"):
            images = _clean_images(conformations, which, truth_table, rows, settings)
            noise = generator.standard_normal(images.shape, dtype=np.float32)
            images = (images / noise_deviation + torch.from_numpy(noise)) if settings.snr else images
            stack.append(images.numpy())
            _add_to(reconstruction, images, written_table.take(rows), symmetry)
    blocks = {
        "optics": relion_optics_columns(written_table),
        "particles": relion_particle_columns(written_table),
    }
    with progress.waiting("consensus and files"):
        write_new_star(settings.out / STAR_FILE, blocks)
        _write_truth(conformations, which, truth_table, settings)
        return _write_maps(reconstruction, settings)


def _files(settings: SimulateSettings) -> list[Path]:
    """The files that are written, but for the stacks of tilt series."""
    common = [settings.out / name for name in (TRUTH_FILE, MAP_FILE, *HALF_MAP_FILES)]
    if settings.tilt_series:
        return [*files_of_tilt_series(settings), *common]
    return [settings.out / STAR_FILE, settings.out / STACK_FILE, *common]


def _check_sources(settings: SimulateSettings) -> None:
    if settings.box % 2:
        raise InputError(f"--box is {settings.box}; expected an even number of pixels.")
    if settings.atoms and settings.trajectory:
        raise InputError("Give --atoms (one model with a hinge) or --trajectory (several models), not both.")
    if bool(settings.atoms) != bool(settings.moving and settings.hinge) or bool(settings.moving) != bool(
        settings.hinge
    ):
        raise InputError(
            "--atoms, --moving and --hinge belong together: a file, the atoms that rotate, and the bond that they rotate about."
        )
    if settings.cooperativity and len(symmetry_operators(settings.symmetry)) == 1:
        raise InputError(
            "--cooperativity is for complexes of several subunits; give their --symmetry, such as C3."
        )
    if settings.defocus_from > settings.defocus_to:
        raise InputError(
            f"--defocus-from is {settings.defocus_from}, above --defocus-to, {settings.defocus_to}."
        )


def _conformations(settings: SimulateSettings) -> Conformations:
    rotation = HingeRotation(settings.turn_from, settings.turn_to, settings.conformations)
    if settings.atoms:
        return rotated_model(settings.atoms, settings.moving, settings.hinge, rotation)
    if settings.trajectory:
        return models_of_trajectory(settings.trajectory)
    generator = torch.Generator().manual_seed(settings.seed)
    if settings.phantom == "missing-arms":
        return phantom_with_missing_arms(generator)
    if settings.phantom == "subunit":
        return subunit_with_opening_domain(rotation, generator)
    return phantom_with_rotating_arm(rotation, generator)


def _check_that_it_fits(conformations: Conformations, settings: SimulateSettings) -> None:
    """A molecule that reaches out of the box would be cut off silently."""
    radius = float(conformations.positions_in_angstroms.norm(dim=-1).max()) + settings.largest_shift
    needed = 2 * (radius + 3 * settings.atom_width)
    box_in_angstroms = settings.box * settings.pixel_size
    if needed > box_in_angstroms:
        raise InputError(
            f"The molecule with its shifts is {needed:.0f} A across, the box is {box_in_angstroms:.0f} A. "
            f"Use --box {2 * int(np.ceil(needed / settings.pixel_size / 2))} or a larger --apix."
        )


def _draw_conformations(
    conformations: Conformations, settings: SimulateSettings, generator: np.random.Generator
) -> np.ndarray:  # (n_particles, subunits) int64
    """The conformation of each subunit of each particle; an even distribution is exactly even."""
    n_subunits = len(symmetry_operators(settings.symmetry))
    n_conformations, n_draws = len(conformations), settings.n_particles * n_subunits
    if settings.wells == 0:
        drawn = generator.permutation(np.arange(n_draws) % n_conformations)
    else:
        chances = occupancies(n_conformations, settings.wells, settings.well_depth)
        drawn = generator.choice(n_conformations, n_draws, p=chances)
    which = drawn.reshape(settings.n_particles, n_subunits)
    return draw_together(which, settings.cooperativity, generator)


def _draw_table(settings: SimulateSettings, generator: np.random.Generator) -> ParticleTable:
    microscope = Microscope(
        voltage_in_kilovolts=settings.voltage,
        spherical_aberration_in_millimetres=settings.cs,
        amplitude_contrast=settings.amplitude_contrast,
        b_factor_in_square_angstroms=settings.b_factor,
        defocus_range_in_angstroms=(settings.defocus_from, settings.defocus_to),
        largest_shift_in_angstroms=settings.largest_shift,
    )
    stack_name = str(Path(settings.stack_folder) / STACK_FILE)
    return draw_acquisition(
        settings.n_particles, microscope, settings.box, settings.pixel_size, stack_name, generator
    )


def _batches(n_particles: int) -> list[np.ndarray]:
    return [
        np.arange(start, min(start + BATCH_SIZE, n_particles)) for start in range(0, n_particles, BATCH_SIZE)
    ]


def _clean_images(
    conformations: Conformations,
    which: np.ndarray,  # (n_particles, subunits)
    table: ParticleTable,
    rows: np.ndarray,
    settings: SimulateSettings,
) -> Tensor:  # (batch, box, box)
    symmetry = settings_of_symmetry(settings.symmetry)[0]
    chosen = torch.from_numpy(which[rows])
    cloud = cloud_of_complexes(conformations, chosen, symmetry, settings.atom_width)
    part = table.take(rows)
    rotations, shifts = torch.from_numpy(part.rotation_matrices), torch.from_numpy(part.shifts_in_angstroms)
    return simulate_images(
        cloud, rotations, shifts, ctf_parameters_of(part), settings.box, settings.pixel_size
    )


def _noise_deviation(
    conformations: Conformations,
    which: np.ndarray,  # (n_particles, subunits)
    table: ParticleTable,
    settings: SimulateSettings,
    progress: Progress,
) -> float:
    """The noise that makes the ratio of variances right; images are divided by it, so that noise has standard deviation 1."""
    rows = np.arange(min(IMAGES_FOR_SIGNAL, settings.n_particles))
    parts = np.array_split(rows, int(np.ceil(len(rows) / BATCH_SIZE)))
    variances = [
        _clean_images(conformations, which, table, part, settings).var(dim=(1, 2))
        for part in progress.track(parts, "strength of the signal", unit="batch")
    ]
    signal = float(torch.cat(variances).mean())
    return (signal / settings.snr) ** 0.5 if settings.snr else 1.0


def _add_to(reconstruction: BackProjection, images: Tensor, part: ParticleTable, symmetry: Symmetry) -> None:
    """Each image in every view that the symmetry makes of it."""
    rotations = torch.from_numpy(copied_rotations(part.rotation_matrices, symmetry)).float()
    for copy in range(len(symmetry)):
        reconstruction.add_(
            images,
            rotations[:, copy].contiguous(),
            torch.from_numpy(part.shifts_in_angstroms),
            ctf_parameters_of(part),
            torch.from_numpy(part.half_sets.astype(np.int64)) - 1,
        )


def _write_maps(reconstruction: BackProjection, settings: SimulateSettings) -> float:
    """Half-maps and consensus; gives the resolution in Angstrom."""
    halves = [reconstruction.volume(index) for index in range(2)]
    combined = combine_half_maps(*halves)
    write_map(settings.out / MAP_FILE, combined.volume.numpy(), settings.pixel_size)
    for name, half in zip(HALF_MAP_FILES, halves, strict=True):
        write_map(settings.out / name, half.numpy(), settings.pixel_size)
    unresolved = torch.nonzero(combined.shell_correlation < RESOLUTION_FSC)
    first_unresolved = int(unresolved[0]) if len(unresolved) else settings.box // 2
    return settings.box * settings.pixel_size / max(first_unresolved, 1)


def _write_truth(
    conformations: Conformations, which: np.ndarray, table: ParticleTable, settings: SimulateSettings
) -> None:
    """Everything a score needs: the conformation of each particle, and the atoms of each conformation."""
    write_arrays(
        settings.out / TRUTH_FILE,
        which=which[:, 0] if which.shape[1] == 1 else which,
        operators=settings_of_symmetry(settings.symmetry)[0].operators,
        angles_in_degrees=conformations.angles_in_degrees.numpy(),
        motion=conformations.motion,
        xyz=conformations.positions_in_angstroms.numpy(),
        weight=conformations.amplitudes.numpy(),
        rotation_matrices=table.rotation_matrices,
        apix=settings.pixel_size,
        box=settings.box,
        atom_width=settings.atom_width,
    )
