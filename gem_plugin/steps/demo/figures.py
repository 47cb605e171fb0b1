"""What the demo reports at the end: states, particles, and how well the known motion was recovered."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from gem_plugin.io.array_files import read_arrays
from gem_plugin.io.run.files import RunFiles
from gem_plugin.landscape.motion.known import MotionRecovery, mean_angle_in_degrees, recover_motion
from gem_plugin.progress import Progress
from gem_plugin.reports.figures.demo import draw_demo
from gem_plugin.reports.plain_numbers import angstroms, percent
from gem_plugin.reports.sections.motion_in_words import motion_in_words
from gem_plugin.results.run import Run

MADE_BY = "gem-em demo"
MIDDLE_PERCENTILES = (10, 90)
SMALLEST_FRACTION_OF_MOTION = 1e-3  # of the largest squared displacement: less is no motion


@dataclass(frozen=True)
class DemoPlaces:
    """Folders of the demo."""

    project: Path
    simulated: Path
    train: Path
    landscape: Path
    select: Path


def largest_state(landscape_job: Path) -> int:
    """The state with the most particles."""
    counts = Run(landscape_job).states().counts
    return max(counts, key=lambda number: counts[number])


def compare_with_truth(places: DemoPlaces, seed: int, progress: Progress) -> dict[str, Any]:
    """Say how well the known motion was found and where everything is; draw the picture of it."""
    truth = read_arrays(places.simulated / "truth.npz", MADE_BY)
    angles = truth["angles_in_degrees"][truth["which"]]
    run = Run(places.landscape)
    states = run.states()
    train = Run(places.train)
    particles = train.particles.particle_indices
    recovery = recover_motion(train.latents, angles, np.random.default_rng(seed), particles)
    draw_demo(
        places.project / "demo_landscape",
        run.volume_components().pca.scores,
        states.labels[run.sketch().rows],
        [states.mean_map(number).volume for number in states.numbers],
        angles,
        recovery.predicted_angles_in_degrees,
    )
    table = _table(states.labels, angles, recovery)
    for line in [*table, *_what_moves(run, truth), "", *_where(places, run.files)]:
        progress.say(line)
    return {
        "states": len(states.numbers),
        "median_error_in_degrees": round(recovery.median_error_in_degrees, 2),
    }


def _table(states: np.ndarray, angles: np.ndarray, recovery: MotionRecovery) -> list[str]:
    """The true angles of a state are known only because the data were simulated."""
    lines = ["", "state   particles   true angle of the arm (mean, middle 80 %)"]
    for state in np.unique(states[states > 0]):
        members = angles[states == state]
        low, high = np.percentile(members, MIDDLE_PERCENTILES)
        mean = mean_angle_in_degrees(members)
        lines.append(f"{state:5d}   {len(members):9d}   {mean:5.0f} degrees ({low:.0f} to {high:.0f})")
    return [
        *lines,
        "",
        "Angle of the arm in each particle, predicted from its latents (fitted on other particles):",
        f"median error {recovery.median_error_in_degrees:.1f} degrees; "
        f"guessing gives {recovery.median_error_of_guessing_in_degrees:.1f} degrees",
        "",
    ]


def true_motion(truth: dict[str, np.ndarray]) -> tuple[float, float]:
    """Fraction of the mass that moves, and its root mean square motion about the mean position (Å)."""
    positions, mass = truth["xyz"].astype(np.float64), truth["weight"][0].astype(np.float64)
    often = np.bincount(truth["which"], minlength=len(positions)) / len(truth["which"])
    mean = np.einsum("k,kna->na", often, positions)
    squared = np.einsum("k,kn->n", often, ((positions - mean) ** 2).sum(axis=2))
    moving = squared > squared.max() * SMALLEST_FRACTION_OF_MOTION
    return float(mass[moving].sum() / mass.sum()), float(
        np.sqrt(np.average(squared[moving], weights=mass[moving]))
    )


def _what_moves(run: Run, truth: dict[str, np.ndarray]) -> list[str]:
    if run.motion is None:
        return []
    fraction, distance = true_motion(truth)
    return [
        f"What moves: {motion_in_words(run.motion)}",
        f"The truth: one rigid arm, {percent(fraction)} of the mass, moves by {angstroms(distance)} Å.",
    ]


def _where(places: DemoPlaces, files: RunFiles) -> list[str]:
    rows = {
        "report:": files.report if files.report.exists() else files.pdf_log,
        "picture:": places.project / "demo_landscape.png",
        "maps of the states:": files.landscape.states.root,
        "particles of the largest state:": RunFiles(places.select).particles(".star"),
        "RELION project:": places.project,
    }
    return [f"{what:<32}{path}" for what, path in rows.items()]
