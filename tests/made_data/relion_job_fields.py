"""Fields of RELION jobs: a short refinement, and the tabs of an External job."""

import sys
from pathlib import Path

import pytest

PARTICLE_DIAMETER_IN_ANGSTROMS = 260
SHORT_REFINEMENT = {
    "particle_diameter": PARTICLE_DIAMETER_IN_ANGSTROMS,
    "ini_high": 30,
    "nr_threads": 1,
    "do_pad1": "Yes",
    "do_preread_images": "Yes",
    "use_gpu": "No",
    "offset_range": 3,
    "offset_step": 1,
}


def executable(name: str) -> Path:
    """The installed executable; whole path, as RELION's shell does not know our environment."""
    path = Path(sys.executable).parent / name
    if not path.exists():
        pytest.skip(f"{name} is not installed beside this Python (pip install -e .)")
    return path


def parameters(**values: object) -> dict[str, object]:
    """Values for the Params tab of an External job."""
    numbered = enumerate(values.items(), start=1)
    return {
        f"param{number}_{part}": text
        for number, pair in numbered
        for part, text in zip(("label", "value"), pair, strict=True)
    }
