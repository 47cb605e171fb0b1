"""Each molecule moves, or lacks, what its name says; every state has all its atoms."""

from pathlib import Path

import numpy as np
import pytest
from truth.molecules import MOLECULES, Molecule, filled_ellipsoid

HALF_BOX_IN_ANGSTROMS = 32 * 6.0
SHIFT_IN_ANGSTROMS = 10.0


@pytest.fixture(scope="module")
def made(request: pytest.FixtureRequest) -> dict[str, Molecule]:
    """Those that need no file, and those of 1HZH where it is there."""
    needs = any(MOLECULES[name].needs_atoms for name in request.param)
    path = request.getfixturevalue("antibody") if needs else Path("absent.pdb")
    return {name: MOLECULES[name].make(path) for name in request.param}


def moved(molecule: Molecule, first: int, second: int) -> np.ndarray:  # (a,) Angstrom
    positions = molecule.positions_in_angstroms
    return np.linalg.norm(positions[second] - positions[first], axis=1)


@pytest.mark.parametrize("made", [("membrane", "ribosome"), tuple(MOLECULES)], indirect=True)
def test_every_molecule_fits_into_its_box_with_shifts(made: dict[str, Molecule]) -> None:
    for name, molecule in made.items():
        n_states, n_atoms, _ = molecule.positions_in_angstroms.shape
        assert molecule.amplitudes.shape == (n_states, n_atoms), name
        assert molecule.widths_in_angstroms.shape == (n_atoms,), name
        assert molecule.fractions.shape == (n_states,), name
        assert molecule.fractions.sum() == pytest.approx(1), name
        assert molecule.positions_in_angstroms.dtype == molecule.amplitudes.dtype == np.float32, name
        radius = np.linalg.norm(molecule.positions_in_angstroms, axis=2).max()
        assert radius < HALF_BOX_IN_ANGSTROMS - SHIFT_IN_ANGSTROMS, name


@pytest.mark.parametrize("made", [("small_domain", "small_domain_ends")], indirect=True)
def test_the_small_domain_opens_by_ten_degrees(made: dict[str, Molecule]) -> None:
    ends = made["small_domain_ends"]
    distance = moved(ends, 0, 1)
    is_moving = distance > 0.01
    assert 0.05 < ends.amplitudes[0][is_moving].sum() / ends.amplitudes[0].sum() < 0.25
    before, after = (ends.positions_in_angstroms[state][is_moving].astype(np.float64) for state in (0, 1))
    left, _, right = np.linalg.svd((before - before.mean(0)).T @ (after - after.mean(0)))
    angle = np.rad2deg(np.arccos((np.trace(left @ right) - 1) / 2))
    assert angle == pytest.approx(10, abs=0.05)
    continuum = made["small_domain"]
    assert len(continuum.fractions) == 21
    assert np.allclose(moved(continuum, 0, 20), distance, atol=1e-3)


@pytest.mark.parametrize("made", [("ligand",)], indirect=True)
def test_the_ligand_is_small_rare_and_in_contact(made: dict[str, Molecule]) -> None:
    molecule = made["ligand"]
    absent, present = molecule.amplitudes
    is_ligand = absent == 0
    assert 0.03 < present[is_ligand].sum() / present.sum() < 0.05
    assert molecule.fractions.tolist() == [0.8, 0.2]
    assert moved(molecule, 0, 1).max() == 0
    ligand, body = (molecule.positions_in_angstroms[0][chosen] for chosen in (is_ligand, ~is_ligand))
    distances = np.linalg.norm(ligand[:, None] - body[None], axis=2).min(axis=1)
    assert 0.5 < distances.min() < 6


@pytest.mark.parametrize("made", [("two_motions",)], indirect=True)
def test_two_motions_are_independent(made: dict[str, Molecule]) -> None:
    molecule = made["two_motions"]
    assert len(molecule.fractions) == 49
    first, second = moved(molecule, 0, 7), moved(molecule, 0, 1)  # one arm, the other
    assert not ((first > 0.01) & (second > 0.01)).any()
    assert (first > 0.01).mean() > 0.2
    assert (second > 0.01).mean() > 0.2
    both = molecule.positions_in_angstroms[8] - molecule.positions_in_angstroms[0]
    single = molecule.positions_in_angstroms[[7, 1]] - molecule.positions_in_angstroms[0]
    assert np.allclose(both, single.sum(axis=0), atol=1e-3)


@pytest.mark.parametrize("made", [("compositions",)], indirect=True)
def test_compositions_lack_either_arm_and_never_the_stem(made: dict[str, Molecule]) -> None:
    molecule = made["compositions"]
    masses = molecule.amplitudes.sum(axis=1)
    stem, second, first, whole = masses
    assert stem < min(first, second)
    assert first + second - stem == pytest.approx(whole)
    assert (molecule.amplitudes[0] > 0).sum() > 1000
    assert molecule.positions_in_angstroms.std(axis=0).max() == 0


@pytest.mark.parametrize("made", [("membrane",)], indirect=True)
def test_the_micelle_is_wide_weak_diffuse_and_still(made: dict[str, Molecule]) -> None:
    molecule = made["membrane"]
    is_micelle = molecule.widths_in_angstroms > 5
    amplitudes = molecule.amplitudes[0]
    assert amplitudes[is_micelle].max() < amplitudes[~is_micelle].min() / 2
    assert np.ptp(molecule.positions_in_angstroms[0][is_micelle][:, 0]) > 130
    assert moved(molecule, 0, 10)[is_micelle].max() == 0
    assert 5 < moved(molecule, 0, 10).max() < 40


@pytest.mark.parametrize("made", [("ribosome",)], indirect=True)
def test_the_ribosome_is_large_and_its_arm_small(made: dict[str, Molecule]) -> None:
    molecule = made["ribosome"]
    is_arm = moved(molecule, 0, 20) > 0.01
    assert 0.01 < molecule.amplitudes[0][is_arm].sum() / molecule.amplitudes[0].sum() < 0.1
    assert 15 < moved(molecule, 0, 20).max() < 60
    assert 180 < np.ptp(molecule.positions_in_angstroms[0], axis=0).max() < 280


def test_points_fill_the_ellipsoid_evenly() -> None:
    points = filled_ellipsoid((10, 20, 5), 20_000, np.random.default_rng(0), (1, 2, 3))
    scaled = (points - (1, 2, 3)) / (10, 20, 5)
    radii = np.linalg.norm(scaled, axis=1)
    assert radii.max() <= 1
    assert (radii < 0.5).mean() == pytest.approx(1 / 8, abs=0.01)
