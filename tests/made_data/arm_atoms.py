"""An atomic model of the molecule with a turning arm."""

from pathlib import Path

import gemmi
import numpy as np

HALF_BOX_IN_ANGSTROMS = 12 * 4.0


def write_model(path: Path, angle: float) -> None:
    """Chain A in the body, chain B along the arm; three atoms a residue."""
    structure, model = gemmi.Structure(), gemmi.Model(1)
    for name, points in (
        ("A", np.zeros((3, 3))),
        ("B", np.linspace(14, 30, 5)[:, None] * [[np.cos(angle), np.sin(angle), 0]]),
    ):
        chain = gemmi.Chain(name)
        for number, point in enumerate(points, start=1):
            residue = gemmi.Residue()
            residue.name, residue.seqid = "ALA", gemmi.SeqId(str(number))
            for offset, atom_name in enumerate(("N", "CA", "C")):
                atom = gemmi.Atom()
                atom.name, atom.element = atom_name, gemmi.Element(atom_name[0])
                atom.pos = gemmi.Position(*(point + HALF_BOX_IN_ANGSTROMS + [0, 0, 1.5 * (offset - 1)]))
                residue.add_atom(atom)
            chain.add_residue(residue)
        model.add_chain(chain)
    structure.add_model(model)
    structure.write_pdb(str(path))
