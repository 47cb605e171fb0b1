"""Settings of select."""

from dataclasses import dataclass
from pathlib import Path

from gem_plugin.results.column_names import columns_in_words
from gem_plugin.results.state_sources import SKETCH, STATE_SOURCES
from gem_plugin.settings import setting


@dataclass(frozen=True)
class SelectSettings:
    """Which states, and where their particles go."""

    states: tuple[int, ...] = setting((), "Numbers of the states to keep, such as 1,3.")
    rows: Path | None = setting(
        None, "Text file of particle rows, counted from 0, one per line; instead of states.", reads_file=True
    )
    source: str = setting(
        SKETCH,
        "Which set of states --states means: sketch (of landscape, column state), full (of landscape-full, column "
        "full_state) or leiden (of landscape-full, column leiden).",
        choices=STATE_SOURCES,
        flag="--from",
    )
    where: tuple[str, ...] = setting(
        (),
        "Conditions separated by commas or 'and', such as \"contrast gt 0.5,rlnDefocusU lt 20000\"; comparisons are lt le gt "
        "ge eq ne, between 0.2 and 0.8, or between quotes the signs < <= > >= == != (contrast>0.5), which RELION's Params "
        "do not pass on. "
        f"Columns: {columns_in_words()}; and any column of the particle file.",
    )
    pc_range: tuple[str, ...] = setting(
        (), "Ranges of volume components: 1:-0.5:2 is component 1 from -0.5 to 2."
    )
    polygon: Path | None = setting(
        None, "Text file of corners, x y per line; particles inside it are chosen.", reads_file=True
    )
    plane: tuple[str, ...] = setting(
        ("volume_pc_1", "volume_pc_2"), "The two columns that the polygon is drawn on."
    )
    unexpanded: bool = setting(
        False,
        "Of particles with several views (expanded by symmetry): write one row for each particle of which a view was chosen, "
        "in its original pose, for a refinement with symmetry or of whole particles.",
    )
    min_subunits: int = setting(
        1,
        "Of particles with several views: keep those of which at least so many views were chosen, such as 3 subunits in a state.",
        1,
        100_000,
    )
    exclude: bool = setting(False, "Keep all particles except the chosen ones.")
    refined_poses: bool = setting(
        False,
        "Write the poses that training refined in place of those of the input (particles keep theirs by default).",
    )
    out: Path | None = setting(
        None,
        "The file to write. Default: particles.star (or .cs) in a job of its own, else in the folder selected.",
    )
    overwrite: bool = setting(False, "Replace the file where it is there already.")
