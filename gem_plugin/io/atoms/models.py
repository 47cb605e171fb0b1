"""An atomic model in several conformations: read once, written as multi-model mmCIF and PDB."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from gem_plugin.errors import InputError
from gem_plugin.io.whole_files import whole_file

MAXIMUM_BOND_IN_ANGSTROMS = 2.0
MAXIMUM_ATOMS_OF_A_PDB_FILE = 99_999


@dataclass(frozen=True)
class AtomicModel:
    """The first model of a file; arrays in its order of atoms, with everything it holds."""

    structure: Any  # gemmi.Structure with one model
    positions_in_angstroms: np.ndarray  # (atoms, 3) float64 xyz
    residue_of_atom: np.ndarray  # (atoms,) int from 0
    residue_names: list[tuple[str, str, str]]  # chain, number with insertion code, name
    bonds: np.ndarray  # (b, 2) atoms that join a residue to the next one of its chain


def read_atomic_model(path: Path, with_water: bool = True) -> AtomicModel:
    """Read a PDB or mmCIF file."""
    import gemmi

    if not path.is_file():
        raise InputError(f"There is no file {path}. Expected a PDB or mmCIF file.")
    try:
        structure = gemmi.read_structure(str(path))
        while len(structure) > 1:
            del structure[1]
        if not with_water:
            structure.remove_waters()
        positions, residues, names = _atoms_and_residues(structure)
    except (RuntimeError, ValueError, IndexError, OverflowError) as error:
        raise InputError(f"{path} is not a readable PDB or mmCIF file: {error}") from error
    if not positions:
        raise InputError(f"{path} holds no atoms. Expected a PDB or mmCIF file with coordinates.")
    places, of_atom = np.array(positions), np.array(residues)
    return AtomicModel(structure, places, of_atom, names, _bonds_between_residues(places, of_atom, names))


def _atoms_and_residues(structure: Any) -> tuple[list, list[int], list[tuple[str, str, str]]]:
    """Position and residue of every atom of the first model, and the names of the residues."""
    names: list[tuple[str, str, str]] = []
    positions: list[tuple[float, float, float]] = []
    residues: list[int] = []
    for chain in structure[0] if len(structure) else ():
        for residue in chain:
            for atom in residue:
                positions.append((atom.pos.x, atom.pos.y, atom.pos.z))
                residues.append(len(names))
            if len(residue):
                names.append((chain.name, str(residue.seqid), residue.name))
    return positions, residues, names


def _bonds_between_residues(
    positions: np.ndarray, residue_of_atom: np.ndarray, names: list[tuple[str, str, str]]
) -> np.ndarray:  # (b, 2)
    """The closest atoms of residues that follow each other in a chain, where they are near enough for a bond."""
    starts = np.searchsorted(residue_of_atom, np.arange(len(names) + 1))  # atoms come residue by residue
    bonds = []
    for residue in range(len(names) - 1):
        if names[residue][0] != names[residue + 1][0]:
            continue
        first = positions[starts[residue] : starts[residue + 1]]
        second = positions[starts[residue + 1] : starts[residue + 2]]
        distances = np.linalg.norm(first[:, None] - second[None], axis=2)
        position = np.unravel_index(distances.argmin(), distances.shape)
        if distances[position] < MAXIMUM_BOND_IN_ANGSTROMS:
            bonds.append((starts[residue] + position[0], starts[residue + 1] + position[1]))
    return np.array(bonds, dtype=np.int64).reshape(-1, 2)


def model_as_mmcif(model: AtomicModel, positions_in_angstroms: np.ndarray) -> str:  # (atoms, 3)
    """The model with its atoms at other positions, as the text of an mmCIF file."""
    import gemmi

    moved = gemmi.Structure()
    moved.add_model(model.structure[0].clone())
    atoms = (atom for chain in moved[0] for residue in chain for atom in residue)
    for atom, position in zip(atoms, positions_in_angstroms, strict=True):
        atom.pos = gemmi.Position(*(float(value) for value in position))
    moved.setup_entities()
    return moved.make_mmcif_document().as_string()


def write_conformations(
    path: Path,  # .cif; a .pdb beside it where the format has room
    model: AtomicModel,
    positions_in_angstroms: np.ndarray,  # (k, atoms, 3)
    displacement_in_angstroms: np.ndarray,  # (k, residues): written as B factors
    occupancy: np.ndarray,  # (k, residues): written as occupancies, at most 1
) -> list[Path]:
    """One model a conformation, in their order."""
    import gemmi

    several = gemmi.Structure()
    several.cell, several.spacegroup_hm = model.structure.cell, model.structure.spacegroup_hm
    several.name = path.stem
    for number, places in enumerate(positions_in_angstroms):
        one = model.structure[0].clone()
        if hasattr(one, "num"):
            one.num = number + 1
        else:  # gemmi before 0.7
            one.name = str(number + 1)
        atoms = (atom for chain in one for residue in chain for atom in residue)
        for atom, position, residue in zip(atoms, places, model.residue_of_atom, strict=True):
            atom.pos = gemmi.Position(*(float(value) for value in position))
            atom.b_iso = float(min(displacement_in_angstroms[number, residue], 999.0))
            atom.occ = float(np.clip(occupancy[number, residue], 0, 1))
        several.add_model(one)
    several.setup_entities()
    with whole_file(path) as temporary:
        several.make_mmcif_document().write_file(str(temporary))
    if len(model.positions_in_angstroms) > MAXIMUM_ATOMS_OF_A_PDB_FILE:
        return [path]
    with whole_file(path.with_suffix(".pdb")) as temporary:
        several.write_pdb(str(temporary))
    return [path, path.with_suffix(".pdb")]
