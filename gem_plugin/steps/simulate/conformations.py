"""The conformations that a simulation is made of: from a file with a hinge, a trajectory, or the phantom."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from gem_plugin.errors import InputError
from gem_plugin.gaussians.hinges import rotate_about_axis
from gem_plugin.gaussians.phantom import Phantom, antibody_phantom, subunit_phantom
from gem_plugin.io.atoms.positions import AtomTable, read_atoms

FULL_ROTATION_IN_DEGREES = 360.0


@dataclass(frozen=True)
class Conformations:
    """k conformations of one molecule of n atoms or points, centred on the origin."""

    positions_in_angstroms: Tensor  # (k, n, 3) float32
    amplitudes: Tensor  # (k, n) float32
    angles_in_degrees: Tensor  # (k,): rotation of the part; the model's number where nothing rotates
    motion: str  # in words

    def __len__(self) -> int:
        return len(self.angles_in_degrees)


@dataclass(frozen=True)
class HingeRotation:
    """Angles of a hinge: from, to, and how many."""

    from_in_degrees: float
    to_in_degrees: float
    n_conformations: int

    def angles(self) -> Tensor:  # (n_conformations,)
        """Evenly spaced; a full rotation does not come back to its start."""
        is_closed = abs(abs(self.to_in_degrees - self.from_in_degrees) - FULL_ROTATION_IN_DEGREES) < 1e-6
        n_steps = self.n_conformations + int(is_closed)
        return torch.linspace(self.from_in_degrees, self.to_in_degrees, n_steps)[: self.n_conformations]


def phantom_with_rotating_arm(rotation: HingeRotation, generator: torch.Generator) -> Conformations:
    """The antibody-like phantom, one arm rotated by each angle."""
    return _rotated_phantom(antibody_phantom(generator), rotation, "phantom with one rotating arm")


def subunit_with_opening_domain(rotation: HingeRotation, generator: torch.Generator) -> Conformations:
    """The subunit of a complex, its domain rotated by each angle."""
    return _rotated_phantom(subunit_phantom(generator), rotation, "subunit with one rotating domain")


def _rotated_phantom(phantom: Phantom, rotation: HingeRotation, motion: str) -> Conformations:
    angles = rotation.angles()
    positions = rotate_about_axis(
        phantom.positions_in_angstroms,
        phantom.is_moving,
        phantom.hinge_start_in_angstroms,
        phantom.hinge_end_in_angstroms,
        angles,
    )
    return _centred(positions, phantom.amplitudes.expand(len(angles), -1), angles, motion)


def phantom_with_missing_arms(generator: torch.Generator) -> Conformations:
    """The phantom in four compositions: the stem alone, with either arm, with both."""
    phantom = antibody_phantom(generator)
    has_part = torch.tensor([[1, 0, 0], [1, 1, 0], [1, 0, 1], [1, 1, 1]], dtype=torch.float32)
    amplitudes = phantom.amplitudes * has_part[:, phantom.parts]
    positions = phantom.positions_in_angstroms.expand(len(has_part), -1, -1)
    return _centred(positions, amplitudes, torch.arange(len(has_part)).float(), "phantom with missing arms")


def rotated_model(path: Path, moving: str, hinge: str, rotation: HingeRotation) -> Conformations:
    """Rotate the selected atoms of the first model about the bond between two atoms."""
    atoms = read_atoms(path)
    is_moving = atoms.select(moving)
    start, end = _bond(atoms, hinge)
    positions = torch.from_numpy(atoms.positions_in_angstroms[0]).float()
    angles = rotation.angles()
    rotated = rotate_about_axis(
        positions, torch.from_numpy(is_moving), positions[start], positions[end], angles
    )
    amplitudes = torch.from_numpy(atoms.atomic_numbers).float().expand(len(angles), -1)
    return _centred(rotated, amplitudes, angles, f"{path.name}, {moving} rotating about {hinge}")


def models_of_trajectory(path: Path) -> Conformations:
    """Every model of the file is one conformation."""
    atoms = read_atoms(path)
    n_models = len(atoms.positions_in_angstroms)
    if n_models < 2:
        raise InputError(
            f"{path} holds one model. A trajectory holds several; for one model give --moving and --hinge."
        )
    amplitudes = torch.from_numpy(atoms.atomic_numbers).float().expand(n_models, -1)
    positions = torch.from_numpy(atoms.positions_in_angstroms).float()
    return _centred(positions, amplitudes, torch.arange(n_models).float(), f"{path.name}, {n_models} models")


def occupancies(
    n_conformations: int, n_wells: int, depth_in_kt: float
) -> np.ndarray:  # (n_conformations,), sum 1
    """How often each conformation occurs: evenly, or gathered in wells that lie evenly along the motion."""
    position = (np.arange(n_conformations) + 0.5) / n_conformations
    energy_in_kt = (
        depth_in_kt / 2 * np.cos(2 * np.pi * n_wells * position) if n_wells else np.zeros_like(position)
    )
    weights = np.exp(-energy_in_kt)
    return weights / weights.sum()


def _bond(atoms: AtomTable, hinge: str) -> tuple[int, int]:
    ends = [part for part in hinge.split(",") if part.strip()]
    if len(ends) != 2:
        raise InputError(
            f"--hinge is {hinge!r}; expected two atoms separated by a comma, as in H:230:CA,H:230:C."
        )
    return atoms.index_of(ends[0].strip()), atoms.index_of(ends[1].strip())


def _centred(positions: Tensor, amplitudes: Tensor, angles: Tensor, motion: str) -> Conformations:
    """Move the centre of the box that holds every conformation to the origin."""
    flat = positions.reshape(-1, 3)
    centre = (flat.amin(0) + flat.amax(0)) / 2
    return Conformations((positions - centre).contiguous(), amplitudes.contiguous(), angles, motion)
