"""How the Gaussians of a trained model move over the particles, and the same as files for ChimeraX."""

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from gem_plugin.gaussians.cloud import GaussianCloud
from gem_plugin.imaging.bright_level import DISPLAY_PERCENTILE
from gem_plugin.io.array_files import read_array, write_arrays
from gem_plugin.io.atoms.bild import write_arrows
from gem_plugin.io.atoms.gaussian_models import MAXIMUM_ATOMS, write_gaussian_models
from gem_plugin.io.mrc.maps import read_map, write_map
from gem_plugin.io.run.files import RunFiles
from gem_plugin.io.whole_files import write_text_whole
from gem_plugin.landscape.motion.gaussians import GaussianMotion, measure_motion, motion_to_arrays
from gem_plugin.landscape.volume_source import VolumeSource
from gem_plugin.particles.views import one_view_each
from gem_plugin.progress import Track, untracked
from gem_plugin.reports import chimerax_scripts as scripts
from gem_plugin.reports.chimerax_states import (
    Extent,
    StateModel,
    extent_of,
    figure_script,
    overlay_script,
    states_script,
)
from gem_plugin.reports.state_labels import labels_of_states
from gem_plugin.results.decoder import MapGrid, recorded_cryodrgn
from gem_plugin.results.gem_decoder import read_latents
from gem_plugin.results.kept_products import KeptProducts
from gem_plugin.results.run import LATENT_COMPONENT, VOLUME_COMPONENT, MapSeries, Run
from gem_plugin.steps.report.molstar import write_scene_of_motion, write_scene_of_states

PARTICLES_COMPARED, PARTICLES_AT_A_TIME = 200, 20
SEED = 0  # of the sample of particles
MOTION, SCRIPTS, SUFFIX_OF_SCRIPTS = "motion", "scripts for ChimeraX", ".cxc"  # names of what is kept
MAXIMUM_ARROWS = 600
MAXIMUM_PERCENTILE = 98  # of the values that are coloured
ENDS_IN_PERCENT, POINTS_OF_TRAJECTORY = (3, 97), 10  # of the sketch maps, along the first volume component
MINIMUM_FRACTION_OF_DENSITY = 0.02  # of the brightest voxel: where less density is, motion has no meaning


def write_motion(
    run: RunFiles, source: VolumeSource, seed: int = 0, track: Track = untracked
) -> GaussianMotion:
    """Compare the clouds of a random sample of particles; keep the result in the run."""
    assert source.clouds_at is not None
    rows = _rows_compared(Run(run), source.n_particles, seed)
    groups = np.split(rows, range(PARTICLES_AT_A_TIME, len(rows), PARTICLES_AT_A_TIME))
    tracked = track(groups, "motion of the Gaussians", unit="group of particles")
    clouds = [source.clouds_at(source.latents[group]) for group in tracked]
    positions = np.concatenate([cloud.positions.cpu().numpy() for cloud in clouds])
    amplitudes = np.concatenate([_amplitudes_of_each(cloud) for cloud in clouds])
    motion = measure_motion(positions, amplitudes, seed)
    write_arrays(run.motion, **motion_to_arrays(motion))
    return motion


def _rows_compared(run: Run, n_particles: int, seed: int) -> np.ndarray:
    """A sample of what counts in states, one view a particle."""
    counted = run.is_in_states
    candidates = np.flatnonzero(counted) if counted.any() else np.arange(n_particles)
    if (table := run.table_if_there) is not None:
        candidates = one_view_each(candidates, table.particle_indices)
    n_compared = min(PARTICLES_COMPARED, len(candidates))
    return np.sort(np.random.default_rng(seed).choice(candidates, n_compared, replace=False))


def _amplitudes_of_each(cloud: GaussianCloud) -> np.ndarray:  # (particles, gaussians)
    """Also of a cloud whose particles share their amplitudes."""
    return np.broadcast_to(cloud.amplitudes.cpu().numpy(), cloud.positions.shape[:2])


@dataclass(frozen=True)
class _States:
    """What the scripts of the states share; no models where there are no states."""

    models: tuple[StateModel, ...] = ()
    level: float = 0.0
    extent: Extent | None = None


@dataclass(frozen=True)
class _Motion:
    """The maps of the motion that the figure shows again: names in the folder of the scripts."""

    level: float
    highest: float  # Angstrom


def _nothing() -> None:
    """Default: nobody waits for the motion."""


def write_chimerax(
    run: Run,
    kept: KeptProducts,
    track: Track = untracked,
    when_measured: Callable[[], object] = _nothing,  # called between motion and scripts
) -> list[Path]:
    """Scripts for everything that the run holds, scenes for Mol* beside them; where the model is there, motion too.

    What is there as it would be made now stays.
    """

    @cache
    def source() -> VolumeSource:
        return run.decoder(MapGrid())

    if _has_model(run):
        kept.make(MOTION, _made_of_motion(run), lambda: _measure(run, source(), track))
    when_measured()
    files = kept.make(SCRIPTS, _made_of_scripts(run), lambda: _write_all(run, source, track))
    return [path for path in files if path.suffix == SUFFIX_OF_SCRIPTS]


def drop_other_motion(run: Run, kept: KeptProducts) -> None:
    """Delete the motion of another model, where it is not to be measured again."""
    if _has_model(run) and kept.is_known(MOTION) and not kept.is_valid(MOTION, _made_of_motion(run)):
        run.files.motion.unlink(missing_ok=True)


def _has_model(run: Run) -> bool:
    return run.files.checkpoint.is_file() and run.files.latents.is_file()


def _made_of_motion(run: Run) -> tuple[Any, ...]:
    """Everything that enters: the model, and the particles that are compared."""
    latents = read_latents(run.files)
    rows = _rows_compared(run, len(latents), SEED)
    return run.files.checkpoint, repr(recorded_cryodrgn(run.files)), rows, latents[rows], SEED


def _measure(run: Run, source: VolumeSource, track: Track) -> list[Path]:
    if source.clouds_at is None:
        return []
    write_motion(run.files, source, SEED, track)
    return [run.files.motion]


def _made_of_scripts(run: Run) -> tuple[Any, ...]:
    """Everything that enters, with the names under which the scripts open it."""
    files, labels = run.files, labels_of_states(run)
    of_states = [(_relative(files, path), labels[number], path) for number, path in run.state_maps.items()]
    of_series = [
        (one.title, [_relative(files, path) for path in one.paths], one.paths[0]) for one in run.series
    ]
    of_model = (_made_of_motion(run), files.motion, _trajectories(run)) if _has_model(run) else ()
    return files.root.resolve().name, files.root.name, of_states, of_series, of_model


def _write_all(run: Run, source: Callable[[], VolumeSource], track: Track) -> list[Path]:
    files = run.files.chimerax
    files.root.mkdir(parents=True, exist_ok=True)
    for path in files.made_by_report():  # of an earlier report
        path.unlink()
    states, motion = _states(run), None
    written = [*_state_scripts(run, states), *_morph_scripts(run, track)]
    measured = Run(run.files).motion if _has_model(run) and source().clouds_at is not None else None
    if measured is not None:
        motion, of_motion = _motion_files(run, source(), measured, track)
        written += [*of_motion, *files.maps()]
    return list(dict.fromkeys([*written, *_figure_script(run, states, motion), *files.made_by_report()]))


def _states(run: Run) -> _States:
    paths, labels = run.state_maps, labels_of_states(run)
    if not paths:
        return _States()
    models = [
        StateModel(_relative(run.files, path), number, labels[number]) for number, path in paths.items()
    ]
    level = _level(next(iter(paths.values())))  # of the largest state: one level for all
    maps = [read_map(path) for path in paths.values()]
    extent = extent_of([one.volume for one in maps], level, maps[0].pixel_size_in_angstroms)
    return _States(tuple(models), level, extent)


def _state_scripts(run: Run, states: _States) -> list[Path]:
    if states.extent is None:
        return []
    files, what = run.files.chimerax, (states.models, states.level, states.extent)
    write_scene_of_states(files.scene_of_states, run, states.level)
    return [
        _write_script(files.script("states"), states_script(*what)),
        _write_script(files.script("states_overlay"), overlay_script(*what)),
    ]


def _figure_script(run: Run, states: _States, motion: _Motion | None) -> list[Path]:
    if not states.models and motion is None:
        return []
    files, coloured, arrows = run.files.chimerax, None, None
    if motion is not None:
        coloured = files.mean_map.name, files.map_of_values("motion").name, motion.level, motion.highest
        arrows = files.mean_map.name, files.arrows.name, motion.level
    text = figure_script(states.models, states.level, states.extent, coloured, arrows)
    return [_write_script(files.script("figure"), text)]


def _morph_scripts(run: Run, track: Track) -> list[Path]:
    """A morph along every trajectory, and a movie of the first one."""
    files, written = run.files.chimerax, []
    moving = [series for series in run.series if len(series.paths) > 1]
    for series in track(moving, "morphs for ChimeraX", unit="script"):
        text = scripts.morph_script(*_maps_of_series(run, series))
        written.append(_write_script(files.script(f"morph_{series.title.replace(' ', '_')}"), text))
    if moving:
        first = next((one for one in moving if one.title.startswith(VOLUME_COMPONENT)), moving[0])
        text = scripts.movie_script(*_maps_of_series(run, first))
        written.append(_write_script(files.script("movie"), text))
    return written


def _maps_of_series(run: Run, series: MapSeries) -> tuple[list[str], float]:
    return [_relative(run.files, path) for path in series.paths], _level(series.paths[0])


def _motion_files(
    run: Run, source: VolumeSource, motion: GaussianMotion, track: Track
) -> tuple[_Motion, list[Path]]:
    """Coloured consensus, arrows, and Gaussians along each latent trajectory."""
    from gem_plugin.gaussians.volume import render_volumes  # torch; not wanted where these files are kept

    files = run.files.chimerax
    mean_map = files.mean_map
    pixel_size = source.cloud_pixel_size_in_angstroms
    cloud = _mean_cloud(source, motion)
    density = render_volumes(cloud, source.box_size, pixel_size)[0].numpy()
    write_map(mean_map, density, pixel_size)
    level, written = _level(mean_map), []
    colours = (
        ("motion", "rms motion (Angstrom)", motion.displacement_in_angstroms),
        ("occupancy", "occupancy (mean amplitude, fraction of full amplitude)", motion.occupancy),
        (
            "amplitude_change",
            "amplitude change (standard deviation, fraction of the mean)",
            motion.amplitude_change,
        ),
    )
    highest_of = {}
    for name, what, values in track(colours, "colours for ChimeraX", unit="script"):
        path = files.map_of_values(name)
        write_map(path, _map_of_values(cloud, values, density, source), pixel_size)
        highest = 1.0 if name == "occupancy" else float(np.percentile(values, MAXIMUM_PERCENTILE))
        highest_of[name] = max(highest, 1e-3)
        text = scripts.colour_script(mean_map.name, path.name, level, highest_of[name], what)
        written.append(_write_script(files.script(f"colour_by_{name}"), text))
    ends = _main_arrows(motion, source)
    _write_main_arrows(files.arrows, ends)
    written.append(
        _write_script(files.script("arrows"), scripts.arrows_script(mean_map.name, files.arrows.name, level))
    )
    values = read_map(files.map_of_values("motion")).volume
    write_scene_of_motion(
        files.scene_of_motion, density, values, pixel_size, level, highest_of["motion"], ends
    )
    return _Motion(level, highest_of["motion"]), written + _trajectory_models(run, source, motion, track)


def _mean_cloud(source: VolumeSource, motion: GaussianMotion) -> GaussianCloud:
    import torch

    assert source.clouds_at is not None
    widths = source.clouds_at(source.latents[:1]).widths.reshape(1, -1)[0].cpu()
    positions = torch.from_numpy(motion.positions_in_angstroms).float()
    return GaussianCloud(positions, torch.from_numpy(motion.amplitudes).float(), widths)


def _map_of_values(
    cloud: GaussianCloud, values: np.ndarray, density: np.ndarray, source: VolumeSource
) -> np.ndarray:  # (box, box, box)
    """At each voxel the mean of the values, weighted by the density of each Gaussian there; 0 in the solvent."""
    import torch

    from gem_plugin.gaussians.volume import render_volumes

    weighted = replace(cloud, amplitudes=cloud.amplitudes * torch.from_numpy(values).float())
    sums = render_volumes(weighted, source.box_size, source.cloud_pixel_size_in_angstroms)[0].numpy()
    is_inside = density > MINIMUM_FRACTION_OF_DENSITY * density.max()
    return np.where(is_inside, sums / np.where(is_inside, density, 1), 0).astype(np.float32)


def _main_arrows(motion: GaussianMotion, source: VolumeSource) -> np.ndarray:  # (n, 2, 3) xyz in Angstrom
    """Starts and ends of the largest joint motion of the Gaussians that move most, the longest first."""
    lengths = np.linalg.norm(motion.main_displacement_in_angstroms, axis=1)
    chosen = np.argsort(lengths)[::-1][:MAXIMUM_ARROWS]
    starts = _in_map_frame(motion.positions_in_angstroms[chosen], source)
    return np.stack([starts, starts + motion.main_displacement_in_angstroms[chosen]], axis=1)


def _write_main_arrows(path: Path, ends: np.ndarray) -> None:
    lengths = np.linalg.norm(ends[:, 1] - ends[:, 0], axis=1)
    fraction = (lengths / max(float(lengths.max(initial=0)), 1e-9))[:, None]
    blue, orange = np.array([[0.0, 0.45, 0.70]]), np.array([[0.90, 0.62, 0.0]])
    write_arrows(path, ends[:, 0], ends[:, 1], (1 - fraction) * blue + fraction * orange)


def _trajectory_models(run: Run, source: VolumeSource, motion: GaussianMotion, track: Track) -> list[Path]:
    """A PDB of several models for every trajectory."""
    assert source.clouds_at is not None
    written: list[Path] = []
    if len(motion.amplitudes) > MAXIMUM_ATOMS:
        return written
    trajectories = list(_trajectories(run).items())
    for name, latents in track(trajectories, "Gaussians for ChimeraX", unit="trajectory"):
        cloud = source.clouds_at(latents)
        positions = _in_map_frame(cloud.positions.cpu().numpy(), source)
        amplitudes = cloud.amplitudes.cpu().numpy()
        occupancies = amplitudes / np.maximum(motion.amplitudes, np.finfo(np.float32).tiny)
        path = run.files.chimerax.gaussians(name)
        write_gaussian_models(path, positions, occupancies, motion.displacement_in_angstroms)
        written.append(_write_script(path.with_suffix(".cxc"), scripts.atoms_script(path.name)))
    return written


def _trajectories(run: Run) -> dict[str, np.ndarray]:  # name -> (points, latent_size)
    """Latents along the components of the analyze step; without it, particles along the first volume component."""
    found = {
        one.folder.name: one.latents
        for one in run.series
        if one.title.startswith(LATENT_COMPONENT) and one.latents is not None
    }
    files = run.files.landscape
    if found or not (files.volume_pca_scores.is_file() and files.sketch_rows.is_file()):
        return found
    scores = read_array(files.volume_pca_scores, "gem-em landscape")[:, 0]
    rows = run.sketch().rows
    if len(rows) != len(scores):  # a landscape that is being made again
        return found
    latents = run.latents[rows]
    low, high = np.percentile(scores, ENDS_IN_PERCENT)
    targets = np.linspace(low, high, POINTS_OF_TRAJECTORY)
    nearest = np.abs(scores[None, :] - targets[:, None]).argmin(axis=1)
    return {"volume_component_1": latents[nearest]}


def _in_map_frame(positions_in_angstroms: np.ndarray, source: VolumeSource) -> np.ndarray:
    """From the rotation centre to the first voxel of the map, where ChimeraX has its origin."""
    return positions_in_angstroms + source.box_size // 2 * source.cloud_pixel_size_in_angstroms


def _level(path: Path) -> float:
    volume = read_map(path).volume
    return scripts.LEVEL_FRACTION * float(np.percentile(volume, DISPLAY_PERCENTILE))


def _relative(run: RunFiles, path: Path) -> str:
    return os.path.relpath(path, run.chimerax.root)


def _write_script(path: Path, text: str) -> Path:
    write_text_whole(path, text)
    return path
