"""Atoms carried by the Gaussians around them: every residue rotates and shifts as a rigid body."""

from typing import NamedTuple

import numpy as np

from gem_plugin.errors import InputError
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
    carrier = AtomCarrier(atoms, residue_of_atom, reference, reference_amplitudes)
    carried = [
        carrier.carry(points, amplitudes)
        for points, amplitudes in track(
            list(zip(moved, moved_amplitudes, strict=True)), "atoms", unit="conformation"
        )
    ]
    return CarriedAtoms(*(np.stack(values) for values in zip(*carried, strict=True)))


class AtomCarrier:
    """The same for one conformation after the other, as they are asked for; what all of them share is found once."""

    def __init__(
        self,
        atoms: np.ndarray,  # (atoms, 3) xyz, in the frame of the Gaussians
        residue_of_atom: np.ndarray,  # (atoms,) int from 0
        reference: np.ndarray,  # (n, 3)
        reference_amplitudes: np.ndarray,  # (n,)
    ) -> None:
        """Raises InputError where most of the model lies outside of the density."""
        from scipy.spatial import cKDTree

        n_residues = int(residue_of_atom.max()) + 1
        counts = np.bincount(residue_of_atom, minlength=n_residues)
        sums = np.stack([np.bincount(residue_of_atom, atoms[:, axis], n_residues) for axis in range(3)], 1)
        self.atoms, self.residue_of_atom = atoms, residue_of_atom
        self.centres = sums.astype(np.float64) / counts[:, None]
        distances, nearest = cKDTree(reference).query(self.centres, k=min(NEIGHBOURS, len(reference)))
        distances = distances.reshape(n_residues, -1)
        _check_positions(distances[:, 0])
        self.nearest = nearest.reshape(n_residues, -1)  # (residues, neighbours)
        reach = np.maximum(np.median(distances, axis=1), 1e-3)
        closeness = np.exp(-((distances / reach[:, None]) ** 2) / 2)
        near_amplitudes = reference_amplitudes[self.nearest]
        weights = near_amplitudes * closeness + 1e-12
        self.fractions = weights / weights.sum(1, keepdims=True)
        self.shares = weights / near_amplitudes.clip(1e-12)
        self.density = np.einsum("rn,rn->r", near_amplitudes, self.shares)
        near = reference[self.nearest]
        self.middles = np.einsum("rn,rni->ri", self.fractions, near)
        self.about_middles = near - self.middles[:, None]

    def carry(
        self,
        moved: np.ndarray,  # (n, 3): Gaussians of the conformation
        amplitudes: np.ndarray,  # (n,)
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Positions (atoms, 3), and displacement and occupancy of each residue (residues,)."""
        near = moved[self.nearest].astype(np.float64)
        middles = np.einsum("rn,rni->ri", self.fractions, near)
        covariance = np.einsum(
            "rni,rnj->rij", (near - middles[:, None]) * self.fractions[:, :, None], self.about_middles
        )
        rotations = rotations_of(covariance)
        shifts = middles - np.einsum("rij,rj->ri", rotations, self.middles)
        of_atom = self.residue_of_atom
        positions = np.einsum("aij,aj->ai", rotations[of_atom], self.atoms) + shifts[of_atom]
        centres = np.einsum("rij,rj->ri", rotations, self.centres) + shifts
        displacement = np.linalg.norm(centres - self.centres, axis=1)
        occupancy = np.einsum("rn,rn->r", amplitudes[self.nearest], self.shares) / self.density
        return positions, displacement, occupancy


def rotations_of(covariances: np.ndarray) -> np.ndarray:  # (r, 3, 3) -> (r, 3, 3)
    """The rotations nearest to covariances of moved about reference positions (Kabsch 1976)."""
    left, _, right = np.linalg.svd(covariances)
    flip = np.ones((len(covariances), 3))
    flip[:, 2] = np.linalg.det(left @ right)  # a reflection is no motion
    return (left * flip[:, None]) @ right


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
