"""The maps that the page compares as files, with a ChimeraX script that opens them as they are shown."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gem_plugin.explorer.saved_names import check_name_is_free
from gem_plugin.explorer.saving import whole_folder
from gem_plugin.io.mrc.maps import write_map
from gem_plugin.io.run.files import RunFiles
from gem_plugin.reports.chimerax_scripts import PALETTE, open_command, script_text

SCRIPT_NAME = "compare.cxc"
MAXIMUM_LENGTH = 40  # of the part of a file name that comes from the name of a basket


@dataclass(frozen=True)
class ShownMap:
    """One surface. Maps are (box, box, box), ordered zyx."""

    name: str
    colour: str  # "#rrggbb"
    opacity: float  # 0 to 1
    level: float  # density
    mean: np.ndarray
    std: np.ndarray | None = None  # where the surface is coloured by it


def save_for_chimerax(
    run: RunFiles,
    name: str,
    shown: Sequence[ShownMap],
    pixel_size_in_angstroms: float,
    highest_std: float,  # the last colour of the key
    overwrite: bool = False,
) -> list[Path]:
    """The script and its maps, in RUN/explore/chimerax/NAME. Raises NameTakenError where that folder is there."""
    folder = run.explore.chimerax(name)

    def lost_under(other: str) -> list[Path]:
        path = run.explore.chimerax(other)
        return [path] if path.exists() else []

    check_name_is_free(name, lost_under, overwrite)
    folder.parent.mkdir(parents=True, exist_ok=True)
    files = [file_name(number, one.name) for number, one in enumerate(shown, start=1)]
    of_std = [None if one.std is None else f"{Path(file).stem}_std.mrc" for file, one in zip(files, shown)]
    with whole_folder(folder) as aside:
        aside.mkdir(parents=True)
        for file, std_file, one in zip(files, of_std, shown):
            write_map(aside / file, one.mean, pixel_size_in_angstroms)
            if std_file is not None and one.std is not None:
                write_map(aside / std_file, one.std, pixel_size_in_angstroms)
        text = compare_script(shown, files, of_std, highest_std)
        (aside / SCRIPT_NAME).write_text(text, encoding="utf-8")
    written = [file for file in (*files, *of_std) if file is not None]
    return [folder / SCRIPT_NAME, *(folder / file for file in written)]


def file_name(number: int, name: str) -> str:
    """A file for the map with this name: letters and digits only, numbered so that no two are the same."""
    words = re.sub(r"[^A-Za-z0-9]+", "_", name).strip("_")[:MAXIMUM_LENGTH]
    return f"{number}_{words or 'map'}.mrc"


def compare_script(
    shown: Sequence[ShownMap], files: Sequence[str], of_std: Sequence[str | None], highest_std: float
) -> str:
    """Surfaces on each other, in the colours and at the levels of the page."""
    lines = ["# maps compared in gem-em explore: decoded by the model, not reconstructed from images"]
    for number, (one, file) in enumerate(zip(shown, files), start=1):
        lines.append(open_command(file, number, _ascii(one.name)))
        transparency = round(1 - one.opacity, 3)
        look = f"color {one.colour} transparency {transparency}"
        lines.append(f"volume #{number} level {one.level:.5g} step 1 {look}")
    n_models = len(shown)
    for number, (one, std_file) in enumerate(zip(shown, of_std), start=1):
        if std_file is None:
            continue
        n_models += 1
        lines += [
            open_command(std_file, n_models, f"standard deviation of {_ascii(one.name)}"),
            f"hide #{n_models} models",
            f"color sample #{number} map #{n_models} palette {PALETTE} range 0,{highest_std:.4g}",
        ]
    if n_models > len(shown):
        first, *middle, last = PALETTE.split(":")
        lines.append(f"key {first}:0 {' '.join(f'{one}:' for one in middle)} {last}:{highest_std:.3g}")
    return script_text(lines)


def _ascii(name: str) -> str:
    return re.sub(r"[^ -~]|[\"\\;]", "_", name)
