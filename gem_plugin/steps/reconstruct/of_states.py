"""Half-maps of every state, and how far the particles show what the model shows."""

from dataclasses import replace
from typing import Any

import numpy as np
import torch

from gem_plugin.devices import choose_device
from gem_plugin.errors import InputError
from gem_plugin.imaging.back_projection import BackProjection
from gem_plugin.imaging.resolution import RESOLUTION_FSC, first_shell_below, half_map_curves
from gem_plugin.io.mrc.maps import read_map
from gem_plugin.io.run import figure_names as names
from gem_plugin.io.run.files import RunFiles
from gem_plugin.io.run.names import state_name, state_number
from gem_plugin.io.run.outliers import count_in_states
from gem_plugin.io.run.reconstruct_files import CONTROL_NAME, WHOLE_NAME, ReconstructFiles
from gem_plugin.landscape.checks.half_map_support import measure_half_map_agreement
from gem_plugin.particles.prepared import PreparedData
from gem_plugin.progress import Progress
from gem_plugin.reports.figures.reconstruction import draw_shell_correlations
from gem_plugin.results.csv_tables import read_number_columns
from gem_plugin.steps.reconstruct.half_maps import (
    ColumnValues,
    Measuring,
    back_project,
    draw_local_resolutions,
    half_maps_of,
    mask_from_half_maps,
    measuring_of,
    write_and_measure,
    write_map_table,
)
from gem_plugin.steps.reconstruct.inserting import device_of_sums
from gem_plugin.steps.reconstruct.settings import ReconstructSettings


def reconstruct_states(
    run: RunFiles,
    prepared: PreparedData,
    halves: np.ndarray,
    settings: ReconstructSettings,
    progress: Progress,
) -> dict[str, Any]:
    """Every state, all particles together, and a random subset as the control."""
    files, device = run.reconstruct, choose_device(settings.device)
    states = _read_states(run, settings, len(prepared.table))
    if settings.particle_states is not None:  # they may ask for outliers, which count nowhere else
        counted = count_in_states(run, len(states)) | (states > 0)
        prepared = replace(prepared, is_used=prepared.is_used & counted)
    measuring = measuring_of(settings, prepared, progress)
    numbers = [int(one) for one in np.unique(states) if one > 0]
    decoded = _decoded_means(run, numbers) if settings.particle_states is None else {}
    files.remove_states()
    box_size, pixel_size = prepared.table.box_size, prepared.table.pixel_size_in_angstroms
    everything = BackProjection(box_size, pixel_size, device=device_of_sums(box_size, device))
    table: dict[str, ColumnValues] = {}
    for number in [0, *numbers]:  # 0: particles of no state count for the whole only
        rows, name = np.flatnonzero((states == number) & prepared.is_used), state_name(number)
        if not len(rows):
            continue
        both = back_project(prepared, rows, halves, device, progress, name)
        everything.add_all_of_(both)
        if number and len(np.unique(halves[rows])) < 2:
            progress.say(
                f"State {number} gets no map: all its particles ({len(rows)}) are in one half-set. Request fewer states (-M)."
            )
        elif number:
            half_maps = half_maps_of(both, progress, name)
            measured = write_and_measure(files, name, half_maps, measuring, decoded.get(number))
            table[name] = {"particles": len(rows), **measured}
    if not table:
        raise InputError(
            "No state has particles in both half-sets, so there is nothing to reconstruct. Request fewer states (-M)."
        )
    rows = random_subset(
        np.where(prepared.is_used, halves, -1),
        int(min(row["particles"] for row in table.values())),
        settings.seed,
    )
    both = back_project(prepared, rows, halves, device, progress, "random subset")
    half_maps = half_maps_of(both, progress, "random subset")
    table[CONTROL_NAME] = {
        "particles": len(rows),
        **write_and_measure(files, CONTROL_NAME, half_maps, replace(measuring, local=None)),
    }
    overall = write_and_measure(files, WHOLE_NAME, half_maps_of(everything, progress, WHOLE_NAME), measuring)
    table = {WHOLE_NAME: {"particles": int(prepared.is_used.sum()), **overall}, **table}
    with progress.waiting("half-map check of the states"):
        _add_half_map_check(files, table, everything, decoded, measuring)
    write_map_table(files.table, table)
    draw_shell_correlations(
        run.figures / names.FSC_OF_STATES,
        {name: read_number_columns(files.curves(name)) for name in table},
    )
    draw_local_resolutions(run, list(table), "of_states")
    return {
        "states": len(table) - 2,  # without all particles and the random subset
        "resolution_in_angstroms": {name: row["resolution_in_angstroms"] for name, row in table.items()},
        "half_sets_given": bool((prepared.table.half_sets > 0).all()),
    }


def random_subset(halves: np.ndarray, n_particles: int, seed: int) -> np.ndarray:  # (n_particles,), sorted
    """Particles drawn blindly, as many of each half-set."""
    generator = np.random.default_rng(seed)
    members = [generator.permutation(np.flatnonzero(halves == half)) for half in (0, 1)]
    return np.sort(
        np.concatenate([members[0][: n_particles - n_particles // 2], members[1][: n_particles // 2]])
    )


def _add_half_map_check(
    files: ReconstructFiles,
    table: dict[str, ColumnValues],
    everything: BackProjection,
    decoded: dict[int, np.ndarray],
    measuring: Measuring,
) -> None:
    """How well the particles of each state show that it differs from the whole."""
    decoded = {number: volume for number, volume in decoded.items() if state_name(number) in table}
    whole = everything.volume(0).cpu(), everything.volume(1).cpu()
    pixel_size = everything.pixel_size_in_angstroms
    where = measuring.mask
    if where is None:
        where = union_mask(files, [name for name in table if name != CONTROL_NAME])
    curves = half_map_curves(
        *whole, mask_from_half_maps(*whole, pixel_size), torch.Generator().manual_seed(measuring.seed)
    )
    last_shell = first_shell_below(curves.corrected, RESOLUTION_FSC) - 1
    counts = {number: int(table[state_name(number)]["particles"]) for number in decoded}
    mean = sum(counts[number] * decoded[number] for number in decoded) / max(sum(counts.values()), 1)
    for name in measuring.progress.track(list(table), "half-map check of the states", unit="map"):
        if name == WHOLE_NAME:
            continue
        row = table[name]
        halves = [torch.from_numpy(read_map(files.half_map(name, half)).volume) for half in (1, 2)]
        number = state_number(name) or 0
        difference = torch.from_numpy(decoded[number] - mean) if number in decoded else None
        check = measure_half_map_agreement(
            (halves[0], halves[1]), whole, where, max(last_shell, 2), difference
        )
        row["difference_correlation"] = round(check.correlation, 4)
        row["difference_z_score"] = round(check.z_score, 2)
        if difference is not None:
            row["decoded_difference_agreement"] = round(check.agreement_with_decoded, 4)


def union_mask(files: ReconstructFiles, names: list[str]) -> torch.Tensor:
    """Wherever any of the maps has density."""
    masks = [torch.from_numpy(read_map(files.mask(name)).volume) for name in names]
    return torch.stack(masks).amax(0)


def _read_states(run: RunFiles, settings: ReconstructSettings, n_particles: int) -> np.ndarray:
    path = settings.particle_states or run.landscape.particle_states
    if not path.is_file():
        raise InputError(
            f"{path} is missing: the particles have no states. Run `gem-em landscape {run.root}` first, "
            "or give --particle-states or --z-values."
        )
    try:
        states = np.load(path, allow_pickle=False)
    except (ValueError, OSError, EOFError) as error:
        raise InputError(
            f"{path} holds no plain array ({error}). Give a .npy file of whole numbers."
        ) from error
    if states.shape != (n_particles,) or not np.issubdtype(states.dtype, np.integer):
        raise InputError(
            f"{path}: expected {n_particles} whole numbers, one for each particle of the run, "
            f"got {states.dtype} of shape {states.shape}."
        )
    if not (states > 0).any():
        raise InputError(f"{path}: no particle has a state above 0.")
    return states


def _decoded_means(run: RunFiles, numbers: list[int]) -> dict[int, np.ndarray]:
    """The mean maps that landscape decoded, where all have the box of the images."""
    paths = {number: run.landscape.states.mean(number) for number in numbers}
    if not all(path.is_file() for path in paths.values()):
        return {}
    return {number: read_map(path).volume for number, path in paths.items()}
