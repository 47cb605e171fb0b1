"""Atoms carried by the Gaussians around them: every residue rotates and shifts as a rigid body."""

from typing import NamedTuple

import numpy as np
import torch

from gem_plugin.errors import InputError
from gem_plugin.landscape.motion.rigid import fit_rigid_motions
from gem_plugin.progress import Track, untracked

NEIGHBOURS = 30  # Gaussians that carry a residue: enough to fix a rotation, and shared with the next residues
MAXIMUM_REACH_IN_ANGSTROMS = 12.0  # an atom further from all Gaussians is outside the map
MINIMUM_FRACTION_INSIDE = 0.5
ATOMS_COMPARED, BLUR_IN_ANGSTROMS = 700, 6.0


class CarriedAtoms(NamedTuple):
    """The model in each of k conformations."""

    positions_in_angstroms: np.ndarray  # (k, atoms, 3)
    displacement_in_angstroms: np.ndarray  # (k, residues): of each residue's centre
    occupancy: np.ndarray  # (k, residues): density nearby over that of the reference


def carry_atoms(
    atoms: np.ndarray,  # (atoms, 3) xyz, in the frame of the Gaussians
    residue_of_atom: np.ndarray,  # (atoms,) int from 0: bodies that stay rigid
    reference: np.ndarray,  # (n, 3): Gaussians in the conformation of the model
    reference_amplitudes: np.ndarray,  # (n,)
    moved: np.ndarray,  # (k, n, 3): Gaussians in each conformation
    moved_amplitudes: np.ndarray,  # (k, n)
    track: Track = untracked,
) -> CarriedAtoms:
    """Fit a rotation and a shift to the Gaussians nearest to each residue, weighed by closeness and amplitude.

    Bonds inside a residue keep their lengths exactly. Neighbouring residues share most of their Gaussians and so move alike.
    """
    from scipy.spatial import cKDTree

    n_residues = int(residue_of_atom.max()) + 1
    counts = np.bincount(residue_of_atom, minlength=n_residues)
    sums = np.stack([np.bincount(residue_of_atom, atoms[:, axis], n_residues) for axis in range(3)], 1)
    centres = sums.astype(np.float64) / counts[:, None]
    distances, nearest = cKDTree(reference).query(centres, k=min(NEIGHBOURS, len(reference)))
    distances, nearest = distances.reshape(n_residues, -1), nearest.reshape(n_residues, -1)
    _check_positions(distances[:, 0])
    positions = np.empty((len(moved), len(atoms), 3))
    displacement, occupancy = (np.empty((len(moved), n_residues)) for _ in range(2))
    order = np.argsort(residue_of_atom, kind="stable")
    members = np.split(order, np.cumsum(counts)[:-1])
    for residue, member in track(list(enumerate(members)), "residues", unit="residue"):
        some = nearest[residue]
        reach = max(float(np.median(distances[residue])), 1e-3)
        weights = reference_amplitudes[some] * np.exp(-((distances[residue] / reach) ** 2) / 2) + 1e-12
        motion = fit_rigid_motions(
            *(torch.from_numpy(value) for value in (reference[some], moved[:, some], weights))
        )
        rotations, shifts = (value.double().numpy() for value in motion)
        positions[:, member] = np.einsum("kij,aj->kai", rotations, atoms[member]) + shifts[:, None]
        centre = np.einsum("kij,j->ki", rotations, centres[residue]) + shifts
        displacement[:, residue] = np.linalg.norm(centre - centres[residue], axis=1)
        fraction = weights / reference_amplitudes[some].clip(1e-12)
        occupancy[:, residue] = moved_amplitudes[:, some] @ fraction / (reference_amplitudes[some] @ fraction)
    return CarriedAtoms(positions, displacement, occupancy)


def agreement_with_model(
    atoms: np.ndarray,  # (atoms, 3)
    positions: np.ndarray,  # (k, n, 3): Gaussians of each conformation
    amplitudes: np.ndarray,  # (k, n)
    track: Track = untracked,
) -> np.ndarray:  # (k,)
    """How much density each conformation has at the atoms, in a blur of a few Angstrom."""
    some = atoms[:: max(1, len(atoms) // ATOMS_COMPARED)]
    scores = np.empty(len(positions))
    conformations = list(zip(positions, amplitudes, strict=True))
    for index, (points, weights) in enumerate(track(conformations, "conformation of the model")):
        squared = (some**2).sum(1)[:, None] + (points**2).sum(1)[None] - 2 * some @ points.T
        density = np.exp(-squared.clip(0) / (2 * BLUR_IN_ANGSTROMS**2)) @ weights
        scores[index] = np.sqrt(density).sum()  # the root: many atoms with some density, not few with much
    return scores


def _check_positions(nearest_distances: np.ndarray) -> None:
    inside = float((nearest_distances < MAXIMUM_REACH_IN_ANGSTROMS).mean())
    if inside < MINIMUM_FRACTION_INSIDE:
        raise InputError(
            f"Only {inside:.0%} of the model's residues lie within {MAXIMUM_REACH_IN_ANGSTROMS:.0f} Angstrom of the map's "
            "density. Fit the model into the consensus map first (ChimeraX: fitmap), or, when its origin is the centre "
            "of the box, give --origin centre."
        )
