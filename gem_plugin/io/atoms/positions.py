"""Read atoms from PDB and mmCIF files with gemmi, and find atoms by chain, residue and name."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gem_plugin.errors import InputError

FIRST_ALTERNATIVES = ("\0", "A")  # of atoms with alternative positions, the first is taken
SELECTION_HELP = (
    "Write chain, chain:first-last or chain:residue:ATOM+ATOM, with commas between: L,H:1-229,H:230:N+CA"
)


@dataclass(frozen=True)
class AtomTable:
    """The atoms of a file, without water and hydrogen; every array has n rows."""

    path: Path
    positions_in_angstroms: np.ndarray  # (models, n, 3) float64, ordered xyz, as in the file
    atomic_numbers: np.ndarray  # (n,)
    atom_names: np.ndarray  # (n,) str
    chains: np.ndarray  # (n,) str
    residue_numbers: np.ndarray  # (n,)
    insertion_codes: np.ndarray  # (n,) str, " " for none

    def __len__(self) -> int:
        return len(self.atomic_numbers)

    def select(self, selection: str) -> np.ndarray:  # (n,) bool
        """The atoms that a selection names; a part of it that names none is an error."""
        chosen = np.zeros(len(self), dtype=bool)
        for term in selection.split(","):
            is_named = self._atoms_of(term.strip())
            if not is_named.any():
                chains = ", ".join(sorted(set(self.chains.tolist())))
                raise InputError(
                    f"{self.path}: no atom is named by {term.strip()!r} (chains: {chains}). {SELECTION_HELP}"
                )
            chosen |= is_named
        return chosen

    def index_of(self, name: str) -> int:
        """The one atom that chain:residue:ATOM names."""
        found = np.flatnonzero(self.select(name))
        if len(found) != 1:
            raise InputError(
                f"{self.path}: expected one atom for {name!r}, found {len(found)}. Write it as H:230:CA."
            )
        return int(found[0])

    def _atoms_of(self, term: str) -> np.ndarray:
        chain, *rest = term.split(":")
        chosen = self.chains == chain
        if rest:
            first, last = self._residue_range(term, rest[0])
            chosen &= (self.residue_numbers >= first) & (self.residue_numbers <= last)
        if len(rest) > 1:
            chosen &= np.isin(self.atom_names, rest[1].split("+")) & (self.insertion_codes == " ")
        return chosen

    def _residue_range(self, term: str, text: str) -> tuple[int, int]:
        sign, digits = ("-", text[1:]) if text.startswith("-") else ("", text)
        first, _, last = digits.partition("-")
        try:
            return int(sign + first), int(last or sign + first)
        except ValueError:
            raise InputError(
                f"{text!r} in {term!r} is no range of residue numbers. {SELECTION_HELP}"
            ) from None


def read_atoms(path: Path) -> AtomTable:
    """Read all models of a PDB or mmCIF file, gzipped or not; each model must hold the same atoms."""
    import gemmi

    if not path.is_file():
        raise InputError(f"There is no file {path}. Expected a PDB or mmCIF file.")
    try:
        structure = gemmi.read_structure(str(path))
        structure.remove_waters()
        structure.remove_hydrogens()
        models = [_atoms_of_model(model) for model in structure]
    except (RuntimeError, ValueError, IndexError, OverflowError) as error:
        raise InputError(f"{path} is not a readable PDB or mmCIF file: {error}") from error
    if not models or not models[0][0]:
        raise InputError(f"{path} holds no atoms. Expected a PDB or mmCIF file with coordinates.")
    for number, (keys, _) in enumerate(models, start=1):
        if keys != models[0][0]:
            raise InputError(
                f"{path}: model {number} holds other atoms than model 1. Every model of a trajectory must hold the same."
            )
    chains, residues, codes, names, elements = zip(*models[0][0])
    return AtomTable(
        path=path,
        positions_in_angstroms=np.array([positions for _, positions in models], dtype=np.float64),
        atomic_numbers=np.array(elements),
        atom_names=np.array(names),
        chains=np.array(chains),
        residue_numbers=np.array(residues),
        insertion_codes=np.array(codes),
    )


def _atoms_of_model(model) -> tuple[list[tuple], list[tuple[float, float, float]]]:  # type: ignore[no-untyped-def]
    """What each atom is, and where it lies."""
    keys, positions = [], []
    for chain in model:
        for residue in chain:
            for atom in residue:
                if atom.altloc in FIRST_ALTERNATIVES:
                    keys.append(
                        (
                            chain.name,
                            residue.seqid.num,
                            residue.seqid.icode,
                            atom.name,
                            atom.element.atomic_number,
                        )
                    )
                    positions.append((atom.pos.x, atom.pos.y, atom.pos.z))
    return keys, positions
