"""report: the page and the PDF that show a run, and scripts that show it in ChimeraX."""

import contextlib
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from gem_plugin.errors import InputError
from gem_plugin.io.mrc.maps import read_map
from gem_plugin.io.run import figure_names as names
from gem_plugin.io.run.figure_names import remove_figures
from gem_plugin.io.run.files import RunFiles
from gem_plugin.landscape.free_energy import estimate_free_energy
from gem_plugin.landscape.latents.components import fit_latent_components
from gem_plugin.progress import Progress, Track
from gem_plugin.reports.figures.free_energy import draw_energy_map
from gem_plugin.reports.figures.landscape import draw_state_slices
from gem_plugin.reports.figures.motion import draw_amplitude_change, draw_motion, draw_parts
from gem_plugin.reports.figures.order import figure_files
from gem_plugin.reports.figures.outliers import draw_outliers, draw_pose_changes
from gem_plugin.reports.figures.training import draw_training
from gem_plugin.reports.first_page.contents import FirstPage
from gem_plugin.reports.first_page.paper_contents import write_paper_figure
from gem_plugin.reports.pdf_log import write_pdf_log
from gem_plugin.reports.report_page import write_report
from gem_plugin.results.run import Run
from gem_plugin.steps.report.chimerax import write_chimerax
from gem_plugin.steps.report.settings import ReportSettings

BOOTSTRAP_SAMPLES = 30


def run_report(run: RunFiles, settings: ReportSettings, progress: Progress) -> dict[str, Any]:
    """Write report.html and logfile.pdf from whatever part of the run exists."""
    if not run.root.is_dir():
        raise InputError(
            f"There is no folder {run.root}. Expected the folder of a run (--out of `gem-em run`)."
        )
    Run(run).check_landscape()
    scripts = []
    if settings.chimerax:
        with progress.waiting("motion and scripts for ChimeraX"):
            scripts = write_chimerax(Run(run), progress.track)
    opened = Run(run)  # with the motion that was just measured
    with progress.waiting("figures and report"):
        page = FirstPage(opened)
        _draw_figures(opened, page, progress.track)
        warnings = write_report(opened, page, progress.track)
        write_pdf_log(page, progress.track)
    if settings.paper_figure:
        with progress.waiting("figure for a paper"):
            paths = write_paper_figure(opened)
        names_of_files = ", ".join(str(run.as_users_know(path)) for path in paths)
        progress.say(f"Figure for a paper: {names_of_files}.")
    for warning in warnings:
        progress.warn(warning.sentence)
    progress.say(f"Open {run.report} in a browser; look around with `gem-em explore {run.root}`.")
    return {
        "warnings": len(warnings),
        "states": len(opened.state_maps),
        "trajectories": len(opened.series),
        "chimerax_scripts": len(scripts),
        "size_in_megabytes": round(run.report.stat().st_size / 1e6, 2),
    }


def _draw_figures(run: Run, page: FirstPage, track: Track) -> None:
    """The figures that no other step draws."""
    folder, motion = run.files.figures, run.motion
    figures: list[Callable[[], object]] = [page.draw, partial(_draw_energy_of_latents, run)]
    if run.history:
        figures.append(partial(draw_training, folder / names.TRAINING, run.history))
    if motion is not None:
        figures += [
            partial(draw_motion, folder / names.MOTION, motion),
            partial(draw_amplitude_change, folder / names.AMPLITUDE_CHANGE, motion),
            partial(draw_parts, folder / names.PARTS, motion),
        ]
    figures += _figures_of_outliers(run)
    if run.state_maps:
        figures.append(partial(_draw_state_means, run))
    for draw in track(figures, "figures of the report", unit="figure"):
        draw()


def _draw_state_means(run: Run) -> None:
    """Again, with the verdicts of the checks that were run since landscape."""
    maps = [read_map(path) for path in run.state_maps.values()]
    counts = np.array([run.state_counts[number] for number in run.state_maps])
    badges = [run.checks.badge(number) for number in run.state_maps]
    draw_state_slices(
        run.files.figures / names.STATE_MEANS,
        [one.volume for one in maps],
        counts,
        badges,
        maps[0].pixel_size_in_angstroms,
    )


def _figures_of_outliers(run: Run) -> list[Callable[[], object]]:
    """Of what training found of each particle; of the excluded ones it found nothing. Figures of an earlier training go."""
    folder, figures = run.files.figures, list[Callable[[], object]]()
    remove_figures(folder, names.OUTLIERS, names.POSE_CHANGES)
    probabilities, poses = run.outliers, run.refined_poses
    if probabilities is not None:
        used = run.is_used
        contrasts = run.column("contrast")[used] if run.files.contrasts.is_file() else None
        shown = probabilities[used], run.is_outlier[used], contrasts
        figures.append(partial(draw_outliers, folder / names.OUTLIERS, *shown))
    if poses is not None:
        poses = poses.take(run.is_used)
        shown_changes = poses.rotations_in_degrees, poses.distances_in_angstroms
        figures.append(partial(draw_pose_changes, folder / names.POSE_CHANGES, *shown_changes))
    return figures


def _draw_energy_of_latents(run: Run) -> None:
    """A first look at how populated the conformations are, until landscape-full measures it along volume components."""
    stem = run.files.figures / names.ENERGY_OF_LATENTS
    for path in (stem.with_suffix(".png"), stem.with_suffix(".pdf")):
        path.unlink(missing_ok=True)
    is_measured = any(names.is_of_free_energy(path.stem) for path in figure_files(run.files))
    if is_measured or not run.files.latents.is_file():
        return
    counted = run.is_in_states
    if not counted.any():  # nothing is in a state where all are outliers
        return
    plane = fit_latent_components(run.latents[counted]).scores[:, :2].astype(np.float64)
    if plane.shape[1] < 2:
        return
    with contextlib.suppress(InputError):  # too few particles, or none of them differ: no figure then
        particles = run.particles.particle_indices[counted] if run.is_prepared else None
        landscape = estimate_free_energy(
            plane, np.random.default_rng(0), n_bootstrap=BOOTSTRAP_SAMPLES, particle_indices=particles
        )
        if landscape.has_energies:
            draw_energy_map(stem, landscape, (1, 2), coordinate="latent component {} (latent units)")
