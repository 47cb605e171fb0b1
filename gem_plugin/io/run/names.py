"""Names with numbers in them: states, maps of a series, components. Numbers count from 1 and have three digits or more."""

import re
from pathlib import Path

MAP_NAME = re.compile(r"vol_(\d+)\.mrc")
STATE_NAME = re.compile(r"state_(\d+)")
COMPONENT_NAME = re.compile(r"pc(\d+)")
NO_FREE_ENERGY = "no_free_energy"  # in the summary of landscape-full: a sentence that says why there is none


def state_name(number: int) -> str:
    """state_001"""
    return f"state_{number:03d}"


def state_number(name: str) -> int | None:
    """1 of state_001; None for other names."""
    match = STATE_NAME.fullmatch(name)
    return int(match[1]) if match else None


def map_file(folder: Path, number: int) -> Path:
    """vol_001.mrc in a folder: one map of a series."""
    return folder / f"vol_{number:03d}.mrc"


def map_files(folder: Path) -> list[Path]:
    """All maps of a series in their order."""
    numbered = [
        (int(match[1]), path) for path in folder.glob("vol_*.mrc") if (match := MAP_NAME.fullmatch(path.name))
    ]
    return [path for _, path in sorted(numbered)]


def latents_of_series(folder: Path) -> Path:
    """z_values.txt beside the maps of a series: the latents that they were decoded from, one line a map."""
    return folder / "z_values.txt"


def component_folder(parent: Path, number: int) -> Path:
    """pc1: the maps along one component."""
    return parent / f"pc{number}"


def component_folders(parent: Path) -> dict[int, Path]:
    """The folders of all components, by number."""
    numbered = [
        (int(match[1]), path) for path in parent.glob("pc*") if (match := COMPONENT_NAME.fullmatch(path.name))
    ]
    return dict(sorted(numbered))


def point_name(number: int) -> str:
    """point_001: a chosen point of the latent space."""
    return f"point_{number:03d}"
