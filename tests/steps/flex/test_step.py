"""Atoms that move with the Gaussians: bonds keep their lengths, the arm turns, the body stays."""

from pathlib import Path

import gemmi
import numpy as np
import pytest
from arm_atoms import HALF_BOX_IN_ANGSTROMS, write_model
from arm_model import arm_source

from gem_plugin.errors import InputError
from gem_plugin.io.array_files import write_array
from gem_plugin.io.atoms.models import read_atomic_model
from gem_plugin.io.atoms.positions import read_atoms
from gem_plugin.io.run.files import RunFiles
from gem_plugin.landscape.motion.atoms import carry_atoms
from gem_plugin.progress import Progress
from gem_plugin.results.run import Run
from gem_plugin.steps.flex.reference import reference_for
from gem_plugin.steps.flex.settings import FlexSettings
from gem_plugin.steps.flex.step import run_flex


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunFiles:
    angles = np.concatenate([np.full(30, -0.3), np.full(30, 0.3)])
    latents = np.stack([np.cos(angles), np.sin(angles)], 1).astype(np.float32)
    run = RunFiles(tmp_path / "run")
    write_array(run.landscape.particle_states, np.repeat([1, 2], 30))
    monkeypatch.setattr(Run, "decoder", lambda *_: arm_source(latents))
    return run


def test_the_arm_goes_where_each_state_has_it_and_the_body_stays(run: RunFiles, tmp_path: Path) -> None:
    write_model(tmp_path / "model.pdb", 0.0)
    numbers = run_flex(run, FlexSettings(model=tmp_path / "model.pdb"), Progress())
    assert (numbers["atoms"], numbers["residues"], numbers["states_conformations"]) == (24, 8, 2)
    for suffix in (".cif", ".pdb"):
        atoms = read_atoms(run.root / f"flex/states{suffix}")
        assert atoms.positions_in_angstroms.shape == (2, 24, 3)
        tips = atoms.positions_in_angstroms[:, -2] - HALF_BOX_IN_ANGSTROMS
        np.testing.assert_allclose(np.arctan2(tips[:, 1], tips[:, 0]), [-0.3, 0.3], atol=0.06)
        bonds = np.linalg.norm(np.diff(atoms.positions_in_angstroms[:, :3], axis=1), axis=2)
        np.testing.assert_allclose(bonds, 1.5, atol=0.01)
    lines = (run.root / "flex/states_displacement.csv").read_text().splitlines()
    assert lines[0] == "chain,residue,name,model_1,model_2,rms"
    displacement = {tuple(line.split(",")[:2]): float(line.split(",")[-1]) for line in lines[1:]}
    assert displacement["A", "2"] < 1.5
    assert displacement["B", "5"] > 6
    assert len((run.root / "flex/states_occupancy.csv").read_text().splitlines()) == 9


def test_peptide_bonds_keep_their_lengths_where_the_arm_bends(run: RunFiles, tmp_path: Path) -> None:
    """One chain from the body to the tip of the arm."""
    structure = gemmi.Structure()
    chain = gemmi.Chain("A")
    for number, x in enumerate(np.arange(0, 30, 3.0), start=1):
        residue = gemmi.Residue()
        residue.name, residue.seqid = "ALA", gemmi.SeqId(str(number))
        for name, along in (("N", 0.0), ("CA", 0.8), ("C", 1.6)):
            atom = gemmi.Atom()
            atom.name, atom.element = name, gemmi.Element(name[0])
            atom.pos = gemmi.Position(*(HALF_BOX_IN_ANGSTROMS + np.array([x + along, 0, 0])))
            residue.add_atom(atom)
        chain.add_residue(residue)
    structure.add_model(gemmi.Model(1))
    structure[0].add_chain(chain)
    structure.write_pdb(str(tmp_path / "model.pdb"))
    model = read_atomic_model(tmp_path / "model.pdb")
    assert model.bonds.tolist() == [[3 * one + 2, 3 * one + 3] for one in range(9)]
    run_flex(run, FlexSettings(model=tmp_path / "model.pdb"), Progress())
    atoms = read_atoms(run.root / "flex/states.cif").positions_in_angstroms
    lengths = np.linalg.norm(atoms[:, model.bonds[:, 1]] - atoms[:, model.bonds[:, 0]], axis=2)
    np.testing.assert_allclose(lengths, 1.4, atol=0.1)


def test_the_reference_is_the_conformation_that_the_model_shows() -> None:
    """On a full turn the mean shows the arm nowhere; the model shows it at one place."""
    angles = np.linspace(0, 2 * np.pi, 60, endpoint=False)
    latents = np.stack([np.cos(angles), np.sin(angles)], 1).astype(np.float32)
    atoms = np.linspace(14, 30, 5)[:, None] * [[np.cos(2.0), np.sin(2.0), 0]]
    positions, _ = reference_for(atoms, arm_source(latents), np.random.default_rng(0))
    wanted = arm_source(latents).clouds_at(np.array([[np.cos(2.0), np.sin(2.0)]], np.float32))
    assert np.abs(positions[0] - wanted.positions[0].numpy()).max() < 3


def test_a_model_outside_the_map_is_refused_with_advice(run: RunFiles, tmp_path: Path) -> None:
    write_model(tmp_path / "model.pdb", 0.0)
    with pytest.raises(InputError, match="--origin centre"):
        run_flex(run, FlexSettings(model=tmp_path / "model.pdb", origin="centre"), Progress())
    with pytest.raises(InputError, match="--model is missing"):
        run_flex(run, FlexSettings(), Progress())


def test_a_rigid_turn_of_all_gaussians_turns_the_atoms_alike_and_amplitudes_give_occupancy() -> None:
    from scipy.spatial.transform import Rotation

    generator = np.random.default_rng(0)
    gaussians, atoms = generator.normal(size=(80, 3)) * 10, generator.normal(size=(12, 3)) * 6
    turn = Rotation.from_rotvec([0.2, -0.4, 0.3]).as_matrix()
    moved = (gaussians @ turn.T + [3, 0, -1])[None]
    carried = carry_atoms(atoms, np.arange(12) // 3, gaussians, np.ones(80), moved, np.full((1, 80), 0.5))
    np.testing.assert_allclose(carried.positions_in_angstroms[0], atoms @ turn.T + [3, 0, -1], atol=1e-3)
    np.testing.assert_allclose(carried.occupancy, 0.5, atol=1e-6)
