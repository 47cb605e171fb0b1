"""The surfaces of report.html that the mouse rotates: the maps as bytes, and NGL, both packed into the page.

Nothing is unpacked before the reader asks for it; without script or WebGL the picture above stays what it is.
"""

import base64
import gzip
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np

from gem_plugin.imaging.resampling import resample_map
from gem_plugin.reports.figures.palette import colour_of_group, colours_of_change
from gem_plugin.reports.first_page.molecule import ColouredConsensus, Molecule
from gem_plugin.reports.sections.html_parts import script_data

GRID = 64  # voxels along each side of what the browser draws
HIGHEST_BYTE = 255
HEADROOM = 2.5  # density of the highest byte over the level: the inside of a surface is not seen
LIBRARY = ("explorer", "page", "libraries", "ngl.js")  # its README says what it is
COLOURS_OF_CHANGE = 16


def surface_viewer(data: str) -> str:
    """The button and the place of the viewer; empty where there is nothing to rotate."""
    if not data:
        return ""
    return (
        '<div class="surfaces" hidden><button type="button" class="open">Rotate the surfaces</button>'
        '<div class="controls" hidden></div><div class="stage" hidden></div>'
        '<p class="help" hidden>Drag: rotate. Right-drag: pan. Scroll: zoom.</p></div>'
        f'{data}<script type="text/plain" id="surface-library">{packed_library()}</script>'
    )


def surface_data(molecule: Molecule, badges: Mapping[int, str]) -> str:
    """The maps of the states and of the coloured consensus for the page's script."""
    shown = [
        {
            "title": f"state {number}",
            "note": badges.get(number, ""),
            "colour": colour_of_group(number),
            **_packed_map(one.density, molecule.level),
        }
        for number, one in molecule.states.items()
    ]
    consensus = molecule.consensus
    shown.append(
        {
            "title": "consensus",
            "note": consensus.change.value if consensus.change else "",
            "colour": "#B8BFC7",
            **_packed_map(consensus.fine.density, consensus.level),
            **_packed_change(consensus),
        }
    )
    size = consensus.fine.voxel_size_in_angstroms * len(consensus.fine.density) / GRID
    frame = molecule.frame
    middle = np.array([(frame.left + frame.right) / 2, (frame.bottom + frame.top) / 2, 0.0])
    content = {
        "grid": GRID,
        "voxelSize": size,
        "view": molecule.view.ravel().tolist(),
        "centre": (middle @ molecule.view).tolist(),
        "maps": shown,
    }
    return script_data("surface-data", content)


@cache
def packed_library() -> str:
    """NGL as gzip in base64."""
    content = files("gem_plugin").joinpath(*LIBRARY).read_bytes()
    return _packed(content)


def _packed(content: bytes) -> str:
    return base64.b64encode(gzip.compress(content, 9, mtime=0)).decode("ascii")


def _packed_map(density: np.ndarray, level: float) -> dict[str, Any]:
    scale = HIGHEST_BYTE / (HEADROOM * level)
    values = np.clip(np.round(_on_grid(density) * scale), 0, HIGHEST_BYTE).astype(np.uint8)
    return {"level": level * scale, "bytes": _packed(values.tobytes())}  # x is the fastest axis


def _packed_change(consensus: ColouredConsensus) -> dict[str, Any]:
    """At each voxel near the surface the value that colours it, and the colours from 0 to 255."""
    if consensus.change is None:
        return {}
    density = _on_grid(consensus.fine.density)
    size = consensus.fine.voxel_size_in_angstroms * len(consensus.fine.density) / GRID
    near = np.argwhere(density >= consensus.level / 4)
    values = np.zeros(density.shape)
    values[tuple(near.T)] = consensus.values_at((near[:, ::-1] - GRID // 2) * size) / consensus.highest
    return {
        "change": _packed(np.round(HIGHEST_BYTE * np.clip(values, 0, 1)).astype(np.uint8).tobytes()),
        "colours": colours_of_change(COLOURS_OF_CHANGE),
        "highest": float(consensus.highest),
    }


def _on_grid(density: np.ndarray) -> np.ndarray:  # (g, g, g) -> (GRID,) * 3
    """By band-limited interpolation about the rotation centre."""
    return resample_map(density, len(density) / GRID, GRID)
