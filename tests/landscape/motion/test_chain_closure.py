"""Bonds between rigid residues get their lengths back, by shifts that are as small as that allows."""

import numpy as np
from scipy.spatial.transform import Rotation

from gem_plugin.landscape.motion.chain_closure import close_chains

N_RESIDUES, BOND = 60, 1.5


def _chain() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Two atoms a residue along a helix; the second atom of each is bonded to the first of the next."""
    angle = np.arange(2 * N_RESIDUES) * 0.6
    atoms = np.stack([2.0 * np.cos(angle), 2.0 * np.sin(angle), 0.8 * np.arange(2 * N_RESIDUES)], axis=1)
    ends = np.arange(1, 2 * N_RESIDUES - 1, 2)
    return atoms, np.arange(2 * N_RESIDUES) // 2, np.stack([ends, ends + 1], axis=1)


def _lengths(atoms: np.ndarray, bonds: np.ndarray) -> np.ndarray:
    return np.linalg.norm(atoms[..., bonds[:, 1], :] - atoms[..., bonds[:, 0], :], axis=-1)


def test_a_chain_that_is_whole_stays_where_it_is() -> None:
    atoms, residues, bonds = _chain()
    closed = close_chains(atoms[None], residues, bonds, _lengths(atoms, bonds))
    np.testing.assert_allclose(closed[0], atoms, atol=1e-9)


def test_a_torn_chain_is_closed_and_its_ends_hardly_move() -> None:
    atoms, residues, bonds = _chain()
    torn = atoms.copy()
    torn[N_RESIDUES:] += [3.0, -2.0, 4.0]
    lengths = _lengths(atoms, bonds)
    assert np.abs(_lengths(torn, bonds) - lengths).max() > 3
    closed = close_chains(torn[None], residues, bonds, lengths)[0]
    assert np.abs(_lengths(closed, bonds) - lengths).max() < 0.1
    moved = np.linalg.norm(closed - torn, axis=1)
    assert moved.max() < 5.4  # not more than the tear itself
    pairs = closed.reshape(N_RESIDUES, 2, 3), torn.reshape(N_RESIDUES, 2, 3)
    inside = [pair[:, 1] - pair[:, 0] for pair in pairs]
    np.testing.assert_allclose(inside[0], inside[1], atol=1e-9)  # residues keep shape and turn


def test_a_turn_of_the_whole_chain_is_no_reason_to_move() -> None:
    atoms, residues, bonds = _chain()
    turned = atoms @ Rotation.from_rotvec([0.4, -1.0, 0.7]).as_matrix().T + [5.0, 0, 1]
    closed = close_chains(turned[None], residues, bonds, _lengths(atoms, bonds))
    np.testing.assert_allclose(closed[0], turned, atol=1e-6)


def test_atoms_without_bonds_stay() -> None:
    atoms, residues, _ = _chain()
    closed = close_chains(atoms[None], residues, np.zeros((0, 2), int), np.zeros(0))
    np.testing.assert_array_equal(closed[0], atoms)
