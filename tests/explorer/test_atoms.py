"""Atomic models of the page: carried as flex carries them, in any frame, wrong files refused by a sentence."""

import dataclasses
import time
from pathlib import Path

import gemmi
import numpy as np
import pytest
from arm_atoms import HALF_BOX_IN_ANGSTROMS, write_model
from arm_model import arm_source, ring_latents

from gem_plugin.errors import InputError
from gem_plugin.explorer import atoms
from gem_plugin.explorer.atom_routes import plain_name
from gem_plugin.explorer.atoms import AtomModels, Frame, LoadedModel, frame_of
from gem_plugin.explorer.molecules import Molecules
from gem_plugin.io.run.files import RunFiles
from gem_plugin.landscape.motion.atoms import AtomCarrier
from gem_plugin.landscape.motion.chain_closure import ChainCloser

ARM = slice(9, 24)  # atoms of chain B


@pytest.fixture(scope="module")
def molecules(tmp_path_factory: pytest.TempPathFactory) -> Molecules:
    return Molecules(RunFiles(tmp_path_factory.mktemp("run")), arm_source(ring_latents(60)))


def file_of(folder: Path, angle: float, shift: float = 0.0) -> bytes:
    path = folder / "model.pdb"
    write_model(path, angle)
    structure = gemmi.read_structure(str(path))
    for chain in structure[0]:
        for residue in chain:
            for atom in residue:
                atom.pos += gemmi.Position(shift, shift, shift)
    structure.write_pdb(str(path))
    return path.read_bytes()


def angle_of_tip(loaded: LoadedModel, molecules: Molecules, angle: float) -> float:
    clouds_at = molecules.source.clouds_at
    assert clouds_at is not None
    moved = loaded.move(clouds_at(np.float32([[np.cos(angle), np.sin(angle)]])))
    tip = moved.positions_in_angstroms[-2] - HALF_BOX_IN_ANGSTROMS
    return float(np.arctan2(tip[1], tip[0]))


@pytest.mark.parametrize("shift", [0.0, -HALF_BOX_IN_ANGSTROMS])
def test_the_arm_of_the_atoms_goes_where_the_gaussians_have_it(
    molecules: Molecules, tmp_path: Path, shift: float
) -> None:
    _, loaded = AtomModels().load("model.pdb", file_of(tmp_path, 0.3, shift), lambda: molecules)
    assert loaded.is_centred == (shift != 0.0)
    for angle in (0.3, 1.2, -2.0):
        assert angle_of_tip(loaded, molecules, angle) == pytest.approx(angle, abs=0.1)
    clouds_at = molecules.source.clouds_at
    assert clouds_at is not None
    moved = loaded.move(clouds_at(np.float32([[np.cos(1.3), np.sin(1.3)]])))
    assert moved.displacement_in_angstroms[ARM].max() > 20
    assert moved.displacement_in_angstroms[:9].max() < 3, "the body stays"
    text = gemmi.read_structure_string(loaded.text(), format=gemmi.CoorFormat.Mmcif)
    first = next(iter(text[0][0][0])).pos
    np.testing.assert_allclose([first.x, first.y, first.z], loaded.atoms[0], atol=1e-3)


def test_mirrored_and_rescaled_maps_have_their_atoms_in_place(molecules: Molecules) -> None:
    points = np.random.default_rng(0).uniform(0, 90, (5, 3))
    for frame in (frame_of(molecules.source), Frame(48.0, 1.1, None), Frame(48.0, 0.9, 92.0)):
        np.testing.assert_allclose(frame.to_page(frame.to_gaussians(points)), points)
    flipped = arm_source(ring_latents(60), flip=True)
    on_axis = frame_of(flipped).to_page(np.zeros((1, 3)))[0]
    assert on_axis[2] == pytest.approx(23 * 4.0 - HALF_BOX_IN_ANGSTROMS), "voxel z of the centre is mirrored"


def test_wrong_files_are_refused_with_what_to_do(molecules: Molecules, tmp_path: Path) -> None:
    models = AtomModels()
    right = file_of(tmp_path, 0.0)
    far = file_of(tmp_path, 0.0, 500.0)
    wrong = [
        ("model.mol2", right, "expected an atomic model that ends in .pdb"),
        ("model.pdb", b"", "model.pdb holds no atoms"),
        ("model.cif", b"\x00\x01\x02", "model.cif is not a readable|model.cif holds no atoms"),
        ("model.pdb", far, "does not lie in the map of this run: 0% of its atoms are within 12 Å"),
        ("model.pdb", right.replace(b"48.000", b"   nan"), "not a number|not a readable"),
    ]
    for name, content, reason in wrong:
        with pytest.raises(InputError, match=reason) as caught:
            models.load(name, content, lambda: molecules)
        assert "/tmp" not in str(caught.value)
    no_gaussians = dataclasses.replace(molecules.source, clouds_at=None)
    without = Molecules(molecules.run, no_gaussians)
    with pytest.raises(InputError, match="has no Gaussians"):
        models.load("model.pdb", right, lambda: without)


def test_sizes_are_limited_before_anything_is_read(
    molecules: Molecules, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = file_of(tmp_path, 0.0)
    monkeypatch.setattr(atoms, "MAXIMUM_ATOMS", 20)
    with pytest.raises(InputError, match="has 24 atoms; the page moves at most 20"):
        AtomModels().load("model.pdb", right, lambda: molecules)
    monkeypatch.setattr(atoms, "MAXIMUM_MEGABYTES", 0)
    with pytest.raises(InputError, match="expected at most 0 MB"):
        AtomModels().load("model.pdb", right, lambda: molecules)


def test_the_latest_models_are_kept_for_all_pages(molecules: Molecules, tmp_path: Path) -> None:
    models = AtomModels()
    keys = [models.load("model.pdb", file_of(tmp_path, angle), lambda: molecules)[0] for angle in (0.1, 0.2)]
    content = file_of(tmp_path, 0.1)
    assert models.load("model.pdb", content, lambda: molecules)[0] == keys[0], (
        "the same file has the same key"
    )
    assert models.file(keys[0]) == ("model.pdb", content)
    for number in range(atoms.MAXIMUM_MODELS):
        models.load("model.pdb", file_of(tmp_path, 1 + number / 10), lambda: molecules)
    assert models.get(keys[0]) is None
    models.clear()
    assert models.get(keys[1]) is None
    with pytest.raises(InputError, match=r"no longer kept by the explorer. Load it again"):
        models.file(keys[0])


@pytest.mark.parametrize(
    ("given", "plain"),
    [
        ("../../etc/passwd.pdb", "passwd.pdb"),
        ("C:\\models\\my model (1).cif", "my_model_1_.cif"),
        ("Größe<b>.pdb", "Gr_e_b_.pdb"),
        (".pdb", "model.pdb"),
        ("x" * 300 + ".pdb", "x" * 80 + ".pdb"),
    ],
)
def test_names_of_files_become_plain(given: str, plain: str) -> None:
    assert plain_name(given) == plain


def test_ten_thousand_atoms_move_within_the_time_of_a_frame() -> None:
    generator = np.random.default_rng(0)
    centres = np.cumsum(generator.normal(size=(1300, 3)), 0)
    residues = np.repeat(np.arange(1300), 8)
    positions = np.repeat(centres, 8, axis=0) + generator.normal(size=(10_400, 3))
    reference = centres[generator.integers(0, 1300, 2300)] + generator.normal(size=(2300, 3))
    carrier = AtomCarrier(positions, residues, reference, np.ones(2300))
    bonds = np.stack([np.arange(7, 10_399, 8), np.arange(8, 10_400, 8)], axis=1)
    lengths = np.linalg.norm(positions[bonds[:, 0]] - positions[bonds[:, 1]], axis=1)
    closer = ChainCloser(residues, bonds, lengths, atoms.ROUNDS_OF_BONDS)
    moved = reference + np.sin(reference / 10)
    spent = []
    for _ in range(4):
        start = time.thread_time()  # of this processor, whatever else runs
        closed = closer.close(carrier.carry(moved, np.ones(2300))[0])
        spent.append(time.thread_time() - start)
    assert min(spent) < 0.1, "ten in a second"
    errors = np.abs(np.linalg.norm(closed[bonds[:, 0]] - closed[bonds[:, 1]], axis=1) - lengths)
    assert errors.max() < 0.05
