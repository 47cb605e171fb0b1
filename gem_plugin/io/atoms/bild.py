"""Arrows as a .bild file, which ChimeraX and Chimera draw."""

from pathlib import Path

import numpy as np

from gem_plugin.io.whole_files import write_text_whole

SHAFT_RADIUS_IN_ANGSTROMS = 0.4
HEAD_RADIUS_IN_ANGSTROMS = 1.0
SHAFT_FRACTION_OF_LENGTH = 0.7


def write_arrows(
    path: Path,
    starts: np.ndarray,  # (n, 3) xyz in Angstrom, in the frame of the map file
    ends: np.ndarray,  # (n, 3)
    colours: np.ndarray,  # (n, 3), 0 to 1
) -> None:
    """Write one arrow from each start to its end."""
    lines = [".comment displacements of Gaussians, written by GEM"]
    for start, end, colour in zip(starts, ends, colours, strict=True):
        lines.append(".color " + " ".join(f"{value:.3f}" for value in colour))
        numbers = " ".join(f"{value:.3f}" for value in (*start, *end))
        lines.append(
            f".arrow {numbers} {SHAFT_RADIUS_IN_ANGSTROMS} {HEAD_RADIUS_IN_ANGSTROMS} {SHAFT_FRACTION_OF_LENGTH}"
        )
    write_text_whole(path, "\n".join(lines) + "\n")
