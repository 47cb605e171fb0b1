"""Molecules made in code: antibody-like, with a stem, two arms and a hinge for one of them; and a subunit of a complex.

About the size of an IgG (three lobes of some 50 kDa in a Y of 140 Angstrom), without being a copy of one.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

Point = tuple[float, float, float]
Ellipsoid = tuple[Point, Point]  # centre and half-axes
POINTS_PER_DOMAIN = 140
ATOMS_PER_POINT = 6  # one point stands for this many atoms of carbon, nitrogen or oxygen
ELECTRONS_PER_ATOM = 6.7
MINIMUM_DISTANCE_IN_ANGSTROMS = 4.0

# Two domains per lobe, each pair: centre (x, y, z) and half-axes in Angstrom. All differ, so that no view looks like another.
STEM = (((0, -48, 4), (15, 19, 12)), ((3, -20, -5), (17, 15, 11)), ((-12, -46, -9), (9, 14, 13)))
STILL_ARM = (((-34, 22, 3), (16, 20, 13)), ((-58, 44, -4), (14, 18, 16)), ((-40, 34, 16), (11, 14, 9)))
MOVING_ARM = (((33, 21, -3), (15, 21, 12)), ((54, 49, 9), (13, 17, 18)), ((47, 26, -18), (12, 13, 10)))
# A subunit of a complex: a body of two domains and one domain that opens.
BODY = (((-10, -4, 0), (14, 17, 12)), ((6, -16, 6), (11, 10, 13)))
OPENING_DOMAIN = (((12, 16, -4), (13, 10, 11)), ((24, 22, 4), (9, 11, 8)))
SUBUNIT_HINGE = ((2.0, 4.0, -12.0), (-4.0, 6.0, 12.0))
HINGE_START = (6.0, 2.0, 0.0)
HINGE_END = (37.0, 10.0, 7.0)  # 29 degrees off the arm, which therefore sweeps a cone


@dataclass(frozen=True)
class Phantom:
    """Points of a made-up molecule, its parts, and the axis about which one arm rotates."""

    positions_in_angstroms: Tensor  # (n, 3), ordered xyz, mean near the origin
    amplitudes: Tensor  # (n,), electrons
    parts: Tensor  # (n,) int64: 0 stem, 1 still arm, 2 moving arm
    hinge_start_in_angstroms: Tensor  # (3,)
    hinge_end_in_angstroms: Tensor  # (3,)

    @property
    def is_moving(self) -> Tensor:  # (n,) bool
        return self.parts == 2


def antibody_phantom(generator: torch.Generator) -> Phantom:
    """Fill the domains with points at random, but never two close together."""
    return _filled((STEM, STILL_ARM, MOVING_ARM), (HINGE_START, HINGE_END), generator)


def subunit_phantom(generator: torch.Generator) -> Phantom:
    """A subunit of some 60 Angstrom with a domain that opens; part 2, so that it counts as moving."""
    return _filled((BODY, (), OPENING_DOMAIN), SUBUNIT_HINGE, generator)


def _filled(
    domains_of_parts: Sequence[Sequence[Ellipsoid]], hinge: tuple[Point, Point], generator: torch.Generator
) -> Phantom:
    positions, parts = [], []
    for part, domains in enumerate(domains_of_parts):
        for centre, half_axes in domains:
            points = _fill_ellipsoid(torch.tensor(half_axes, dtype=torch.float32), generator)
            positions.append(points + torch.tensor(centre, dtype=torch.float32))
            parts.append(torch.full((len(points),), part))
    n_points = sum(len(points) for points in positions)
    return Phantom(
        positions_in_angstroms=torch.cat(positions),
        amplitudes=torch.full((n_points,), ATOMS_PER_POINT * ELECTRONS_PER_ATOM),
        parts=torch.cat(parts),
        hinge_start_in_angstroms=torch.tensor(hinge[0]),
        hinge_end_in_angstroms=torch.tensor(hinge[1]),
    )


def _fill_ellipsoid(
    half_axes: Tensor, generator: torch.Generator
) -> Tensor:  # (POINTS_PER_DOMAIN at most, 3)
    """Random points inside an ellipsoid about the origin, thinned to a smallest distance."""
    candidates = 2 * torch.rand((40 * POINTS_PER_DOMAIN, 3), generator=generator) - 1
    candidates = candidates[(candidates**2).sum(1) < 1] * half_axes
    chosen: list[Tensor] = []
    for point in candidates:
        is_free = not chosen or bool(
            (torch.stack(chosen) - point).norm(dim=1).min() > MINIMUM_DISTANCE_IN_ANGSTROMS
        )
        if is_free:
            chosen.append(point)
        if len(chosen) == POINTS_PER_DOMAIN:
            break
    return torch.stack(chosen)
