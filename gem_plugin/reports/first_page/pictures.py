"""The surfaces of a molecule as pictures in their colours, without the panels that show them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.colors import LinearSegmentedColormap, to_rgb

from gem_plugin.reports.figures.palette import STILL_TO_MOVING, colour_of_group
from gem_plugin.reports.figures.surfaces import SUPERSAMPLING, Frame, draw_surface, find_surface, paint
from gem_plugin.reports.first_page.shown_change import Arrows, Change

if TYPE_CHECKING:
    from gem_plugin.reports.first_page.molecule import ColouredConsensus, Molecule

LIGHTER = 0.12  # of white in the colour of a state, so that its shaded side is not black
PLAIN = (0.72, 0.75, 0.78)  # a surface of which nothing is known


@dataclass(frozen=True)
class StatePicture:
    """One state as a picture."""

    number: int
    picture: np.ndarray  # (height, width, 4) uint8


@dataclass(frozen=True)
class Pictures:
    """The surfaces of a molecule, drawn once and shown in several figures."""

    frame: Frame
    states: tuple[StatePicture, ...]
    consensus: np.ndarray  # (height, width, 4) uint8
    change: Change | None
    highest: float  # value at the end of the colour bar
    arrows: Arrows | None


def colour_map() -> LinearSegmentedColormap:
    """From still to moving; lightness falls evenly, so that it reads in grey too."""
    return LinearSegmentedColormap.from_list("motion", STILL_TO_MOVING)


def surface_colour(number: int) -> np.ndarray:  # (3,) 0 to 1
    """The colour of a state, a little lighter."""
    return np.array(to_rgb(colour_of_group(number))) * (1 - LIGHTER) + LIGHTER


def draw_pictures(
    molecule: Molecule,
    height_in_pixels: int,  # of each state
    height_of_consensus: int,
    supersampling: int = SUPERSAMPLING,
) -> Pictures:
    """Every surface of the molecule on one view and in one frame."""
    view, frame, consensus = molecule.view, molecule.frame, molecule.consensus
    states = tuple(
        StatePicture(
            number,
            draw_surface(
                one, molecule.level, view, frame, height_in_pixels, surface_colour(number), supersampling
            ),
        )
        for number, one in molecule.states.items()
    )
    return Pictures(
        frame,
        states,
        _picture_of_consensus(consensus, view, frame, height_of_consensus, supersampling),
        consensus.change,
        consensus.highest,
        consensus.arrows,
    )


def _picture_of_consensus(
    consensus: ColouredConsensus, view: np.ndarray, frame: Frame, height: int, supersampling: int
) -> np.ndarray:
    surface = find_surface(consensus.fine, consensus.level, view, frame, height * supersampling)
    if consensus.change is None or not len(surface.positions):
        return paint(surface, np.array(PLAIN), supersampling)
    fractions = np.clip(consensus.values_at(surface.positions) / consensus.highest, 0, 1)
    return paint(surface, colour_map()(fractions)[:, :3], supersampling)
