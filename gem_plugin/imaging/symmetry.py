"""Point groups in RELION's setting: the rotations that leave a symmetric map as it is.

Axes were compared with relion_particle_symmetry_expand. CryoSPARC's names agree but for Dn with odd n, whose twofold axis lies along y there,
and for icosahedral settings; so the map decides (see particles.symmetry_check).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache

import numpy as np
from scipy.spatial.transform import Rotation

from gem_plugin.errors import InputError

MAXIMUM_FOLD = 100
TOLERANCE = 1e-4  # of matrix elements: two rotations this close are one
EXPECTED = "Cn, Dn, T, O, I, I1, I2, I3 or I4, such as C3 or D7"
Axis = tuple[int, tuple[float, float, float]]  # fold, direction xyz
POLYHEDRAL: dict[str, tuple[Axis, ...]] = {
    "T": ((3, (0, 0, 1)), (2, (0, 0.8164966, 0.5773503))),
    "O": ((4, (0, 0, 1)), (3, (1, 1, 1))),
    "I1": ((2, (1, 0, 0)), (5, (0.8506508, 0, -0.5257311)), (3, (0.9341724, 0.3568221, 0))),
    "I2": ((2, (0, 0, 1)), (5, (0.5257311, 0, 0.8506508)), (3, (0, 0.3568221, 0.9341724))),
    "I3": ((5, (0, 0, 1)), (2, (-0.5257311, 0, 0.8506508))),
    "I4": ((5, (0.8944272, 0, 0.4472136)), (2, (0.5257311, 0, 0.8506508))),
}
ORDERS = {"T": 12, "O": 24, "I1": 60, "I2": 60, "I3": 60, "I4": 60}
SAME_AS = {"I": "I2"}


QUARTER_ABOUT_Z = ((0.0, -1.0, 0.0), (1.0, 0.0, 0.0), (0.0, 0.0, 1.0))
HALF_ABOUT_Z = ((-1.0, 0.0, 0.0), (0.0, -1.0, 0.0), (0.0, 0.0, 1.0))


@dataclass(frozen=True, eq=False)
class Symmetry:
    """The rotations by which rows were made of one particle; the identity alone where none were."""

    name: str = "C1"  # with the axes in words where they are not RELION's
    operators: np.ndarray = field(default_factory=lambda: np.eye(3)[None])  # (order, 3, 3), identity first

    def __len__(self) -> int:
        return len(self.operators)

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Symmetry)
            and self.name == other.name
            and np.array_equal(self.operators, other.operators)
        )

    __hash__ = None  # type: ignore[assignment]


def settings_of_symmetry(name: str) -> list[Symmetry]:
    """The group of that name with RELION's axes, then those with other axes that the same name has elsewhere.

    I1 to I4 name their axes and have no others; I means any of them, RELION's I2 first.
    """
    standard = _standard_name(name)
    if name.strip().upper() in SAME_AS:
        return [Symmetry(one, symmetry_operators(one)) for one in settings_of(name)]
    found = [Symmetry(standard, symmetry_operators(standard))]
    if standard.startswith("D") and int(standard[1:]) % 2:
        found.append(_rotated(found[0], QUARTER_ABOUT_Z, "with a 2-fold axis along y"))
    if standard == "T":
        found.append(_rotated(found[0], HALF_ABOUT_Z, "with its 2-fold axes at 180 degrees about z"))
        found.append(_rotated(found[0], _three_twofolds(), "with 2-fold axes along x, y and z"))
    return found


def _rotated(symmetry: Symmetry, by: Sequence[Sequence[float]] | np.ndarray, words: str) -> Symmetry:
    """The same group about axes that are rotated by a matrix."""
    matrix = np.asarray(by, dtype=np.float64)
    return Symmetry(f"{symmetry.name} {words}", matrix @ symmetry.operators @ matrix.T)


def _three_twofolds() -> np.ndarray:  # (3, 3)
    """Rotates RELION's axes of T so that its three 2-fold axes are x, y and z."""
    axes = [
        Rotation.from_matrix(one).as_rotvec()
        for one in symmetry_operators("T")[1:]
        if np.isclose(np.trace(one), -1)
    ]
    directions = np.stack([axis / np.linalg.norm(axis) for axis in axes])
    if np.linalg.det(directions) < 0:
        directions[2] *= -1
    left, _, right = np.linalg.svd(directions)  # the generators have seven digits
    return left @ right


def symmetry_operators(name: str) -> np.ndarray:  # (order, 3, 3) float64, identity first
    """All rotations of a point group. A point v of a symmetric map has its like at R v. InputError for another name."""
    return _operators(_standard_name(name)).copy()


def settings_of(name: str) -> list[str]:
    """Names of the same group with other axes, the given one first; for maps whose program has another convention."""
    standard = _standard_name(name)
    if standard.startswith("I"):
        return [standard, *(one for one in ("I1", "I2", "I3", "I4") if one != standard)]
    return [standard]


@cache
def _operators(name: str) -> np.ndarray:
    found = [np.eye(3)]
    generators = [_rotation(*axis) for axis in _generators(name)]
    expected = _order(name)
    position = 0
    while position < len(found) and len(found) <= expected:
        for generator in generators:
            candidate = generator @ found[position]
            if not any(np.abs(candidate - one).max() < TOLERANCE for one in found):
                found.append(candidate)
        position += 1
    assert len(found) == expected, f"{name} has {expected} rotations, its generators make {len(found)}"
    return np.stack(found)


def _standard_name(name: str) -> str:
    standard = SAME_AS.get(name.strip().upper(), name.strip().upper())
    cyclic = re.fullmatch(r"[CD](\d+)", standard)
    if standard not in POLYHEDRAL and (cyclic is None or not 1 <= int(cyclic[1]) <= MAXIMUM_FOLD):
        raise InputError(f"--symmetry is {name!r}; expected {EXPECTED}.")
    return standard if cyclic is None else f"{standard[0]}{int(cyclic[1])}"  # C03 is C3


def _generators(name: str) -> tuple[Axis, ...]:
    if name in POLYHEDRAL:
        return POLYHEDRAL[name]
    around_z: Axis = (int(name[1:]), (0, 0, 1))
    return (around_z,) if name[0] == "C" else (around_z, (2, (1, 0, 0)))


def _order(name: str) -> int:
    return ORDERS.get(name) or int(name[1:]) * (1 if name[0] == "C" else 2)


def _rotation(fold: int, direction: tuple[float, float, float]) -> np.ndarray:
    axis = np.asarray(direction, dtype=np.float64)
    return Rotation.from_rotvec(2 * np.pi / fold * axis / np.linalg.norm(axis)).as_matrix()
