"""The figures that no other step draws. Each is drawn again only when something that it shows has changed."""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from gem_plugin.errors import InputError
from gem_plugin.io.mrc.maps import read_map
from gem_plugin.io.run import figure_names as names
from gem_plugin.io.run.figure_names import remove_figures
from gem_plugin.progress import Track
from gem_plugin.reports.figures.order import figure_files
from gem_plugin.reports.first_page.contents import FirstPage
from gem_plugin.results.kept_products import KeptProducts
from gem_plugin.results.run import Run

BOOTSTRAP_SAMPLES = 30
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


@dataclass(frozen=True)
class ReportFigure:
    """One figure, with everything that it shows."""

    name: str
    shows: tuple[Any, ...]
    draw: Callable[[Path], list[Path]]  # of the path without suffix

    @classmethod
    def of(cls, name: str, draw: Callable[..., list[Path]], *shows: Any) -> "ReportFigure":
        """One whose function takes what it shows."""
        return cls(name, shows, lambda stem: draw(stem, *shows))


def drawn_by(module: str, function: str) -> Callable[..., list[Path]]:
    """A function of reports.figures; a report that keeps all figures does not wait for matplotlib."""

    def draw(stem: Path, *shows: Any) -> list[Path]:
        return getattr(import_module(f"gem_plugin.reports.figures.{module}"), function)(stem, *shows)

    return draw


def draw_figures(run: Run, page: FirstPage, kept: KeptProducts, track: Track) -> None:
    """Draw what is not there as it would be drawn now."""
    folder, figures = run.files.figures, _figures_of_report(run, page)
    remove_figures(folder, *set(OF_REPORT_ALONE).difference(figure.name for figure in figures))
    for figure in track(figures, "figures of the report", unit="figure"):
        kept.make(figure.name, figure.shows, partial(_draw_anew, figure, folder))


def _draw_anew(figure: ReportFigure, folder: Path) -> list[Path]:
    remove_figures(folder, figure.name)
    return figure.draw(folder / figure.name)


def _figures_of_report(run: Run, page: FirstPage) -> list[ReportFigure]:
    figures = [
        ReportFigure(names.FIRST_PAGE, page.shown, lambda _: page.draw()),
        *_figure_of_energy(run),
    ]
    if run.history:
        figures.append(ReportFigure.of(names.TRAINING, drawn_by("training", "draw_training"), run.history))
    if run.motion is not None:
        figures += [
            ReportFigure.of(names.MOTION, drawn_by("motion", "draw_motion"), run.motion),
            ReportFigure.of(names.AMPLITUDE_CHANGE, drawn_by("motion", "draw_amplitude_change"), run.motion),
            ReportFigure.of(names.PARTS, drawn_by("motion", "draw_parts"), run.motion),
        ]
    figures += _figures_of_outliers(run)
    if run.state_maps:
        figures.append(_figure_of_state_means(run))
    return figures


def _figure_of_state_means(run: Run) -> ReportFigure:
    """Again, with the verdicts of the checks that were run since landscape."""
    maps = [read_map(path) for path in run.state_maps.values()]
    return ReportFigure.of(
        names.STATE_MEANS,
        drawn_by("landscape", "draw_state_slices"),
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
        figures.append(ReportFigure.of(names.OUTLIERS, drawn_by("outliers", "draw_outliers"), *shown))
    if poses is not None:
        poses = poses.take(run.is_used)
        changes = poses.rotations_in_degrees, poses.distances_in_angstroms
        figures.append(
            ReportFigure.of(names.POSE_CHANGES, drawn_by("outliers", "draw_pose_changes"), *changes)
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
    return [
        ReportFigure.of(names.ENERGY_OF_LATENTS, _draw_energy_of_latents, run.latents[counted], particles)
    ]


def _draw_energy_of_latents(stem: Path, latents: np.ndarray, particles: np.ndarray | None) -> list[Path]:
    from gem_plugin.landscape.free_energy import estimate_free_energy
    from gem_plugin.landscape.latents.components import fit_latent_components
    from gem_plugin.reports.figures.free_energy import draw_energy_map

    plane = fit_latent_components(latents).scores[:, :2].astype(np.float64)
    if plane.shape[1] < 2:
        return []
    with contextlib.suppress(InputError):  # too few particles, or none of them differ: no figure then
        landscape = estimate_free_energy(
            plane, np.random.default_rng(0), n_bootstrap=BOOTSTRAP_SAMPLES, particle_indices=particles
        )
        if landscape.has_energies:
            return draw_energy_map(stem, landscape, (1, 2), coordinate="latent component {} (latent units)")
    return []
