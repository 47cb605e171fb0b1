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
    closer = ChainCloser(residue_of_atom, bonds, lengths_in_angstroms)
    return np.stack(
        [closer.close(atoms) for atoms in track(positions, "bonds between residues", unit="conformation")]
    )


class ChainCloser:
    """The same for one conformation after the other; the equations are solved for once."""

    def __init__(
        self,
        residue_of_atom: np.ndarray,  # (atoms,) int from 0
        bonds: np.ndarray,  # (b, 2)
        lengths_in_angstroms: np.ndarray,  # (b,)
        rounds: int = ROUNDS,
    ) -> None:
        self.residue_of_atom, self.bonds, self.rounds = residue_of_atom, bonds, rounds
        self.lengths = lengths_in_angstroms
        if not len(bonds):
            return
        n_residues, n_bonds = int(residue_of_atom.max()) + 1, len(bonds)
        rows = np.repeat(np.arange(n_bonds), 2)
        values = np.tile([-1.0, 1.0], n_bonds)
        shape = (n_bonds, n_residues)
        self._difference = csc_matrix((values, (rows, residue_of_atom[bonds].ravel())), shape=shape)
        self._transposed = csc_matrix(self._difference.T)
        normal = identity(n_residues) + STIFFNESS_OF_BONDS * (self._transposed @ self._difference)
        self._system = splu(csc_matrix(normal))

    def close(self, atoms: np.ndarray) -> np.ndarray:  # (atoms, 3) -> (atoms, 3)
        """The conformation with the bonds at their lengths."""
        if not len(self.bonds):
            return atoms
        vectors = atoms[self.bonds[:, 1]] - atoms[self.bonds[:, 0]]  # (b, 3)
        shifts = np.zeros((self._difference.shape[1], 3))
        for _ in range(self.rounds):
            now = vectors + self._difference @ shifts
            size = np.linalg.norm(now, axis=1, keepdims=True)
            target = now / np.maximum(size, 1e-9) * self.lengths[:, None]
            shifts = self._system.solve(STIFFNESS_OF_BONDS * (self._transposed @ (target - vectors)))
        return atoms + shifts[self.residue_of_atom]
