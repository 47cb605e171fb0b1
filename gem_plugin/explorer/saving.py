"""What the explorer writes, all of it inside RUN/explore: selections, maps, sessions, RELION job folders."""

import io
import json
import re
from pathlib import Path
from typing import Any

import numpy as np

from gem_plugin.adapters.relion.output_nodes import NodeKind, OutputNode, write_output_nodes
from gem_plugin.errors import InputError
from gem_plugin.io.array_files import write_numbers
from gem_plugin.io.mrc.maps import write_map
from gem_plugin.io.run.files import RunFiles
from gem_plugin.io.whole_files import write_text_whole
from gem_plugin.progress import Progress
from gem_plugin.results.particle_file import RelionParticleFile
from gem_plugin.results.run import Run
from gem_plugin.steps.select.settings import SelectSettings
from gem_plugin.steps.select.step import run_select

NAME_PATTERN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,59}")
SESSION_SUFFIX = ".session.json"


def checked_name(name: str) -> str:
    """A name that cannot lead out of the folder."""
    if not NAME_PATTERN.fullmatch(name):
        raise InputError(
            f"The name {name[:80]!r} cannot be used; expected letters, digits, - and _ (at most 60), such as open_state."
        )
    return name


def save_selection(run: RunFiles, name: str, rows: np.ndarray) -> list[Path]:
    """The chosen particles as their original rows (.star or .cs), and their row numbers."""
    folder = run.explore
    return _write_selection(run, rows, folder / checked_name(name))


def save_relion_job(run: RunFiles, name: str, rows: np.ndarray) -> list[Path]:
    """A folder that looks as a finished External job does: particles, node list, end mark, and how to use it."""
    folder = run.explore / "jobs" / checked_name(name)
    opened = Run(run)
    if not opened.is_prepared or opened.original.program != RelionParticleFile.program:
        raise InputError(
            "This run did not start from a star file. Save the particles, and import them where they came from."
        )
    written = _write_selection(run, rows, folder / "particles")
    write_output_nodes(folder, [OutputNode("particles.star", NodeKind.PARTICLES)])
    (folder / "RELION_JOB_EXIT_SUCCESS").touch()
    write_text_whole(
        folder / "note.txt",
        f"{len(rows)} particles chosen in gem-em explore.\n"
        f"Use {folder / 'particles.star'} as input of any job, or let an External job make it again:\n"
        f"gem-external-select with the parameters run = {run.root} and rows = {folder / 'particles_rows.txt'}\n",
    )
    return [*written, folder / "RELION_OUTPUT_NODES.star", folder / "note.txt"]


def save_maps(
    run: RunFiles, name: str, latents: np.ndarray, volumes: Any, pixel_size_in_angstroms: float
) -> list[Path]:
    """One map for each row of latents, and the latents."""
    folder = run.explore / checked_name(name)
    write_numbers(folder / "z_values.txt", latents)
    paths = []
    for number, volume in enumerate(volumes, start=1):
        paths.append(folder / f"vol_{number:03d}.mrc")
        write_map(paths[-1], volume, pixel_size_in_angstroms)
    return [folder / "z_values.txt", *paths]


def save_session(run: RunFiles, name: str, content: dict[str, Any]) -> Path:
    """Everything that the page needs to look the same again."""
    path = run.explore / f"{checked_name(name)}{SESSION_SUFFIX}"
    write_text_whole(path, json.dumps(content, indent=1) + "\n")
    return path


def read_session(run: RunFiles, name: str) -> dict[str, Any]:
    path = run.explore / f"{checked_name(name)}{SESSION_SUFFIX}"
    if not path.is_file():
        raise InputError(f"There is no session {name}; there are {', '.join(session_names(run)) or 'none'}.")
    return json.loads(path.read_text(encoding="utf-8"))


def session_names(run: RunFiles) -> list[str]:
    return sorted(path.name.removesuffix(SESSION_SUFFIX) for path in run.explore.glob("*" + SESSION_SUFFIX))


def _write_selection(run: RunFiles, rows: np.ndarray, stem: Path) -> list[Path]:
    if not len(rows):
        raise InputError("The selection is empty: draw a lasso, or press `all shown`.")
    if not run.prepared_table.is_file():  # the landscape of another program's run: it knows rows only
        write_numbers(stem.with_name(stem.name + "_rows.txt"), np.unique(rows.astype(np.int64)))
        return [stem.with_name(stem.name + "_rows.txt")]
    opened = Run(run)
    if rows.min() < 0 or rows.max() >= opened.n_particles:
        raise InputError(f"The selection names row {rows.max()}; the run has {opened.n_particles} particles.")
    rows_file = stem.with_name(stem.name + "_rows.txt")
    out = stem.with_name(stem.name + opened.original.suffix)
    write_numbers(rows_file, np.unique(rows.astype(np.int64)))
    run_select(run, SelectSettings(rows=rows_file, out=out), Progress(io.StringIO()))
    return [out, rows_file]
