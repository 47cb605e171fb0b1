"""Whether the map of a refinement has the symmetry that a user names, and about which axes: programs differ in them."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from gem_plugin.errors import InputError
from gem_plugin.imaging.map_symmetry import agreements_with_rotations
from gem_plugin.imaging.symmetry import Symmetry, settings_of_symmetry
from gem_plugin.notices import note, warn

MINIMUM_AGREEMENT = 0.8  # of every operator: below, copies show other molecules
USUAL_AGREEMENT = 0.95  # of a refinement with that symmetry
BOX_OF_OTHER_GROUPS = 40  # pixels, for the search of what a map has instead
MAXIMUM_FOLD_TRIED = 12


def symmetry_of_map(
    name: str,  # as a user writes it: C3, D7, T, O, I, I1
    volume: np.ndarray,  # (box, box, box), ordered zyx: of the refinement
    mask: np.ndarray | None,  # (box, box, box): of the molecule
    path: Path,  # of the map, for messages
) -> Symmetry:
    """The group with the axes that the map has; InputError with the numbers where it has none of that name."""
    settings = settings_of_symmetry(name)
    found = [lowest_agreement(volume, symmetry, mask) for symmetry in settings]
    best = int(np.argmax(found))
    symmetry, agreement = settings[best], found[best]
    if agreement < MINIMUM_AGREEMENT:
        raise InputError(_refusal(settings, found, volume, mask, path))
    if best:
        note(
            f"--symmetry {name}: the map {path} has {symmetry.name} (it agrees with itself after every rotation to "
            f"{agreement:.2f}; about the axes of RELION's {settings[0].name} to {found[0]:.2f}), which is used."
        )
    if agreement < USUAL_AGREEMENT:
        warn(
            f"{path} agrees with itself after the rotations of {symmetry.name} only to {agreement:.2f}; a map refined with that "
            f"symmetry does to {USUAL_AGREEMENT} or more. Copies are poses of the molecule only as far as it is symmetric."
        )
    return symmetry


def check_symmetry_of_map(symmetry: Symmetry, volume: np.ndarray, path: Path) -> None:
    """Refuse another map than that by which the particles were expanded, where it does not have their symmetry."""
    agreement = lowest_agreement(volume, symmetry)
    if agreement < MINIMUM_AGREEMENT:
        raise InputError(
            f"{path}: the particles were prepared with the symmetry {symmetry.name}, but this map agrees with itself after its "
            f"rotations only to {agreement:.2f} (expected {MINIMUM_AGREEMENT} or more). Give the map of the symmetric refinement."
        )


def lowest_agreement(
    volume: np.ndarray, symmetry: Symmetry, mask: np.ndarray | None = None, **how: int
) -> float:
    """The smallest correlation of the map with itself over all operators; 1 for C1."""
    has_axis_along_z = symmetry.name[0] in "CD"
    operators = symmetry.operators[1:]
    if not len(operators):
        return 1.0
    return float(agreements_with_rotations(volume, operators, has_axis_along_z, mask, **how).min())


def _refusal(
    settings: list[Symmetry], found: list[float], volume: np.ndarray, mask: np.ndarray | None, path: Path
) -> str:
    numbers = ", ".join(f"{symmetry.name}: {value:.2f}" for symmetry, value in zip(settings, found))
    other = _symmetry_that_fits(volume, mask)
    advice = (
        f"It has {other[0].name} ({other[1]:.2f}): give --symmetry {other[0].name.split()[0]}"
        if other is not None
        else "It has no other usual symmetry either: give the map of the symmetric refinement, as it was left by the refinement"
    )
    return (
        f"--symmetry {settings[0].name}: the map {path} does not have it; after its rotations it agrees with itself only to "
        f"{numbers} (expected {MINIMUM_AGREEMENT} or more). {advice}."
    )


def _symmetry_that_fits(volume: np.ndarray, mask: np.ndarray | None) -> tuple[Symmetry, float] | None:
    """The largest usual group that the map has."""
    fitting = []
    for symmetry in _usual_groups():
        agreement = lowest_agreement(volume, symmetry, mask, maximum_box=BOX_OF_OTHER_GROUPS)
        if agreement >= USUAL_AGREEMENT:
            fitting.append((symmetry, agreement))
    return max(fitting, key=lambda one: (len(one[0]), one[1])) if fitting else None


def _usual_groups() -> Iterator[Symmetry]:
    folds = range(2, MAXIMUM_FOLD_TRIED + 1)
    for name in (*(f"C{fold}" for fold in folds), *(f"D{fold}" for fold in folds), "T", "O", "I"):
        yield from settings_of_symmetry(name)
