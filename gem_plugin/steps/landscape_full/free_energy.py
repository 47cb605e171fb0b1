"""The third part of landscape-full: free energy along the components, and the path between two states."""

import dataclasses
import shutil
from typing import Any

import numpy as np

from gem_plugin.errors import InputError
from gem_plugin.io.array_files import write_arrays, write_numbers
from gem_plugin.io.run import figure_names as names
from gem_plugin.io.run.figure_names import remove_figures
from gem_plugin.io.run.names import latents_of_series
from gem_plugin.io.whole_files import write_text_whole
from gem_plugin.landscape.free_energy import FreeEnergy, energy_along, estimate_free_energy
from gem_plugin.landscape.latents.near_particles import NearParticles
from gem_plugin.landscape.paths import EnergyPath, minimum_energy_path, rows_near_path
from gem_plugin.reports.figures.free_energy import draw_energy_curve, draw_energy_map, draw_path_profile
from gem_plugin.steps.analyze.step import save_numbered_maps
from gem_plugin.steps.landscape_full.job import FullLandscapeJob
from gem_plugin.steps.landscape_full.settings import DEFAULT_PATH_STATES


def map_energy(job: FullLandscapeJob, coordinates: np.ndarray) -> tuple[FreeEnergy | None, dict[str, Any]]:
    """A curve for each chosen component, and a map where there are two."""
    progress = job.progress
    _remove_earlier_energies(job)
    if len(coordinates) < 10:
        progress.say("Fewer than 10 particles: no free energy.")
        return None, {}
    with progress.waiting("free energy"):
        return _estimate_and_draw(job, coordinates)


def _remove_earlier_energies(job: FullLandscapeJob) -> None:
    for path in [*job.full.energies(), *job.full.energy_curves()]:
        path.unlink()
    remove_figures(job.figures, names.FULL_ENERGY_CURVE, names.FULL_ENERGY_MAP)


def _estimate_and_draw(
    job: FullLandscapeJob, coordinates: np.ndarray
) -> tuple[FreeEnergy | None, dict[str, Any]]:
    full, figure_folder, settings, track = job.full, job.figures, job.settings, job.progress.track
    generator = np.random.default_rng(settings.seed)
    particles = job.particle_indices[job.is_used]
    for number in settings.energy_pcs:
        centres, energy, error = energy_along(
            coordinates[:, number - 1],
            generator,
            bandwidth_factor=settings.bandwidth,
            n_bootstrap=settings.bootstrap,
            track=track,
            particle_indices=particles,
        )
        rows = "\n".join(f"{x:.6g},{e:.6g},{s:.6g}" for x, e, s in zip(centres, energy, error))
        header = "coordinate_in_map_units,energy_in_kt,error_in_kt\n"
        write_text_whole(full.energy_curve(number), header + rows + "\n")
        draw_energy_curve(
            figure_folder / names.FULL_ENERGY_CURVE.format(number), centres, energy, error, number
        )
    if len(settings.energy_pcs) < 2:
        return None, {}
    first, second = settings.energy_pcs
    plane = coordinates[:, [first - 1, second - 1]].astype(np.float64)
    landscape = estimate_free_energy(
        plane,
        generator,
        bandwidth_factor=settings.bandwidth,
        n_bootstrap=settings.bootstrap,
        track=track,
        particle_indices=particles,
    )
    write_arrays(full.energy(first, second), **dataclasses.asdict(landscape))
    draw_energy_map(figure_folder / names.FULL_ENERGY_MAP.format(first, second), landscape, (first, second))
    known = np.isfinite(landscape.energy_in_kt)
    return landscape, {
        "bandwidth_along_first": round(float(landscape.bandwidths[0]), 5),
        "median_energy_error_in_kt": round(float(np.median(landscape.error_in_kt[known])), 4),
    }


def travel_path(
    job: FullLandscapeJob,
    coordinates: np.ndarray,
    states: np.ndarray,  # (n,) from 1; 0: excluded
    landscape: FreeEnergy | None,
) -> float | None:  # the barrier in kT, None where there is no path
    """The minimum free-energy path between two states, and real particles' maps along it."""
    figure_folder, settings, progress = job.figures, job.settings, job.progress
    _remove_earlier_path(job)
    if settings.path_points == 0:
        return None
    unknown = [number for number in settings.path_states if not 1 <= number <= states.max()]
    if unknown and (settings.path_states != DEFAULT_PATH_STATES or states.max() > 1):
        there = "state 1 only" if states.max() == 1 else f"the states 1 to {states.max()}"
        progress.say(
            f"NOTE: there is no minimum-energy path: --path-states asks for state {unknown[0]}, and there is {there}. All "
            "else is made; run gem-em landscape-full again with other --path-states, which takes up what is finished."
        )
    if landscape is None or unknown:
        return None
    plane = coordinates[:, [number - 1 for number in settings.energy_pcs]].astype(np.float64)
    try:
        with progress.waiting("minimum-energy path"):
            start, end = (
                _most_populated(np.flatnonzero(states == number), plane, landscape)
                for number in settings.path_states
            )
            path = minimum_energy_path(landscape, plane[start], plane[end], settings.path_points)
            used = np.flatnonzero(job.is_used)
            first, last = np.searchsorted(
                used, [start, end]
            ).tolist()  # both are in a state, so they are used
            rows = used[
                rows_near_path(path.points, plane[used], job.source.latents[used], ends=(first, last))
            ]
    except InputError as error:
        progress.say(str(error))  # the rest of the landscape is still worth having
        return None
    near = NearParticles(plane[job.is_used]).at(path.points)
    _save_path(job, path, rows, near)
    first, second = settings.energy_pcs
    stem = figure_folder / names.FULL_ENERGY_PATH.format(first, second)
    draw_energy_map(stem, landscape, (first, second), path.points, plane[rows])
    draw_path_profile(figure_folder / names.FULL_PATH_PROFILE, path, near)
    return path.barrier_in_kt


def _remove_earlier_path(job: FullLandscapeJob) -> None:
    """Maps of an earlier path would otherwise stand for this landscape."""
    if job.full.path.is_dir():
        shutil.rmtree(job.full.path)
    remove_figures(job.figures, names.FULL_ENERGY_PATH, names.FULL_PATH_PROFILE)


def _most_populated(
    rows: np.ndarray,  # (k,): the particles of a state
    plane: np.ndarray,  # (n, 2)
    landscape: FreeEnergy,
) -> int:
    """The particle of a state at which the free energy is lowest."""
    cells = [landscape.cell_of(point) for point in plane[rows]]
    energies = np.array([landscape.energy_in_kt[cell] for cell in cells])
    energies = np.where(np.isfinite(energies), energies, np.inf)
    return int(rows[energies.argmin()])


def _save_path(job: FullLandscapeJob, path: EnergyPath, rows: np.ndarray, near: np.ndarray) -> None:
    source, full, progress = job.source, job.full, job.progress
    lines = [
        f"{x:.6g},{y:.6g},{energy:.6g},{error:.6g},{distance:.6g},{row},{count}"
        for (x, y), energy, error, distance, row, count in zip(*path, rows, near)
    ]
    header = (
        "first_coordinate,second_coordinate,energy_in_kt,error_in_kt,distance,particle_row,particles_near\n"
    )
    write_text_whole(full.path_points, header + "\n".join(lines) + "\n")
    write_numbers(full.path_rows, rows)
    write_numbers(latents_of_series(full.path), source.latents[rows])
    volumes = progress.track(source.decode(source.latents[rows]), "maps along the path", len(rows), "map")
    save_numbered_maps(full.path, volumes, source.pixel_size_in_angstroms)
