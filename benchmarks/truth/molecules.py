"""Molecules with more than one state, all atoms (or points) of every state known: other kinds than one arm that rotates."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from scipy.spatial import cKDTree

from gem_plugin.gaussians.hinges import rotate_about_axis
from gem_plugin.io.atoms.positions import AtomTable, read_atoms

ATOM_WIDTH_IN_ANGSTROMS = 1.5
POINT_WIDTH_IN_ANGSTROMS = 2.5  # of a point that stands for several atoms
FIRST_ARM, SECOND_ARM = "L,H:1-230", "M,K:1-230"  # the two Fabs of 1HZH
FIRST_HINGE, SECOND_HINGE = ("H:230:CA", "H:230:C"), ("K:230:CA", "K:230:C")
CUBIC_ANGSTROMS_PER_ATOM = 17.0  # of protein without hydrogens: 1.21 cubic Angstrom per Dalton, 14 Dalton
CHAINS = ("H", "K", "L", "M")


@dataclass(frozen=True)
class Molecule:
    """k states of a atoms, and how often each occurs."""

    description: str
    positions_in_angstroms: np.ndarray  # (k, a, 3) float32
    amplitudes: np.ndarray  # (k, a) float32; 0: absent
    widths_in_angstroms: np.ndarray  # (a,) float32
    fractions: np.ndarray  # (k,), sum 1


@dataclass(frozen=True)
class MoleculeKind:
    """How a molecule is made, from the atoms of 1HZH or without them."""

    make: Callable[[Path], Molecule]  # from the path of 1hzh.pdb
    needs_atoms: bool


def small_domain(path: Path) -> Molecule:
    """The variable half of one Fab of 1HZH opens by 10 degrees about its elbow: a continuum of 21 states."""
    return _opening_domain(path, np.linspace(0, 10, 21), "continuum")


def small_domain_two_ends(path: Path) -> Molecule:
    """The same domain, closed in one half of the particles and open by 10 degrees in the other."""
    return _opening_domain(path, np.array([0.0, 10.0]), "two ends")


def _opening_domain(path: Path, angles_in_degrees: np.ndarray, words: str) -> Molecule:
    atoms = _antibody(path)
    is_moving = atoms.select("L:1-107,H:1-113")
    elbow = [_centre(atoms, "L:106-108"), _centre(atoms, "H:112-114")]
    positions = _rotated(_positions(atoms), is_moving, elbow, angles_in_degrees)
    fraction = atoms.atomic_numbers[is_moving].sum() / atoms.atomic_numbers.sum()
    said = f"variable domains of one Fab ({fraction:.0%} of the mass) open by 10 degrees, {words}"
    return _of_atoms(said, positions, atoms, None, None)


def ligand(path: Path, seed: int = 0) -> Molecule:
    """A compact ligand of 4 per cent of the mass, present in 20 per cent of the particles."""
    atoms = _antibody(path)
    body = _positions(atoms)
    mass = atoms.atomic_numbers.astype(np.float64)
    generator = np.random.default_rng(seed)
    n_atoms = round(0.04 * len(body))
    radius = (3 * n_atoms * CUBIC_ANGSTROMS_PER_ATOM / (4 * np.pi)) ** (1 / 3)
    blob = filled_ellipsoid((radius,) * 3, n_atoms, generator, _pocket(body, radius))
    positions = np.concatenate([body, blob])[None].repeat(2, axis=0)
    weights = np.concatenate([mass, np.full(len(blob), mass.mean())])
    amplitudes = np.stack([np.where(np.arange(len(weights)) < len(body), weights, 0), weights])
    widths = np.full(len(weights), ATOM_WIDTH_IN_ANGSTROMS)
    return _centred("ligand of 4 % of the mass in 20 %", positions, amplitudes, widths, np.array([0.8, 0.2]))


def two_motions(path: Path) -> Molecule:
    """Both Fabs of 1HZH rotate about their hinges by up to 30 degrees either way, independently: 7 x 7 states."""
    atoms = _antibody(path)
    angles = np.linspace(-30, 30, 7)
    rest = _positions(atoms)
    first = _rotated(rest, atoms.select(FIRST_ARM), _ends(atoms, FIRST_HINGE), angles)
    second = _rotated(rest, atoms.select(SECOND_ARM), _ends(atoms, SECOND_HINGE), angles)
    positions = np.stack([a + b - rest for a in first for b in second])  # no atom is in both arms
    return _of_atoms("two Fabs rotate independently, by 30 degrees either way", positions, atoms, None, None)


def compositions(path: Path) -> Molecule:
    """The stem of 1HZH alone, with either Fab, and with both, equally frequent."""
    atoms = _antibody(path)
    arms = [atoms.select(FIRST_ARM), atoms.select(SECOND_ARM)]
    is_there = [
        (has_first | ~arms[0]) & (has_second | ~arms[1])
        for has_first in (False, True)
        for has_second in (False, True)
    ]
    positions = _positions(atoms)[None].repeat(4, axis=0)
    return _of_atoms("four compositions of two Fabs", positions, atoms, np.stack(is_there), None)


def membrane(path: Path, seed: int = 0) -> Molecule:
    """A wide membrane protein in a micelle (a weak diffuse torus); a domain above the membrane tilts by 20 degrees."""
    generator = np.random.default_rng(seed)
    rings = [(38 * np.cos(t), 38 * np.sin(t), 0.0) for t in np.arange(5) * 2 * np.pi / 5]
    helices = [
        filled_ellipsoid((16 + i, 15, 24 - 2 * i), 700, generator, centre) for i, centre in enumerate(rings)
    ]
    cap = filled_ellipsoid((30, 24, 14), 900, generator, (6, -4, 34))
    domain = filled_ellipsoid((17, 13, 15), 500, generator, (26, 10, 62))
    angle, around = generator.uniform(0, 2 * np.pi, (2, 2500))
    radius, height = 66 + 14 * np.cos(angle), 17 * np.sin(angle)
    torus = np.stack([radius * np.cos(around), radius * np.sin(around), height], axis=1)
    parts = [*helices, cap, domain, torus]
    body = np.concatenate(parts)
    labels = np.repeat(np.arange(len(parts)), [len(part) for part in parts])
    is_domain, is_micelle = labels == len(parts) - 2, labels == len(parts) - 1
    positions = _rotated(
        body, is_domain, [np.array([20.0, -20, 46]), np.array([20.0, 30, 46])], np.linspace(-10, 10, 11)
    )
    amplitudes = np.where(is_micelle, 12.0, 40.0)[None].repeat(len(positions), axis=0)
    widths = np.where(is_micelle, 6.0, POINT_WIDTH_IN_ANGSTROMS)
    return _centred("membrane protein in a micelle", positions, amplitudes, widths, None)


def ribosome_like(path: Path, seed: int = 0) -> Molecule:
    """A compact body of many random blobs, about 2 MDa, without symmetry; an arm at its rim rotates by 40 degrees."""
    generator = np.random.default_rng(seed)
    n_blobs, points_per_blob = 90, 200
    directions = generator.standard_normal((n_blobs, 3))
    directions /= np.linalg.norm(directions, axis=1)[:, None]
    centres = directions * 103 * generator.random((n_blobs, 1)) ** (1 / 3) * (1.0, 0.85, 0.8)
    axes = generator.uniform(9, 24, (n_blobs, 3))
    blobs = [
        filled_ellipsoid(axis, points_per_blob, generator, centre) for axis, centre in zip(axes, centres)
    ]
    arm = [
        filled_ellipsoid((12, 14, 22), 300, generator, (74, 46, 48)),
        filled_ellipsoid((15, 11, 17), 300, generator, (93, 59, 72)),
    ]
    body = np.concatenate([*blobs, *arm])
    is_arm = np.arange(len(body)) >= n_blobs * points_per_blob
    hinge = [np.array([62.0, 36, 26]), np.array([50.0, 48, 30])]
    positions = _rotated(body, is_arm, hinge, np.linspace(-20, 20, 21))
    density = np.concatenate(
        [np.prod(axes, axis=1).repeat(points_per_blob) / 3000, np.full(is_arm.sum(), 1.0)]
    )
    amplitudes = (50 * density.astype(np.float64))[None].repeat(len(positions), axis=0)
    widths = np.full(len(body), POINT_WIDTH_IN_ANGSTROMS)
    return _centred("ribosome-like body, an arm rotates by 40 degrees", positions, amplitudes, widths, None)


MOLECULES = {
    "small_domain": MoleculeKind(small_domain, True),
    "small_domain_ends": MoleculeKind(small_domain_two_ends, True),
    "ligand": MoleculeKind(ligand, True),
    "two_motions": MoleculeKind(two_motions, True),
    "compositions": MoleculeKind(compositions, True),
    "membrane": MoleculeKind(membrane, False),
    "ribosome": MoleculeKind(ribosome_like, False),
}


def filled_ellipsoid(
    half_axes: Sequence[float] | np.ndarray,  # 3
    n_points: int,
    generator: np.random.Generator,
    centre: Sequence[float] | np.ndarray,  # 3
) -> np.ndarray:  # (n_points, 3)
    """Points evenly distributed inside an ellipsoid."""
    directions = generator.standard_normal((n_points, 3))
    directions /= np.linalg.norm(directions, axis=1)[:, None]
    return directions * generator.random((n_points, 1)) ** (1 / 3) * np.asarray(half_axes) + np.asarray(
        centre
    )


def _antibody(path: Path) -> AtomTable:
    """The protein of 1HZH, without its sugars."""
    atoms = read_atoms(path)
    chosen = np.isin(atoms.chains, CHAINS)
    arrays = {
        name: getattr(atoms, name)[chosen]
        for name in ("atomic_numbers", "atom_names", "chains", "residue_numbers", "insertion_codes")
    }
    return AtomTable(atoms.path, atoms.positions_in_angstroms[:1, chosen], **arrays)


def _positions(atoms: AtomTable) -> np.ndarray:  # (a, 3)
    return atoms.positions_in_angstroms[0]


def _centre(atoms: AtomTable, selection: str) -> np.ndarray:  # (3,)
    return _positions(atoms)[atoms.select(selection)].mean(axis=0)


def _ends(atoms: AtomTable, hinge: tuple[str, str]) -> list[np.ndarray]:
    return [_positions(atoms)[atoms.index_of(name)] for name in hinge]


def _rotated(
    positions: np.ndarray,  # (a, 3)
    is_moving: np.ndarray,  # (a,) bool
    axis: list[np.ndarray],  # two points on it
    angles_in_degrees: np.ndarray,  # (k,)
) -> np.ndarray:  # (k, a, 3)
    start, end = (torch.from_numpy(np.asarray(point, np.float64)) for point in axis)
    rotated = rotate_about_axis(
        torch.from_numpy(positions),
        torch.from_numpy(is_moving),
        start,
        end,
        torch.from_numpy(angles_in_degrees),
    )
    return rotated.numpy()


def _pocket(body: np.ndarray, radius: float) -> np.ndarray:  # (3,)
    """Where a ball of this radius touches the molecule on as many sides as it can without an atom inside."""
    low, high = body.min(axis=0), body.max(axis=0)
    axes = [np.arange(first, last, 3.0) for first, last in zip(low, high)]
    points = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
    tree = cKDTree(body)
    nearest = tree.query(points)[0]
    outside = points[(nearest > radius + 1) & (nearest < radius + 4)]
    neighbours = tree.query_ball_point(outside, radius + 8, return_length=True)
    return outside[np.argmax(neighbours)]


def _of_atoms(
    description: str,
    positions: np.ndarray,  # (k, a, 3)
    atoms: AtomTable,
    is_there: np.ndarray | None,  # (k, a) bool; None: all
    fractions: np.ndarray | None,  # (k,); None: equal
) -> Molecule:
    """A molecule whose amplitudes are the atomic numbers."""
    amplitudes = np.repeat(atoms.atomic_numbers[None].astype(np.float64), len(positions), axis=0)
    if is_there is not None:
        amplitudes = amplitudes * is_there
    widths = np.full(len(atoms), ATOM_WIDTH_IN_ANGSTROMS)
    return _centred(description, positions, amplitudes, widths, fractions)


def _centred(
    description: str,
    positions: np.ndarray,
    amplitudes: np.ndarray,
    widths: np.ndarray,
    fractions: np.ndarray | None,
) -> Molecule:
    """The centre of the box that holds every state moves to the origin."""
    flat = positions.reshape(-1, 3)
    centre = (flat.min(axis=0) + flat.max(axis=0)) / 2
    n_states = len(positions)
    return Molecule(
        description,
        (positions - centre).astype(np.float32),
        amplitudes.astype(np.float32),
        widths.astype(np.float32),
        np.full(n_states, 1 / n_states) if fractions is None else fractions,
    )
