"""Atoms of PDB and mmCIF files, and selections among them."""

from pathlib import Path

import numpy as np
import pytest

from gem_plugin.errors import InputError
from gem_plugin.io.atoms.positions import read_atoms

LINE = "{record:6}{serial:5d} {name:<4}{altloc:1}{residue:3} {chain}{number:4d}{code:1}   {x:8.3f}{y:8.3f}{z:8.3f}  1.00  0.00          {element:>2}"


def _line(name: str, chain: str, number: int, x: float = 0, element: str = "C", **other: str) -> str:
    values = {
        "record": "ATOM",
        "serial": 1,
        "altloc": "",
        "residue": "ALA",
        "code": "",
        "y": 1,
        "z": 2,
    } | other
    return LINE.format(name=f" {name}", chain=chain, number=number, x=x, element=element, **values)


LINES = [
    _line("CA", "A", 1),
    _line("C", "A", 1, 1.5),
    _line("H", "A", 1, element="H"),
    _line("CA", "A", 2, altloc="A"),
    _line("CA", "A", 2, 9.0, altloc="B"),
    _line("N", "B", -3, element="N"),
    _line("O", "B", 90, element="O", residue="HOH", record="HETATM"),
]


@pytest.fixture
def pdb(tmp_path: Path) -> Path:
    path = tmp_path / "small.pdb"
    path.write_text("\n".join([*LINES, "END", ""]))
    return path


def test_water_hydrogen_and_second_places_are_left_out(pdb: Path) -> None:
    atoms = read_atoms(pdb)
    assert list(zip(atoms.chains, atoms.residue_numbers, atoms.atom_names)) == [
        ("A", 1, "CA"),
        ("A", 1, "C"),
        ("A", 2, "CA"),
        ("B", -3, "N"),
    ]
    np.testing.assert_array_equal(atoms.atomic_numbers, [6, 6, 6, 7])
    np.testing.assert_allclose(atoms.positions_in_angstroms[0, 1], [1.5, 1, 2])


@pytest.mark.parametrize(
    ("selection", "expected"),
    [
        ("A", [1, 1, 1, 0]),
        ("A:1", [1, 1, 0, 0]),
        ("A:1:C,B", [0, 1, 0, 1]),
        ("A:1-2:CA", [1, 0, 1, 0]),
        ("B:-3", [0, 0, 0, 1]),
    ],
)
def test_selections_name_chains_residues_and_atoms(pdb: Path, selection: str, expected: list[int]) -> None:
    np.testing.assert_array_equal(read_atoms(pdb).select(selection), np.array(expected, dtype=bool))


def test_a_selection_that_names_nothing_says_which_chains_there_are(pdb: Path) -> None:
    with pytest.raises(InputError, match=r"'C:5'.*chains: A, B"):
        read_atoms(pdb).select("A,C:5")
    with pytest.raises(InputError, match="range of residue numbers"):
        read_atoms(pdb).select("A:x-y")
    with pytest.raises(InputError, match="expected one atom"):
        read_atoms(pdb).index_of("A:1")


def test_models_are_conformations_and_must_hold_the_same_atoms(tmp_path: Path) -> None:
    models = [["MODEL        1", LINES[0], "ENDMDL"], ["MODEL        2", _line("CA", "A", 1, 4.0), "ENDMDL"]]
    path = tmp_path / "two.pdb"
    path.write_text("\n".join([*models[0], *models[1], "END", ""]))
    np.testing.assert_allclose(read_atoms(path).positions_in_angstroms[:, 0, 0], [0, 4])
    path.write_text("\n".join([*models[0], "MODEL        2", LINES[1], "ENDMDL", "END", ""]))
    with pytest.raises(InputError, match="model 2 holds other atoms"):
        read_atoms(path)


def test_mmcif_and_pdb_give_the_same_atoms(pdb: Path, tmp_path: Path) -> None:
    gemmi = pytest.importorskip("gemmi")
    structure = gemmi.read_structure(str(pdb))
    structure.setup_entities()
    cif = tmp_path / "small.cif"
    structure.make_mmcif_document().write_file(str(cif))
    first, second = read_atoms(pdb), read_atoms(cif)
    np.testing.assert_allclose(second.positions_in_angstroms, first.positions_in_angstroms)
    np.testing.assert_array_equal(second.atom_names, first.atom_names)


def test_files_that_are_no_models_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no file"):
        read_atoms(tmp_path / "absent.pdb")
    (tmp_path / "empty.pdb").write_text("nothing\n")
    with pytest.raises(InputError, match=r"holds no atoms|not a readable"):
        read_atoms(tmp_path / "empty.pdb")
    (tmp_path / "broken.cif").write_text("not a cif\n")
    with pytest.raises(InputError, match="not a readable"):
        read_atoms(tmp_path / "broken.cif")


def test_the_hinge_of_a_real_antibody_is_found(shared_data: Path) -> None:
    atoms = read_atoms(shared_data / "1hzh.pdb")
    start, end = atoms.index_of("H:230:CA"), atoms.index_of("H:230:C")
    bond = atoms.positions_in_angstroms[0, end] - atoms.positions_in_angstroms[0, start]
    assert 1.4 < np.linalg.norm(bond) < 1.6
    assert 0.2 < atoms.select("L,H:1-229,H:230:N+CA+CB+SG").mean() < 0.4
