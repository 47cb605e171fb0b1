"""The figures that no other step draws. Each is drawn again only when something that it shows has changed.

Those that wait for nothing are begun first: a second process draws them while this one measures the motion.
"""

import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from gem_plugin.io.mrc.maps import read_map
from gem_plugin.io.run import figure_names as names
from gem_plugin.io.run.figure_names import remove_figures
from gem_plugin.io.run.files import RunFiles
from gem_plugin.progress import Progress
from gem_plugin.reports.figures.drawn_by import DrawnBy, draw_anew
from gem_plugin.reports.figures.order import figure_files
from gem_plugin.reports.first_page.contents import FirstPage
from gem_plugin.results.kept_products import KeptProducts
from gem_plugin.results.run import Run
from gem_plugin.second_process import Call, SecondProcess

OF_REPORT_ALONE = (  # where the run holds nothing for one of these, a figure of an earlier state of the run goes
    names.FIRST_PAGE,
    names.ENERGY_OF_LATENTS,
    names.TRAINING,
    names.MOTION,
    names.AMPLITUDE_CHANGE,
    names.PARTS,
    names.OUTLIERS,
    names.POSE_CHANGES,
)
LIBRARY = "matplotlib.figure"  # a second to import
DRAWING = ("gem_plugin.reports.figures.motion", "gem_plugin.reports.figures.landscape")  # with all they need


@dataclass(frozen=True)
class ReportFigure:
    """One figure, with everything that it shows."""

    name: str
    draw: DrawnBy
    shows: tuple[Any, ...]
    drawn_from: Callable[[], tuple[Any, ...]] | None = None  # where that takes time to find; default: shows

    @classmethod
    def of(cls, name: str, draw: DrawnBy, *shows: Any) -> "ReportFigure":
        """One whose function takes what it shows."""
        return cls(name, draw, shows)


class FiguresOfReport:
    """All figures of one report: begun as soon as what they show is there, and recorded when all are drawn."""

    def __init__(self, files: RunFiles, kept: KeptProducts, second: SecondProcess) -> None:
        self._folder, self._kept, self._second = files.figures, kept, second
        self._present = set[str]()
        self._begun: list[tuple[ReportFigure, Call]] = []

    def begin(self, figures: Iterable[ReportFigure]) -> None:
        """Have those drawn that are not there as they would be drawn now."""
        for figure in figures:
            self._present.add(figure.name)
            if not self._kept.is_valid(figure.name, figure.shows):
                shown = figure.shows if figure.drawn_from is None else figure.drawn_from()
                call = self._second.begin(draw_anew, self._folder / figure.name, figure.draw, *shown)
                self._begun.append((figure, call))

    def finish(self, progress: Progress) -> None:
        """Wait for all; a process that has matplotlib draws what the other one has not begun."""
        remove_figures(self._folder, *set(OF_REPORT_ALONE) - self._present)
        if LIBRARY in sys.modules:
            for _, call in reversed(self._begun):
                call.take_back()
        for figure, call in progress.track(self._begun, "figures of the report", unit="figure"):
            self._kept.make(figure.name, figure.shows, partial(call.result, progress.check_stop))


def figures_without_motion(run: Run) -> list[ReportFigure]:
    """What can be drawn before the motion is known."""
    figures = _figure_of_energy(run)
    if run.history:
        figures.append(ReportFigure.of(names.TRAINING, _of_figures("training", "draw_training"), run.history))
    figures += _figures_of_outliers(run)
    if run.state_maps:
        figures.append(_figure_of_state_means(run))
    return figures


def figures_of_motion(run: Run) -> list[ReportFigure]:
    """How the Gaussians move, where that was measured."""
    drawn = (
        (names.MOTION, "draw_motion"),
        (names.AMPLITUDE_CHANGE, "draw_amplitude_change"),
        (names.PARTS, "draw_parts"),
    )
    if run.motion is None:
        return []
    return [ReportFigure.of(name, _of_figures("motion", function), run.motion) for name, function in drawn]


def figure_of_first_page(page: FirstPage) -> ReportFigure:
    """The picture that the report begins with."""
    drawn_by = DrawnBy("first_page.picture", "draw_first_page")
    return ReportFigure(names.FIRST_PAGE, drawn_by, page.shown, lambda: page.drawn_from)


def _of_figures(module: str, function: str) -> DrawnBy:
    return DrawnBy(f"figures.{module}", function)


def _figure_of_state_means(run: Run) -> ReportFigure:
    """Again, with the verdicts of the checks that were run since landscape."""
    maps = [read_map(path) for path in run.state_maps.values()]
    return ReportFigure.of(
        names.STATE_MEANS,
        _of_figures("landscape", "draw_state_slices"),
        [one.volume for one in maps],
        np.array([run.state_counts[number] for number in run.state_maps]),
        [run.checks.badge(number) for number in run.state_maps],
        maps[0].pixel_size_in_angstroms,
    )


def _figures_of_outliers(run: Run) -> list[ReportFigure]:
    """Of what training found of each particle; of the excluded ones it found nothing."""
    figures = []
    probabilities, poses = run.outliers, run.refined_poses
    if probabilities is not None:
        used = run.is_used
        contrasts = run.column("contrast")[used] if run.files.contrasts.is_file() else None
        shown = probabilities[used], run.is_outlier[used], contrasts
        figures.append(ReportFigure.of(names.OUTLIERS, _of_figures("outliers", "draw_outliers"), *shown))
    if poses is not None:
        poses = poses.take(run.is_used)
        changes = poses.rotations_in_degrees, poses.distances_in_angstroms
        figures.append(
            ReportFigure.of(names.POSE_CHANGES, _of_figures("outliers", "draw_pose_changes"), *changes)
        )
    return figures


def _figure_of_energy(run: Run) -> list[ReportFigure]:
    """A first look at how populated the conformations are, until landscape-full measures it along volume components."""
    is_measured = any(names.is_of_free_energy(path.stem) for path in figure_files(run.files))
    if is_measured or not run.files.latents.is_file():
        return []
    counted = run.is_in_states
    if not counted.any():  # nothing is in a state where all are outliers
        return []
    particles = run.particles.particle_indices[counted] if run.is_prepared else None
    drawn_by = _of_figures("free_energy", "draw_energy_of_latents")
    return [ReportFigure.of(names.ENERGY_OF_LATENTS, drawn_by, run.latents[counted], particles)]
