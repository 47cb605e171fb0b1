"""Choosing particles: by state, by conditions on any column, by a range of a component, inside a polygon.

Names of columns: state, leiden, PC1 ... (volume components of all particles), z1 ... (latents), umap1, umap2,
and every column of the particle file, with or without the leading underscore.
"""

import re
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from gem_plugin.errors import InputError
from gem_plugin.io.array_files import read_array, read_number_table
from gem_plugin.io.cryosparc.jobs import read_cryosparc
from gem_plugin.io.run.files import RunFiles
from gem_plugin.io.run.landscape_files import FullLandscapeFiles, LandscapeFiles
from gem_plugin.io.star.columns import read_columns
from gem_plugin.landscape.polygon import points_in_polygon
from gem_plugin.particles.prepared import load_prepared_table
from gem_plugin.particles.source import is_cryosparc
from gem_plugin.steps.write_star.step import open_original

SOURCES = ("sketch", "full", "leiden")
CONDITION = re.compile(r"^\s*([^<>=!\s]+)\s*(<=|>=|==|!=|<|>)\s*(\S+)\s*$")
COMPARE: dict[str, Callable[[np.ndarray, float], np.ndarray]] = {
    "<": np.less,
    "<=": np.less_equal,
    ">": np.greater,
    ">=": np.greater_equal,
    "==": np.equal,
    "!=": np.not_equal,
}


def states_of(run: RunFiles, source: str, n_particles: int) -> np.ndarray:  # (n,) int64, 0 = none
    """The states of all particles, from the sketch, or from the landscape of all particles."""
    files = LandscapeFiles(run.landscape)
    full = FullLandscapeFiles(files.root / "full")
    path, command = {
        "sketch": (files.particle_states, "landscape"),
        "full": (full.particle_states, "landscape-full"),
        "leiden": (full.leiden_states, "landscape-full"),
    }[source]
    return _read_for_particles(path, f"gem-em {command} {run.root}", n_particles)


def column_values(run: RunFiles, name: str, n_particles: int) -> np.ndarray:  # (n,) float64
    """One number a particle, by the name of its column."""
    files = LandscapeFiles(run.landscape)
    full = FullLandscapeFiles(files.root / "full")
    if name in ("state", "leiden"):
        source = "leiden" if name == "leiden" else "full" if full.particle_states.is_file() else "sketch"
        return states_of(run, source, n_particles).astype(np.float64)
    if name == "contrast":
        made_by = f"gem-em train {run.root}"
        return _read_for_particles(run.contrasts, made_by, n_particles).astype(np.float64)
    numbered = re.fullmatch(r"(PC|z|umap)(\d+)", name)
    if numbered is None:
        return _column_of_file(run, name)
    kind, number = numbered[1], int(numbered[2])
    path, command = {
        "PC": (full.coordinates, "landscape-full"),
        "z": (run.latents, "train"),
        "umap": (full.umap if full.umap.is_file() else files.umap, "landscape-full"),
    }[kind]
    table = _read_for_particles(path, f"gem-em {command} {run.root}", n_particles)
    if not 1 <= number <= table.shape[1]:
        raise InputError(f"There is no column {name}; {path} has {kind}1 to {kind}{table.shape[1]}.")
    return table[:, number - 1].astype(np.float64)


def meets_condition(run: RunFiles, condition: str, n_particles: int) -> np.ndarray:  # (n,) bool
    """A condition such as PC1>0.5 or rlnDefocusU<=20000."""
    match = CONDITION.match(condition)
    if match is None:
        raise InputError(
            f"--where is {condition!r}; expected a column, one of < <= > >= == != and a number: PC1>0.5."
        )
    try:
        limit = float(match[3])
    except ValueError:
        raise InputError(f"--where {condition!r}: {match[3]!r} is no number.") from None
    return COMPARE[match[2]](column_values(run, match[1], n_particles), limit)


def in_component_range(run: RunFiles, text: str, n_particles: int) -> np.ndarray:  # (n,) bool
    """A range such as 1:-0.5:2, the component and its limits, both included; a limit may be left out."""
    parts = text.split(":")
    try:
        number = int(parts[0])
        low, high = (
            float(part) if part.strip() else default for part, default in zip(parts[1:], (-np.inf, np.inf))
        )
    except ValueError:
        raise InputError(f"--pc-range is {text!r}; expected component:low:high, such as 1:-0.5:2.") from None
    values = column_values(run, f"PC{number}", n_particles)
    return (values >= low) & (values <= high)


def in_polygon(
    run: RunFiles, corners_file: Path, plane: Sequence[str], n_particles: int
) -> np.ndarray:  # (n,) bool
    """Particles whose two columns lie inside the polygon of a text file, one corner (x y) a line."""
    if len(plane) != 2:
        raise InputError(f"--plane needs two columns, such as PC1,PC2; got {', '.join(plane) or 'none'}.")
    points = np.stack([column_values(run, name, n_particles) for name in plane], axis=1)
    return points_in_polygon(points, read_number_table(corners_file))


def _column_of_file(run: RunFiles, name: str) -> np.ndarray:
    """A column of the particle file that the run started from, in the order of the run."""
    origin = load_prepared_table(run)[2]
    if is_cryosparc(origin.particle_file):
        rows = read_cryosparc(origin.particle_file).rows
        if (
            name not in (rows.dtype.names or ())
            or rows[name].ndim != 1
            or rows[name].dtype.kind not in "iufb"
        ):
            raise InputError(
                f"{origin.particle_file} has no field {name} of one number. Names are as alignments3D/psize_A."
            )
        return rows[name].astype(np.float64)
    file, run_rows = open_original(run)
    label = "_" + name.lstrip("_")
    columns = read_columns(file.document, file.particles, number_labels=[label])
    if label not in columns:
        raise InputError(
            f"{file.path} has no column {label}. Known besides: state, leiden, contrast, PC1, z1, umap1; "
            f"of the file: {', '.join(file.particles.labels[:8])}, ..."
        )
    return columns[label][run_rows]


def _read_for_particles(path: Path, made_by: str, n_particles: int) -> np.ndarray:
    values = read_array(path, made_by)
    if len(values) != n_particles:
        raise InputError(
            f"{path} is of {len(values)} particles, the run has {n_particles}. Run `{made_by}` again."
        )
    return values
