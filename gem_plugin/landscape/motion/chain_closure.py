"""Bonds between residues that moved as rigid bodies: small shifts of the residues give every bond its length back.

Each residue keeps its orientation and its shape; only its position gives way. The shifts are the smallest ones, in the sense
of least squares, that bring the bonds to their lengths; the direction of a bond follows from the residues themselves
(alternating local and global steps, as in projective dynamics: Bouaziz et al. 2014, ACM Trans. Graph. 33, 154).
"""

import numpy as np
from scipy.sparse import csc_matrix, identity
from scipy.sparse.linalg import splu

from gem_plugin.progress import Track, untracked

STIFFNESS_OF_BONDS = (
    1000.0  # over that of the positions; a step between two domains distributes over some thirty residues
)
ROUNDS = 40


def close_chains(
    positions: np.ndarray,  # (k, atoms, 3): conformations, residues already in position
    residue_of_atom: np.ndarray,  # (atoms,) int from 0
    bonds: np.ndarray,  # (b, 2) atoms of two residues that are bonded
    lengths_in_angstroms: np.ndarray,  # (b,)
    track: Track = untracked,
) -> np.ndarray:  # (k, atoms, 3)
    """The same conformations with the bonds at their lengths."""
    if not len(bonds):
        return positions
    n_residues, n_bonds = int(residue_of_atom.max()) + 1, len(bonds)
    rows = np.repeat(np.arange(n_bonds), 2)
    values = np.tile([-1.0, 1.0], n_bonds)
    difference = csc_matrix((values, (rows, residue_of_atom[bonds].ravel())), shape=(n_bonds, n_residues))
    system = splu(csc_matrix(identity(n_residues) + STIFFNESS_OF_BONDS * (difference.T @ difference)))
    closed = np.empty_like(positions)
    for index, atoms in enumerate(track(positions, "bonds between residues", unit="conformation")):
        vectors = atoms[bonds[:, 1]] - atoms[bonds[:, 0]]  # (b, 3)
        shifts = np.zeros((n_residues, 3))
        for _ in range(ROUNDS):
            now = vectors + difference @ shifts
            size = np.linalg.norm(now, axis=1, keepdims=True)
            target = now / np.maximum(size, 1e-9) * lengths_in_angstroms[:, None]
            shifts = system.solve(STIFFNESS_OF_BONDS * (difference.T @ (target - vectors)))
        closed[index] = atoms + shifts[residue_of_atom]
    return closed
