"""What there is of a run, read once for the report. Every part may be missing."""

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from gem_plugin.io.array_files import read_arrays
from gem_plugin.io.mrc.maps import read_map
from gem_plugin.io.run.files import RunFiles
from gem_plugin.io.run.landscape_files import LandscapeFiles
from gem_plugin.io.run.settings import read_run_settings, read_summary
from gem_plugin.landscape.motion.gaussians import GaussianMotion
from gem_plugin.particles.prepared import ParticleOrigin, load_prepared_table
from gem_plugin.particles.table import ParticleTable
from gem_plugin.results.particle_columns import ParticleColumn, particle_columns


@dataclass(frozen=True)
class MapSeries:
    """Maps that belong together in an order: a trajectory."""

    title: str
    paths: list[Path]


@dataclass(frozen=True)
class RunContents:
    """The parts of a run that a reader wants to see."""

    run: RunFiles
    settings: dict[str, dict[str, Any]]
    summary: dict[str, dict[str, Any]]
    particles: tuple[ParticleTable, ParticleOrigin] | None
    history: dict[str, np.ndarray]  # column -> (epochs,); empty before training
    columns: list[ParticleColumn]
    state_means: dict[int, Path]
    state_counts: dict[int, int]  # particles
    series: list[MapSeries]
    state_table: list[dict[str, str]]
    motion: GaussianMotion | None


def read_run_contents(run: RunFiles) -> RunContents:
    """Look at every file of a run."""
    landscape = LandscapeFiles(run.landscape)
    columns = particle_columns(run)
    states = next(
        (column.values.astype(int) for column in columns if column.name == "state"), np.zeros(0, int)
    )
    numbers = sorted(int(path.name.split("_")[1]) for path in landscape.states.glob("state_*_mean.mrc"))
    return RunContents(
        run,
        read_run_settings(run),
        read_summary(run),
        _particles(run),
        read_history(run.history),
        columns,
        {number: landscape.state_file(number, "mean.mrc") for number in numbers},
        {number: int((states == number).sum()) for number in numbers},
        [*_trajectories(run), *_component_traversals(landscape)],
        read_state_table(landscape.state_table),
        read_motion(run),
    )


def read_history(path: Path) -> dict[str, np.ndarray]:
    """history.csv as columns."""
    if not path.is_file():
        return {}
    with open(path, encoding="utf-8", newline="") as handle:
        rows = list(csv.DictReader(handle))
    names = list(rows[0]) if rows else []
    return {name: np.array([float(row[name] or "nan") for row in rows]) for name in names}


def read_motion(run: RunFiles) -> GaussianMotion | None:
    """How the Gaussians move, where it was measured."""
    if not run.motion.is_file():
        return None
    return GaussianMotion(**read_arrays(run.motion, "gem-em report"))


def read_state_table(path: Path) -> list[dict[str, str]]:
    """states.csv as rows: state, maps, particles, and whatever else was measured."""
    if not path.is_file():
        return []
    with open(path, encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle))


def projections_of_map(path: Path) -> list[np.ndarray]:  # three (box, box)
    """Density added up along z, y and x."""
    volume = read_map(path).volume
    return [volume.sum(axis=axis) for axis in range(3)]


def _particles(run: RunFiles) -> tuple[ParticleTable, ParticleOrigin] | None:
    if not run.prepared_table.is_file():
        return None
    table, _, origin = load_prepared_table(run)
    return table, origin


def _trajectories(run: RunFiles) -> list[MapSeries]:
    folders = sorted(run.analyze.glob("pc*"), key=_number_of_folder)
    found = [MapSeries(f"latent component {_number_of_folder(folder)}", _maps(folder)) for folder in folders]
    return [series for series in found if series.paths]


def _component_traversals(files: LandscapeFiles) -> list[MapSeries]:
    folders = sorted(files.component_folder(1).parent.glob("pc*"), key=_number_of_folder)
    found = [MapSeries(f"volume component {_number_of_folder(folder)}", _maps(folder)) for folder in folders]
    return [series for series in found if series.paths]


def _number_of_folder(folder: Path) -> int:
    digits = folder.name.removeprefix("pc")
    return int(digits) if digits.isdigit() else 0


def _maps(folder: Path) -> list[Path]:
    return sorted(folder.glob("vol_*.mrc"), key=lambda path: int(path.stem.removeprefix("vol_")))
