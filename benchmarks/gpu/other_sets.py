"""Small sets of other kinds, whole on a device: a symmetric complex, tilt series whose poses are wrong, tilt series of a complex.

Each has one number that says whether it worked, beside what the tests of tests/whole ask of it on a CPU.
"""

import io
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.spatial.transform import Rotation
from sklearn.metrics import adjusted_rand_score

from gem_plugin.io.run.files import RunFiles
from gem_plugin.io.run.settings import read_summary
from gem_plugin.notices import listening
from gem_plugin.pipeline.logged_progress import LoggedProgress
from gem_plugin.pipeline.run_steps import run_steps
from gem_plugin.results.run import Run
from gpu.rates import timed

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests" / "made_data"))

from complexes import simulate_complex
from tilt_complexes import SYMMETRY, focus_mask, simulate_tilt_complex
from tilt_projects import RELION, changed_star, read, simulate_small, truth_of

TILTS: dict[str, Any] = {
    "snr": 0.3,
    "tilt_to": 50.0,
    "tilt_step": 10.0,
    "fewest_tilts": 3,
    "tilt_form": "relion5",
}
POSE_ERROR_IN_DEGREES, SHIFT_ERROR_IN_ANGSTROMS = 4.0, 4.0  # about and along each axis
LEAST_RAND_INDEX, LARGEST_ERROR_LEFT = 0.8, 0.3  # of a complex; of the errors of poses
COMPLEX, WRONG_POSES, TILT_COMPLEX = "complex", "wrong_poses", "tilt_complex"
OF_STATES: dict[str, Any] = {"n_states": 2, "ksample": 5, "pc": 1, "skip_umap": True, "plot_dim": 0}
UP_TO_STATES = ("prepare", "consensus", "train", "landscape")


@dataclass(frozen=True)
class Sizes:
    """How many particles, and how long they are trained."""

    complexes: int = 2000
    tilted: int = 150
    epochs: int = 6

    def smaller(self) -> "Sizes":
        """The same in seconds on a CPU, where the numbers say nothing."""
        return Sizes(complexes=40, tilted=12, epochs=1)


def make_sets(folder: Path, sizes: Sizes) -> Path:
    """All three, in folders of their own."""
    folder.mkdir(parents=True)
    simulate_complex(folder / COMPLEX, SYMMETRY, sizes.complexes)
    shifted = simulate_small(
        folder / WRONG_POSES, **TILTS, n_particles=sizes.tilted, pose_error=POSE_ERROR_IN_DEGREES
    )
    generator = np.random.default_rng(3)
    with changed_star(shifted / RELION.replace("optimisation_set", "particles")) as blocks:
        for axis in "XYZ":
            errors = generator.normal(0, SHIFT_ERROR_IN_ANGSTROMS, sizes.tilted)
            blocks["particles"][f"rlnOrigin{axis}Angst"] += errors
    of_complex = {**TILTS, "snr": 0.1, "fewest_tilts": 6}
    focus_mask(simulate_tilt_complex(folder / TILT_COMPLEX, n_particles=sizes.tilted, **of_complex))
    return folder


def run_sets(folder: Path, device: str, sizes: Sizes) -> list[dict[str, Any]]:
    """A row for each: what was measured, what it should be, and the seconds."""
    parts: dict[str, Callable[[Path, str, Sizes], dict[str, Any]]] = {
        COMPLEX: symmetric_complex,
        WRONG_POSES: wrong_tilt_poses,
        TILT_COMPLEX: symmetric_tilt_series,
    }
    rows = []
    for name, measure in parts.items():
        row: dict[str, Any] = {"set": name.replace("_", " ")}
        with timed(row, "seconds"), listening(lambda notice: None):
            row |= measure(folder / name, device, sizes)
        rows.append(row)
    return rows


def symmetric_complex(folder: Path, device: str, sizes: Sizes) -> dict[str, Any]:
    """The states of the subunits of C3 complexes, single particles; every view is a copy of its image's pose."""
    given = {"symmetry": SYMMETRY, "focus_mask": folder / "focus.mrc", "box": 48, "fit_images": 3000}
    run, row = _ran(UP_TO_STATES, folder, folder / "particles.star", device, sizes, {**given, **OF_STATES})
    return row | _states_found(folder, run)


def symmetric_tilt_series(folder: Path, device: str, sizes: Sizes) -> dict[str, Any]:
    """The same of tilt series."""
    given = {"symmetry": SYMMETRY, "focus_mask": folder / "focus.mrc", "box": 32, "fit_images": 1500, "n_gaussians": 300}  # fmt: skip
    run, row = _ran(UP_TO_STATES, folder, folder / RELION, device, sizes, {**given, **OF_STATES})
    return row | _states_found(folder, run)


def wrong_tilt_poses(folder: Path, device: str, sizes: Sizes) -> dict[str, Any]:
    """Tilt series of 3 to 11 images with wrong angles and origins, which training refines."""
    given = {"n_gaussians": 300, "fit_images": 1000, "batch_size": 32}
    steps = UP_TO_STATES[:-1]
    run, row = _ran(steps, folder, folder / RELION, device, sizes, given)
    before = _pose_errors(folder / RELION, folder)
    refined = run.files.root / "particles_refined_optimisation_set.star"
    after = _pose_errors(refined, folder) if refined.is_file() else before
    left = max(one / other for one, other in zip(after, before, strict=True))
    said = [f"{degrees:.2f} degrees, {shift:.2f} A" for degrees, shift in (before, after)]
    return row | {
        "measured": f"errors of poses: {said[0]}, then {said[1]}",
        "value": left,
        "should_be": f"below {LARGEST_ERROR_LEFT}",
        "is_reached": left < LARGEST_ERROR_LEFT,
    }


def _ran(
    steps: tuple[str, ...], folder: Path, particles: Path, device: str, sizes: Sizes, given: dict[str, Any]
) -> tuple[Run, dict[str, Any]]:
    run = RunFiles(particles.parent / "run")  # below the star files that its own will name
    values = {
        "particles": particles,
        "map": folder / "consensus.mrc",
        "device": device,
        "epochs": sizes.epochs,
    }
    run_steps(steps, run, {**values, **given}, LoggedProgress(run.log, io.StringIO()))
    opened = Run(run)
    numbers = read_summary(run)["train"]
    return opened, {
        "views": len(opened.latents),
        "train_seconds": numbers["seconds"],
        "views_per_second": numbers["particles_per_second"],
    }


def _states_found(folder: Path, run: Run) -> dict[str, Any]:
    truth = truth_of(folder)["which"].reshape(-1)  # of the subunits of every particle
    rand_index = float(adjusted_rand_score(truth, run.states().labels))
    return {
        "measured": "adjusted Rand index of the states of subunits",
        "value": rand_index,
        "should_be": f"above {LEAST_RAND_INDEX}",
        "is_reached": rand_index > LEAST_RAND_INDEX,
    }


def _pose_errors(file: Path, project: Path) -> tuple[float, float]:
    """Root mean square over the tilt images: degrees, and Angstrom along each axis of the image."""
    truth, images = truth_of(project), read(file).images
    between = truth["image_rotation_matrices"].transpose(0, 2, 1) @ images.rotation_matrices
    degrees = np.rad2deg(Rotation.from_matrix(between).magnitude())
    shifts = images.shifts_in_angstroms - truth["image_shifts_in_angstroms"]
    return float(np.sqrt((degrees**2).mean())), float(np.sqrt((shifts**2).mean()))
