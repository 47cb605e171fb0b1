"""Point groups: closed, of the right order, and with the axes of real RELION."""

import subprocess
from pathlib import Path

import numpy as np
import pytest
import starfile
from scipy.spatial.transform import Rotation

from gem_plugin.errors import InputError
from gem_plugin.imaging.symmetry import settings_of_symmetry, symmetry_operators

ORDERS = {
    "C1": 1,
    "C3": 3,
    "c7": 7,
    "D2": 4,
    "D7": 14,
    "T": 12,
    "O": 24,
    "I": 60,
    "I1": 60,
    "I3": 60,
    "I4": 60,
}


@pytest.mark.parametrize(("name", "order"), ORDERS.items())
def test_a_group_is_closed_and_begins_with_the_identity(name: str, order: int) -> None:
    operators = symmetry_operators(name)
    assert operators.shape == (order, 3, 3)
    np.testing.assert_allclose(operators[0], np.eye(3))
    np.testing.assert_allclose(np.linalg.det(operators), 1)
    products = np.einsum("aij,bjk->abik", operators, operators).reshape(-1, 1, 9)
    distances = np.abs(products - operators.reshape(1, -1, 9)).max(axis=2)
    assert distances.min(axis=1).max() < 1e-6
    assert (np.abs(operators[:, None] - operators[None]).max(axis=(2, 3)) < 1e-3).sum() == order


@pytest.mark.parametrize("name", ["", "C0", "X3", "D", "C1000", "Z", "3"])
def test_unknown_names_are_refused_with_those_that_are_known(name: str) -> None:
    with pytest.raises(InputError, match="expected Cn, Dn, T, O, I, I1"):
        symmetry_operators(name)


@pytest.mark.parametrize("name", ["D3", "D7", "T", "I"])
def test_a_name_with_other_axes_elsewhere_gives_groups_that_differ(name: str) -> None:
    settings = settings_of_symmetry(name)
    assert len({one.name for one in settings}) == len(settings) > 1
    for one in settings:
        np.testing.assert_allclose(one.operators[0], np.eye(3), atol=1e-9)
        products = np.einsum("aij,bjk->abik", one.operators, one.operators).reshape(-1, 1, 9)
        assert np.abs(products - one.operators.reshape(1, -1, 9)).max(axis=2).min(axis=1).max() < 1e-6
    for index, one in enumerate(settings):
        for other in settings[index + 1 :]:
            distances = np.abs(one.operators[:, None] - other.operators[None]).max(axis=(2, 3))
            assert distances.min(axis=1).max() > 0.1


def test_axes_are_those_that_the_names_say() -> None:
    along_y = settings_of_symmetry("D3")[1].operators
    half_about_y = np.diag([-1.0, 1.0, -1.0])
    assert np.abs(along_y - half_about_y).max(axis=(1, 2)).min() < 1e-9
    three_twofolds = settings_of_symmetry("T")[2].operators
    for axis in range(3):
        half = -np.eye(3)
        half[axis, axis] = 1
        assert np.abs(three_twofolds - half).max(axis=(1, 2)).min() < 1e-6


def test_even_dihedral_and_octahedral_groups_have_one_setting() -> None:
    assert [len(settings_of_symmetry(name)) for name in ("C3", "D2", "D8", "O", "I1")] == [1] * 5


@pytest.mark.relion
@pytest.mark.parametrize("name", ["C3", "D2", "D7", "T", "O", "I1", "I2", "I3", "I4"])
def test_relion_expands_by_the_same_rotations(name: str, relion: Path, tmp_path: Path) -> None:
    """Copies of a particle with rotation A have rotations A R, for R of the group."""
    angles = np.array([[10.0, 50.0, -30.0], [200.0, 110.0, 75.0]])
    lines = [f"{rot} {tilt} {psi} {row + 1:06d}@a.mrcs 1" for row, (rot, tilt, psi) in enumerate(angles)]
    shared = {
        "OpticsGroup": "1",
        "OpticsGroupName": "opticsGroup1",
        "ImagePixelSize": "1.0",
        "ImageSize": "64",
    }
    shared |= {
        "ImageDimensionality": "2",
        "Voltage": "300",
        "SphericalAberration": "2.7",
        "AmplitudeContrast": "0.1",
    }
    optics = "# version 30001\n\ndata_optics\n\nloop_\n"
    optics += (
        "".join(f"_rln{label} #{i + 1}\n" for i, label in enumerate(shared))
        + " ".join(shared.values())
        + "\n\n"
    )
    labels = ["_rlnAngleRot", "_rlnAngleTilt", "_rlnAnglePsi", "_rlnImageName", "_rlnOpticsGroup"]
    head = "# version 30001\n\ndata_particles\n\nloop_\n" + "".join(
        f"{label} #{i + 1}\n" for i, label in enumerate(labels)
    )
    (tmp_path / "in.star").write_text(optics + head + "\n".join(lines) + "\n")
    program = relion / "relion_particle_symmetry_expand"
    subprocess.run(
        [program, "--i", "in.star", "--o", "out.star", "--sym", name],
        cwd=tmp_path,
        check=True,
        capture_output=True,
    )
    made = starfile.read(tmp_path / "out.star", always_dict=True)["particles"]
    found = _matrices(made[["rlnAngleRot", "rlnAngleTilt", "rlnAnglePsi"]].to_numpy())
    operators = symmetry_operators(name)
    assert len(found) == 2 * len(operators)
    for row, of_particle in enumerate(_matrices(angles)):
        copies = found[made["rlnImageName"] == f"{row + 1:06d}@a.mrcs"]
        expected = of_particle @ operators
        distances = np.abs(copies[:, None] - expected[None]).max(axis=(2, 3))
        assert distances.min(axis=1).max() < 1e-4
        assert distances.min(axis=0).max() < 1e-4


def _matrices(angles: np.ndarray) -> np.ndarray:  # (n, 3) -> (n, 3, 3): a point v lands on (A v)[:2]
    return Rotation.from_euler("ZYZ", angles, degrees=True).inv().as_matrix()


@pytest.mark.parametrize(("written", "name"), [("c3", "C3"), (" D07 ", "D7"), ("C01", "C1"), ("i2", "I2")])
def test_a_group_has_one_name_however_it_is_written(written: str, name: str) -> None:
    found = settings_of_symmetry(written)[0]
    assert found.name == name
    np.testing.assert_array_equal(found.operators, symmetry_operators(name))
