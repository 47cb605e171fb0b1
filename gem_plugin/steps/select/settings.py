"""Settings of select."""

from dataclasses import dataclass
from pathlib import Path

from gem_plugin.settings import setting
from gem_plugin.steps.select.conditions import (
    SOURCES,
)


@dataclass(frozen=True)
class SelectSettings:
    """Which states, and where their particles go."""

    states: tuple[int, ...] = setting((), "Numbers of the states to keep, such as 1,3.")
    rows: Path | None = setting(
        None, "Text file of particle rows, counted from 0, one a line; instead of states."
    )
    source: str = setting(
        "sketch",
        "Whose states: sketch (landscape), full or leiden (landscape-full).",
        choices=SOURCES,
        flag="--from",
    )
    where: tuple[str, ...] = setting(
        (),
        "Conditions divided by commas: PC1>0.5, z2<=1, umap1>3, state!=4, or any column: rlnDefocusU<20000.",
    )
    pc_range: tuple[str, ...] = setting(
        (), "Ranges of volume components: 1:-0.5:2 is component 1 from -0.5 to 2."
    )
    polygon: Path | None = setting(None, "Text file of corners, x y a line; particles inside it are chosen.")
    plane: tuple[str, ...] = setting(("PC1", "PC2"), "The two columns that the polygon is drawn on.")
    exclude: bool = setting(False, "Keep all particles but the chosen ones.")
    out: Path | None = setting(
        None,
        "The file to write. Default: particles.star (or .cs) in a job of its own, else in the folder selected.",
    )
