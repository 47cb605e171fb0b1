"""Scenes for Mol* as trees of MolViewSpec 1 (molstar.org/mol-view-spec-docs): plain dictionaries, written as JSON.

The trees are few and small, so no library is needed to write them; a test reads them with the package molviewspec, which
also defines the format. Nothing is drawn here and no file is opened.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

VERSION = "1"
BACKGROUND = "white"
OVERLAY_OPACITY = 0.5
LINGER_IN_MILLISECONDS = 5000
SPACING = 1.15  # between the middles of neighbours, over the width of a map
LETTER_WIDTH = 0.55  # over the height of a label
MAXIMUM_LABEL_HEIGHT = 0.07  # over the width of a map
ZOOM, ZOOM_OF_TILES = 0.62, 0.85  # of the radius of all maps, whose borders are empty
MAXIMUM_ARROWS = 150  # of a scene
Node = dict[str, Any]


@dataclass(frozen=True)
class Surface:
    """One map of the archive, drawn at one level."""

    name: str  # of the file in the archive
    colour: str  # #RRGGBB
    label: str


def states_scene(
    states: Sequence[Surface],
    level: float,
    width_in_angstroms: float,  # of the maps, which have one grid
    title: str,
) -> Node:
    """Two views: all states side by side with labels, and on each other, transparent."""
    columns = math.ceil(math.sqrt(len(states)))
    tiled, overlay = [], []
    longest = max(len(state.label) for state in states)
    height = min(MAXIMUM_LABEL_HEIGHT, SPACING / (LETTER_WIDTH * longest)) * width_in_angstroms
    for index, state in enumerate(states):
        row, column = divmod(index, columns)
        corner = [column * SPACING * width_in_angstroms, -row * SPACING * width_in_angstroms, 0.0]
        below = [corner[0] + width_in_angstroms / 2, corner[1] + height, width_in_angstroms / 2]
        tiled += [_map(state, level, translation=corner), _label(state.label, below, height, "#000000")]
        beside = [1.05 * width_in_angstroms, width_in_angstroms * 0.9 - 1.5 * height * index, 0.0]
        overlay += [
            _map(state, level, opacity=OVERLAY_OPACITY),
            _label(state.label, beside, height, state.colour, "middle-left"),
        ]
    views = [_view("States side by side", tiled, ZOOM_OF_TILES), _view("States on each other", overlay)]
    return _several(title, views)


def motion_scene(
    bands: Sequence[Surface],  # parts of the consensus, from the still to the mobile
    level: float,
    arrow_ends: np.ndarray,  # (n, 2, 3) xyz in Angstrom: start and end, longest first
    title: str,
) -> Node:
    """The consensus in bands of colour, by how far density moves; and the same, transparent, with arrows."""
    arrows = [
        {
            "kind": "arrow",
            "start": _floats(start),
            "end": _floats(end),
            "show_end_cap": True,
            "tube_radius": 0.4,
        }
        for start, end in arrow_ends[:MAXIMUM_ARROWS]
    ]
    coloured = [_map(band, level) for band in bands]
    views = [_view("Coloured by motion", coloured)]
    if arrows:
        faint = [_map(band, level, opacity=0.35) for band in bands]
        group = {
            "kind": "primitives",
            "params": {"color": "#D55E00"},
            "children": [_primitive(one) for one in arrows],
        }
        views.append(_view("Largest joint motion", [*faint, group]))
    return _several(title, views)


def files_named(scene: Node) -> list[str]:
    """The files that a scene opens, each once."""
    found: list[str] = []
    _collect_files(scene, found)
    return list(dict.fromkeys(found))


def _collect_files(node: Any, found: list[str]) -> None:
    if isinstance(node, dict):
        if node.get("kind") == "download":
            found.append(node["params"]["url"])
        for value in node.values():
            _collect_files(value, found)
    elif isinstance(node, list):
        for value in node:
            _collect_files(value, found)


def _map(
    surface: Surface, level: float, opacity: float = 1.0, translation: Sequence[float] | None = None
) -> Node:
    """A file of the archive, read, moved, and drawn at a density level."""
    look: list[Node] = [{"kind": "color", "params": {"color": surface.colour}}]
    if opacity < 1:
        look.append({"kind": "opacity", "params": {"opacity": opacity}})
    isosurface = {
        "type": "isosurface",
        "absolute_isovalue": level,
        "show_wireframe": False,
        "show_faces": True,
    }
    drawn: list[Node] = [{"kind": "volume_representation", "params": isosurface, "children": look}]
    if translation is not None:
        drawn.insert(0, {"kind": "transform", "params": {"translation": _floats(translation)}})
    volume = {"kind": "volume", "params": {}, "children": drawn}
    parsed = {"kind": "parse", "params": {"format": "map"}, "children": [volume]}
    return {"kind": "download", "params": {"url": surface.name}, "children": [parsed]}


def _label(
    text: str, position: Sequence[float], height: float, colour: str, attachment: str = "middle-center"
) -> Node:
    label = {
        "kind": "label",
        "position": _floats(position),
        "text": text,
        "label_size": round(height, 3),
        "label_color": colour,
    }
    return {
        "kind": "primitives",
        "params": {"label_attachment": attachment},
        "children": [_primitive(label)],
    }


def _primitive(params: Node) -> Node:
    return {"kind": "primitive", "params": params}


def _view(title: str, children: Sequence[Node], zoom: float = ZOOM) -> Node:
    canvas = {"kind": "canvas", "params": {"background_color": BACKGROUND}}
    metadata = {
        "title": title,
        "key": title.lower().replace(" ", "_"),
        "linger_duration_ms": LINGER_IN_MILLISECONDS,
    }
    focus = {"kind": "focus", "params": {"radius_factor": zoom}}
    return {"metadata": metadata, "root": {"kind": "root", "children": [canvas, focus, *children]}}


def _several(title: str, views: Sequence[Node]) -> Node:
    return {
        "kind": "multiple",
        "metadata": {"title": title, "version": VERSION, "timestamp": ""},
        "snapshots": list(views),
    }


def _floats(values: Sequence[float] | np.ndarray) -> list[float]:
    return [round(float(value), 3) for value in values]
