"""What the explorer writes, all of it inside RUN/explore: selections, maps, sessions, RELION job folders."""

import io
import json
import re
from pathlib import Path
from typing import Any

import numpy as np

from gem_plugin.adapters.relion.output_nodes import NODES_FILE, NodeKind, OutputNode, write_output_nodes
from gem_plugin.adapters.relion.watcher import JobEnd, write_exit_file
from gem_plugin.errors import InputError
from gem_plugin.io.array_files import write_numbers
from gem_plugin.io.mrc.maps import write_map
from gem_plugin.io.run.explore_files import ExploreFiles
from gem_plugin.io.run.files import RunFiles
from gem_plugin.io.run.names import latents_of_series, map_file
from gem_plugin.io.whole_files import write_text_whole
from gem_plugin.progress import Progress
from gem_plugin.results.particle_file import RelionParticleFile
from gem_plugin.results.run import Run
from gem_plugin.steps.select.settings import SelectSettings
from gem_plugin.steps.select.step import run_select

NAME_PATTERN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,59}")
PARTICLES, NOTE = "particles", "note.txt"


def checked_name(name: str) -> str:
    """A name that cannot lead out of the folder."""
    if not NAME_PATTERN.fullmatch(name):
        raise InputError(
            f"The name {name[:80]!r} cannot be used; expected letters, digits, - and _ (at most 60), such as open_state."
        )
    return name


def save_selection(run: RunFiles, name: str, rows: np.ndarray) -> list[Path]:
    """The chosen particles as their original rows (.star or .cs), and their row numbers."""
    return _write_selection(run, rows, run.explore, checked_name(name))


def save_relion_job(run: RunFiles, name: str, rows: np.ndarray) -> list[Path]:
    """A folder that looks as a finished External job does: particles, node list, end mark, and how to use it."""
    folder = run.explore.job(checked_name(name))
    opened = Run(run)
    if not opened.is_prepared or opened.original.program != RelionParticleFile.program:
        raise InputError(
            "This run did not start from a star file. Save the particles, and import them where they came from."
        )
    particles, rows_file = _write_selection(run, rows, ExploreFiles(folder), PARTICLES)
    write_output_nodes(folder, [OutputNode(particles.name, NodeKind.PARTICLES)])
    write_exit_file(folder, JobEnd.SUCCESS)
    write_text_whole(
        folder / NOTE,
        f"{len(rows)} particles chosen in gem-em explore.\n"
        f"Use {particles} as input of any job, or let an External job make it again:\n"
        f"gem-external-select with the parameters run = {run.root} and rows = {rows_file}\n",
    )
    return [particles, rows_file, folder / NODES_FILE, folder / NOTE]


def save_maps(
    run: RunFiles, name: str, latents: np.ndarray, volumes: Any, pixel_size_in_angstroms: float
) -> list[Path]:
    """One map for each row of latents, and the latents."""
    folder = run.explore.maps(checked_name(name))
    write_numbers(latents_of_series(folder), latents)
    paths = []
    for number, volume in enumerate(volumes, start=1):
        paths.append(map_file(folder, number))
        write_map(paths[-1], volume, pixel_size_in_angstroms)
    return [latents_of_series(folder), *paths]


def save_session(run: RunFiles, name: str, content: dict[str, Any]) -> Path:
    """Everything that the page needs to look the same again."""
    path = run.explore.session(checked_name(name))
    write_text_whole(path, json.dumps(content, indent=1) + "\n")
    return path


def read_session(run: RunFiles, name: str) -> dict[str, Any]:
    path = run.explore.session(checked_name(name))
    if not path.is_file():
        names = ", ".join(run.explore.session_names()) or "none"
        raise InputError(f"There is no session {name}; there are {names}.")
    return json.loads(path.read_text(encoding="utf-8"))


def _write_selection(run: RunFiles, rows: np.ndarray, files: ExploreFiles, name: str) -> list[Path]:
    if not len(rows):
        raise InputError("The selection is empty: draw a lasso, or press `all shown`.")
    rows_file = files.rows(name)
    opened = Run(run)
    if not opened.is_prepared:  # the landscape of another program's run: it knows rows only
        write_numbers(rows_file, np.unique(rows.astype(np.int64)))
        return [rows_file]
    if rows.min() < 0 or rows.max() >= opened.n_particles:
        raise InputError(f"The selection names row {rows.max()}; the run has {opened.n_particles} particles.")
    out = files.particles(name, opened.original.suffix)
    write_numbers(rows_file, np.unique(rows.astype(np.int64)))
    run_select(run, SelectSettings(rows=rows_file, out=out, overwrite=True), Progress(io.StringIO()))
    return [out, rows_file]
