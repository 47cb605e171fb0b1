"""Simulated tilt series of a complex of three subunits, refined with its symmetry, and its files expanded by it."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import starfile
from scipy import ndimage
from tilt_projects import changed_star, simulate_small

from gem_plugin.io.mrc.maps import write_map
from gem_plugin.io.run.files import RunFiles
from gem_plugin.notices import listening
from gem_plugin.progress import Progress
from gem_plugin.results.run import Run
from gem_plugin.steps.prepare.settings import PrepareSettings
from gem_plugin.steps.prepare.step import run_prepare

SYMMETRY, ORDER = "C3", 3
COMPLEX: dict[str, Any] = {
    "symmetry": SYMMETRY,
    "phantom": "subunit",
    "conformations": 2,
    "turn_to": 80.0,
    "atom_width": 4.0,
    "tilt_step": 9.0,
    "fewest_tilts": 4,
}
MARGIN_IN_ANGSTROMS, EDGE_IN_ANGSTROMS = 7.0, 6.0  # of the focus mask about the atoms of one subunit


def simulate_tilt_complex(folder: Path, **changes: Any) -> Path:
    """Two states of every subunit, independent of each other, in three tomograms of 11 tilts."""
    return simulate_small(folder, **{**COMPLEX, **changes})


def prepared_run(folder: Path, **settings: Any) -> Run:
    with listening(lambda notice: None):
        run_prepare(RunFiles(folder), PrepareSettings(**{"box": 32, **settings}), Progress(io.StringIO()))
    return Run(folder)


def run_of_views(project: Path, form: str, folder: Path) -> Run:
    """Expanded by prepare."""
    return prepared_run(folder, particles=project / form, map=project / "consensus.mrc", symmetry=SYMMETRY)


def tomograms_of(form: str) -> Path | None:
    """The tilts of a form, of a particle file that has no optimisation set."""
    folder = Path(form).parent
    names = {"relion5": "tomograms.star", "warptools": "particles_tomograms.star"}
    return folder / names[folder.name] if folder.name in names else None


def expanded_file(project: Path, form: str, shuffled: bool = False) -> Path:
    """Every row three times, the copies turned about z, adjacent, as relion_particle_symmetry_expand writes them (in the order of GEM)."""
    folder = (project / form).parent
    target = folder / "expanded.star"
    with changed_star(folder / "particles.star") as blocks:
        name = "particles" if "particles" in blocks else ""
        unchanged = {key: block.copy() for key, block in blocks.items()}
        rows = blocks[name].loc[blocks[name].index.repeat(ORDER)].reset_index(drop=True)
        rows["rlnAngleRot"] = (
            rows["rlnAngleRot"] - np.tile(np.arange(ORDER), len(rows) // ORDER) * 360 / ORDER
        )
        if shuffled:
            rows = rows.sample(frac=1, random_state=0)
        starfile.write({**unchanged, name: rows}, target, float_format="%.9f")
    return target


def focus_mask(project: Path) -> Path:
    """A mask about the first subunit in all of its conformations."""
    with np.load(project / "truth.npz") as truth:
        positions, pixel_size, box = truth["xyz"].reshape(-1, 3), float(truth["apix"]), int(truth["box"])
    indices = np.rint(positions / pixel_size).astype(int) + box // 2
    has_atom = np.zeros((box,) * 3, dtype=bool)
    has_atom[indices[:, 2], indices[:, 1], indices[:, 0]] = True
    distances = pixel_size * ndimage.distance_transform_edt(~has_atom)
    mask = ((MARGIN_IN_ANGSTROMS + EDGE_IN_ANGSTROMS - distances) / EDGE_IN_ANGSTROMS).clip(0, 1)
    write_map(project / "focus.mrc", mask.astype(np.float32), pixel_size)
    return project / "focus.mrc"
