"""Small simulated tilt series in the files of three programs, and changes to their star files."""

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import starfile
import torch

from gem_plugin.gaussians.cloud import GaussianCloud
from gem_plugin.gaussians.volume import render_volumes
from gem_plugin.imaging.fourier import fourier_shell_correlation
from gem_plugin.notices import listening
from gem_plugin.particles.tilt_series import TiltSeriesOptions, TiltSeriesParticles, read_tilt_series
from gem_plugin.progress import Progress
from gem_plugin.steps.simulate.settings import SimulateSettings
from gem_plugin.steps.simulate.step import run_simulate

RELION = "relion5/optimisation_set.star"
WARPTOOLS = "warptools/particles_optimisation_set.star"
SERIES = "image_series/particles.star"
FORMS = (RELION, WARPTOOLS, SERIES)
SMALL: dict[str, Any] = {
    "tilt_series": True,
    "n_particles": 12,
    "box": 32,
    "pixel_size": 8.0,
    "atom_width": 5.0,
    "conformations": 1,
    "turn_to": 0.0,
    "snr": 0.0,
    "tilt_to": 45.0,
    "largest_shift": 5.0,
    "subtomogram_angles": True,
}


def simulate_small(folder: Path, **changes: Any) -> Path:
    run_simulate(SimulateSettings(**{**SMALL, "out": folder, **changes}), Progress())
    return folder


def read(path: Path, **options: Any) -> TiltSeriesParticles:
    """The particles; what is noted is not looked at."""
    return read_with_notices(path, **options)[0]


def read_with_notices(path: Path, **options: Any) -> tuple[TiltSeriesParticles, list[str]]:
    with listening(lambda notice: None) as heard:
        particles = read_tilt_series(path, TiltSeriesOptions(**options))
    return particles, [notice.sentence for notice in heard]


def copied(project: Path, folder: Path) -> Path:
    """A copy that a test may change."""
    return Path(shutil.copytree(project, folder / "copy"))


@contextlib.contextmanager
def changed_star(path: Path) -> Iterator[dict[str, Any]]:
    """The blocks of a star file as data frames, written back after the block."""
    blocks = starfile.read(path, always_dict=True, parse_as_string=["rlnTomoVisibleFrames", "rlnTomoHand"])
    yield blocks
    starfile.write(blocks, path, overwrite=True, float_format="%.12g")


def truth_of(project: Path) -> dict[str, np.ndarray]:
    with np.load(project / "truth.npz") as arrays:
        return dict(arrays)


def true_map(project: Path) -> torch.Tensor:  # (box, box, box)
    """The one conformation of a small project."""
    truth = truth_of(project)
    weights = torch.from_numpy(truth["weight"])
    widths = torch.full_like(weights, float(truth["atom_width"]))
    cloud = GaussianCloud(torch.from_numpy(truth["xyz"]), weights, widths)
    return render_volumes(cloud, int(truth["box"]), float(truth["apix"]))[0]


def correlation(volume: torch.Tensor, project: Path) -> torch.Tensor:  # (box // 2,)
    return fourier_shell_correlation(volume, true_map(project))
