"""The third part of landscape-full: free energy along the components, and the path between two states."""

import dataclasses
import shutil
from typing import Any

import numpy as np

from gem_plugin.errors import InputError
from gem_plugin.io.array_files import write_arrays, write_numbers
from gem_plugin.io.run import figure_names as names
from gem_plugin.io.run.figure_names import remove_figures
from gem_plugin.io.run.names import NO_FREE_ENERGY, latents_of_series
from gem_plugin.io.whole_files import write_text_whole
from gem_plugin.landscape.free_energy import (
    TOO_FEW_FOR_ENERGIES,
    FreeEnergy,
    check_number_of_particles,
    energy_along,
    estimate_free_energy,
)
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
    try:
        with progress.waiting("free energy"):
            return _estimate_and_draw(job, coordinates)
    except InputError as error:  # too few particles, or they do not differ: the states are still worth having
        progress.say(str(error))
        return None, {NO_FREE_ENERGY: str(error)}


def _remove_earlier_energies(job: FullLandscapeJob) -> None:
    for path in [*job.full.energies(), *job.full.energy_curves()]:
        path.unlink()
    remove_figures(job.figures, names.FULL_ENERGY_CURVE, names.FULL_ENERGY_MAP)


def _estimate_and_draw(
    job: FullLandscapeJob, coordinates: np.ndarray
) -> tuple[FreeEnergy | None, dict[str, Any]]:
    check_number_of_particles(len(coordinates))
    generator = np.random.default_rng(job.settings.seed)
    has_curves = [
        _write_curve(job, coordinates[:, number - 1], number, generator) for number in job.settings.energy_pcs
    ]
    if len(job.settings.energy_pcs) < 2:
        return None, {} if all(has_curves) else _without_energy(job)
    landscape = _write_map(job, coordinates, generator)
    if not landscape.has_energies:
        return landscape, _without_energy(job)
    known = np.isfinite(landscape.energy_in_kt)
    return landscape, {
        "bandwidth_along_first": round(float(landscape.bandwidths[0]), 5),
        "median_energy_error_in_kt": round(float(np.median(landscape.error_in_kt[known])), 4),
    }


def _write_curve(
    job: FullLandscapeJob, values: np.ndarray, number: int, generator: np.random.Generator
) -> bool:  # whether any energy is known; there is no figure else
    centres, energy, error = energy_along(values, generator, **_options(job))
    rows = "\n".join(f"{x:.6g},{e:.6g},{s:.6g}" for x, e, s in zip(centres, energy, error))
    header = "coordinate_in_map_units,energy_in_kt,error_in_kt\n"
    write_text_whole(job.full.energy_curve(number), header + rows + "\n")
    if not np.isfinite(energy).any():
        return False
    draw_energy_curve(job.figures / names.FULL_ENERGY_CURVE.format(number), centres, energy, error, number)
    return True


def _write_map(job: FullLandscapeJob, coordinates: np.ndarray, generator: np.random.Generator) -> FreeEnergy:
    first, second = job.settings.energy_pcs
    plane = coordinates[:, [first - 1, second - 1]].astype(np.float64)
    landscape = estimate_free_energy(plane, generator, **_options(job))
    arrays = dataclasses.asdict(landscape)
    if landscape.has_energies:
        stem = job.figures / names.FULL_ENERGY_MAP.format(first, second)
        draw_energy_map(stem, landscape, (first, second))
    else:
        arrays["note"] = np.array(TOO_FEW_FOR_ENERGIES)
    write_arrays(job.full.energy(first, second), **arrays)
    return landscape


def _options(job: FullLandscapeJob) -> dict[str, Any]:
    return {
        "bandwidth_factor": job.settings.bandwidth,
        "n_bootstrap": job.settings.bootstrap,
        "track": job.progress.track,
        "particle_indices": job.particle_indices[job.is_used],
    }


def _without_energy(job: FullLandscapeJob) -> dict[str, Any]:
    sentence = (
        f"There is no free energy: {TOO_FEW_FOR_ENERGIES}. Only the density is written; "
        f"{int(job.is_used.sum()):,} particles are in states. Use more particles, or a larger --bandwidth."
    )
    job.progress.say(sentence)
    return {NO_FREE_ENERGY: sentence}


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
    if landscape is None or not landscape.has_energies or unknown:
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
