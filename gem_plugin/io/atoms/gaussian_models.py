"""Gaussians of a trajectory as a PDB file of several models, one pseudo-atom a Gaussian."""

from pathlib import Path

import numpy as np

from gem_plugin.errors import InputError
from gem_plugin.io.whole_files import write_text_whole

MAXIMUM_ATOMS = 99_999  # five columns of the format
RESIDUES_IN_A_CHAIN = 9_999
CHAIN_NAMES = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
MAXIMUM_B_FACTOR = 999.99


def write_gaussian_models(
    path: Path,
    positions_in_angstroms: np.ndarray,  # (models, n, 3) xyz, in the frame of the map file
    occupancies: np.ndarray,  # (models, n): amplitude over the consensus amplitude
    b_factors: np.ndarray,  # (n,): here the motion of each Gaussian in Angstrom
) -> None:
    """Write the models; columns as in the wwPDB format description 3.3."""
    n_models, n_atoms, _ = positions_in_angstroms.shape
    if n_atoms > MAXIMUM_ATOMS:
        raise InputError(
            f"{path}: a PDB file holds at most {MAXIMUM_ATOMS} atoms, there are {n_atoms} Gaussians."
        )
    lines = ["REMARK   1 GAUSSIANS OF A GEM TRAJECTORY, ONE CA EACH; B FACTOR: RMS MOTION IN ANGSTROM"]
    for model in range(n_models):
        lines.append(f"MODEL     {model + 1:4d}")
        rows = zip(positions_in_angstroms[model].tolist(), occupancies[model].tolist(), b_factors.tolist())
        lines += [_atom_line(number, *row) for number, row in enumerate(rows)]
        lines.append("ENDMDL")
    write_text_whole(path, "\n".join([*lines, "END"]) + "\n")


def _atom_line(number: int, position: list[float], occupancy: float, b_factor: float) -> str:
    chain = CHAIN_NAMES[number // RESIDUES_IN_A_CHAIN % len(CHAIN_NAMES)]
    residue = number % RESIDUES_IN_A_CHAIN + 1
    x, y, z = position
    return (
        f"HETATM{number + 1:5d}  CA  GAU {chain}{residue:4d}    {x:8.3f}{y:8.3f}{z:8.3f}"
        f"{min(occupancy, 99.0):6.2f}{min(b_factor, MAXIMUM_B_FACTOR):6.2f}           C"
    )
