"""Simulated complexes with one moving domain per subunit, and how well a run finds the states of their subunits."""

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy import ndimage
from sklearn.metrics import adjusted_rand_score

from gem_plugin.io.mrc.maps import write_map
from gem_plugin.io.run.files import RunFiles
from gem_plugin.landscape.subunits import Cooperativity, count_subunits, measure_cooperativity
from gem_plugin.notices import listening
from gem_plugin.pipeline.run_steps import run_steps
from gem_plugin.progress import Progress
from gem_plugin.results.run import Run
from gem_plugin.results.subunits import Subunits
from gem_plugin.steps.simulate.settings import SimulateSettings
from gem_plugin.steps.simulate.step import run_simulate

QUIET = Progress(io.StringIO())
BOX, PIXEL_SIZE = 48, 5.0
MARGIN_IN_ANGSTROMS, EDGE_IN_ANGSTROMS = 7.0, 6.0  # of the focus mask about the atoms of one subunit
OPENING_IN_DEGREES = 80.0


@dataclass(frozen=True)
class RecoveredStates:
    """What a run found, beside the truth."""

    rand_index: float  # adjusted, of the states of all subunits
    subunits: Subunits
    true_cooperativity: Cooperativity  # of the states that were drawn


def simulate_complex(
    folder: Path, symmetry: str, n_particles: int, cooperativity: float = 0.0, snr: float = 0.1, seed: int = 0
) -> None:
    """Particles with the poses of a symmetric refinement, their symmetric consensus, and a focus mask on one subunit."""
    settings = SimulateSettings(
        out=folder, phantom="subunit", symmetry=symmetry, cooperativity=cooperativity, conformations=2,
        turn_to=OPENING_IN_DEGREES, n_particles=n_particles, box=BOX, pixel_size=PIXEL_SIZE, snr=snr,
        largest_shift=4, atom_width=3.0, seed=seed,
    )  # fmt: skip
    run_simulate(settings, QUIET)
    with np.load(folder / "truth.npz") as truth:
        positions = truth["xyz"].reshape(-1, 3)
    indices = np.rint(positions / PIXEL_SIZE).astype(int) + BOX // 2
    has_atom = np.zeros((BOX,) * 3, dtype=bool)
    has_atom[indices[:, 2], indices[:, 1], indices[:, 0]] = True
    distances = PIXEL_SIZE * ndimage.distance_transform_edt(~has_atom)
    mask = ((MARGIN_IN_ANGSTROMS + EDGE_IN_ANGSTROMS - distances) / EDGE_IN_ANGSTROMS).clip(0, 1)
    write_map(folder / "focus.mrc", mask.astype(np.float32), PIXEL_SIZE)


def recover_states(folder: Path, run: Path, symmetry: str) -> RecoveredStates:
    """Expand here, train on one subunit, and cut the landscape into two states."""
    values = {
        "particles": folder / "particles.star", "map": folder / "consensus.mrc", "symmetry": symmetry, "box": BOX,
        "focus_mask": folder / "focus.mrc", "epochs": 6, "fit_images": 3000, "n_states": 2, "sketch_size": 300,
    }  # fmt: skip
    with listening(lambda notice: None):
        run_steps(("prepare", "consensus", "train", "landscape"), RunFiles(run), values, QUIET)
    opened = Run(run)
    with np.load(folder / "truth.npz") as saved:
        truth = saved["which"]
    found = opened.states().labels
    counted = count_subunits(np.repeat(np.arange(len(truth)), truth.shape[1]), truth.reshape(-1) + 1, 2)
    drawn = measure_cooperativity(counted, np.random.default_rng(0))
    assert drawn is not None
    return RecoveredStates(adjusted_rand_score(truth.reshape(-1), found), opened.subunits(), drawn)
