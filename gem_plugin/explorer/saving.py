"""What the explorer writes, all of it inside RUN/explore: selections, maps, sessions, RELION job folders."""

import contextlib
import io
import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from gem_plugin.adapters.relion.output_nodes import NODES_FILE, NodeKind, OutputNode, write_output_nodes
from gem_plugin.adapters.relion.watcher import JobEnd, write_exit_file
from gem_plugin.errors import InputError
from gem_plugin.explorer.saved_names import check_name_is_free, checked_name, free_name
from gem_plugin.io.array_files import read_number_table, write_numbers
from gem_plugin.io.mrc.maps import write_map
from gem_plugin.io.run.explore_files import ExploreFiles
from gem_plugin.io.run.files import RunFiles
from gem_plugin.io.run.names import latents_of_series, map_file
from gem_plugin.io.whole_files import whole_file, write_text_whole
from gem_plugin.progress import Progress
from gem_plugin.results.particle_file import RelionParticleFile
from gem_plugin.results.run import Run
from gem_plugin.steps.select.settings import SelectSettings
from gem_plugin.steps.select.step import run_select

PARTICLES, NOTE = "particles", "note.txt"
OWN_FOLDERS = (
    "atoms",
    "chimerax",
    "jobs",
    "masks",
    "reconstructions",
)  # of the explorer; a series of maps would lie between their files


def save_selection(run: RunFiles, name: str, rows: np.ndarray, overwrite: bool = False) -> list[Path]:
    """The chosen particles as their original rows (.star or .cs), and their row numbers."""
    opened = Run(run)
    check_name_is_free(name, lambda other: selection_lost(opened, other, rows), overwrite)
    return write_selection(opened, rows, run.explore, name)


@contextlib.contextmanager
def rows_kept(run: RunFiles, name: str, rows: np.ndarray, overwrite: bool = False) -> Iterator[Path]:
    """The row numbers alone, in a temporary file that is kept under the name when the block ends without an error.

    The same rows as those saved before are no loss. Others that were saved under the name meanwhile stay.
    """

    def lost_under(other: str) -> list[Path]:
        return _other_rows(run.explore.rows(other), rows)

    check_name_is_free(name, lost_under, overwrite)
    with tempfile.TemporaryDirectory() as folder:
        listed = ExploreFiles(Path(folder)).rows(name)
        write_numbers(listed, in_order(rows))
        yield listed
    if lost_under(name) and not overwrite:
        name = free_name(name, lambda other: bool(lost_under(other)))
    write_numbers(run.explore.rows(name), in_order(rows))


def save_relion_job(run: RunFiles, name: str, rows: np.ndarray, overwrite: bool = False) -> list[Path]:
    """A folder that looks as a finished External job does: particles, node list, end mark, and how to use it."""
    opened = Run(run)
    if not opened.is_prepared or opened.original.program != RelionParticleFile.program:
        raise InputError(
            "This run did not start from a star file. Save the particles, and import them where they came from."
        )
    check_name_is_free(name, lambda other: _there(run.explore.job(other)), overwrite)
    folder = run.explore.job(name)
    particles, rows_file = write_selection(opened, rows, ExploreFiles(folder), PARTICLES)
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
    run: RunFiles,
    name: str,
    latents: np.ndarray,  # (m, latent_size)
    volumes: Iterable[np.ndarray],  # m maps
    pixel_size_in_angstroms: float,
    overwrite: bool = False,
) -> list[Path]:
    """One map for each row of latents, and the latents."""
    if checked_name(name) in OWN_FOLDERS:
        raise InputError(f"The explorer keeps other files under {name}; save the maps under another name.")
    check_name_is_free(name, lambda other: _there(run.explore.maps(other)), overwrite)
    folder = run.explore.maps(name)
    with whole_folder(folder) as aside:
        write_numbers(latents_of_series(aside), latents)
        for number, volume in enumerate(volumes, start=1):
            write_map(map_file(aside, number), volume, pixel_size_in_angstroms)
    return [latents_of_series(folder), *(map_file(folder, number) for number in range(1, len(latents) + 1))]


def save_session(run: RunFiles, name: str, content: dict[str, Any], overwrite: bool = False) -> Path:
    """Everything that the page needs to look the same again."""
    text = json.dumps(content, indent=1) + "\n"
    check_name_is_free(name, lambda other: _other_text(run.explore.session(other), text), overwrite)
    write_text_whole(run.explore.session(name), text)
    return run.explore.session(name)


def read_session(run: RunFiles, name: str) -> dict[str, Any]:
    path = run.explore.session(checked_name(name))
    if not path.is_file():
        names = ", ".join(run.explore.session_names()) or "none"
        raise InputError(f"There is no session {name}; there are {names}.")
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InputError(f"{path} is damaged: it holds no JSON ({error}). Save the session again.") from error
    if not isinstance(content, dict):
        raise InputError(f"{path} is damaged: it holds no session. Save the session again.")
    return content


def write_selection(opened: Run, rows: np.ndarray, files: ExploreFiles, name: str) -> list[Path]:
    """The list of rows takes its place when the particles are written, so that both belong together."""
    if not len(rows):
        raise InputError("The selection is empty: draw a lasso, or press `all shown`.")
    rows_file = files.rows(name)
    if not opened.is_prepared:  # the landscape of another program's run: it knows rows only
        write_numbers(rows_file, in_order(rows))
        return [rows_file]
    if rows.min() < 0 or rows.max() >= opened.n_particles:
        raise InputError(f"The selection names row {rows.max()}; the run has {opened.n_particles} particles.")
    out = files.particles(name, opened.original.suffix)
    with whole_file(rows_file) as listed:
        write_numbers(listed, in_order(rows))
        run_select(
            opened.files, SelectSettings(rows=listed, out=out, overwrite=True), Progress(io.StringIO())
        )
    return [out, rows_file]


def in_order(rows: np.ndarray) -> np.ndarray:  # (k,) int64
    return np.unique(rows.astype(np.int64))


def _there(*paths: Path) -> list[Path]:
    return [path for path in paths if path.exists()]


def selection_lost(opened: Run, name: str, rows: np.ndarray | None) -> list[Path]:
    """Files that a selection would replace; rows sent to CryoSPARC before may be saved as particles too."""
    files = opened.files.explore
    particles = [files.particles(name, opened.original.suffix)] if opened.is_prepared else []
    return [*_there(*particles), *([] if rows is None else _other_rows(files.rows(name), rows))]


def _other_rows(path: Path, rows: np.ndarray) -> list[Path]:
    """The file, where it holds other rows."""
    if not path.exists():
        return []
    try:
        is_same = np.array_equal(read_number_table(path).ravel(), in_order(rows))
    except InputError:
        is_same = False
    return [] if is_same else [path]


def _other_text(path: Path, text: str) -> list[Path]:
    """The file, where it holds another text."""
    return [path] if path.exists() and path.read_bytes() != text.encode() else []


@contextlib.contextmanager
def whole_folder(folder: Path) -> Iterator[Path]:
    """Give a folder beside; it takes its place when the block ends without an error."""
    aside, before = (folder.with_name(f".{folder.name}.{word}") for word in ("partial", "before"))
    try:
        shutil.rmtree(aside, ignore_errors=True)  # of a process that was killed
        yield aside
        if folder.exists():
            shutil.rmtree(before, ignore_errors=True)
            os.replace(folder, before)
        os.replace(aside, folder)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    shutil.rmtree(before, ignore_errors=True)
