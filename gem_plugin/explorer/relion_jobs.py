"""A selection as a finished External job of a RELION project, which RELION lists and other jobs take as input.

Where there is no project, a folder that looks like such a job, and the words that say where to click in RELION.
"""

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from gem_plugin.adapters.relion import pipeline_file
from gem_plugin.adapters.relion.output_nodes import NodeKind, OutputNode, write_output_nodes
from gem_plugin.adapters.relion.pipeline_file import PipelineText, locked_pipeline, read_pipeline
from gem_plugin.adapters.relion.watcher import JobEnd, write_exit_file
from gem_plugin.errors import InputError
from gem_plugin.explorer.saved_names import checked_name
from gem_plugin.explorer.saving import PARTICLES, save_relion_job, write_selection
from gem_plugin.io.project_folder import RELION_JOB
from gem_plugin.io.run.explore_files import ExploreFiles
from gem_plugin.io.run.files import RunFiles
from gem_plugin.io.star.write import VERSION_LINE, write_new_star
from gem_plugin.io.whole_files import write_text_whole
from gem_plugin.results.particle_file import RelionParticleFile
from gem_plugin.results.run import Run

EXTERNAL, NO_ALIAS = "External", "None"
PROGRAM = "gem-external-select"
OPTIONS = ("in_mov", "in_mic", "in_part", "in_coords", "in_3dref", "in_mask")
N_PARAMETERS = 10
NOTE = "note.txt"


class RelionJob(NamedTuple):
    """What was made, and where to find it in RELION."""

    job: str  # External/job006/, or nothing where there is no project
    project: str
    files: list[Path]
    where: str  # a sentence: where to click


def make_relion_job(run: RunFiles, name: str, rows: np.ndarray, overwrite: bool = False) -> RelionJob:
    """The particles as a job of the project that their star file, or the run, lies in."""
    checked_name(name)
    opened = Run(run)
    if not opened.is_prepared or opened.original.program != RelionParticleFile.program:
        raise InputError(
            "This run did not start from a star file. Save the particles, and import them where they came from."
        )
    project = project_of(opened)
    if project is None:
        files = save_relion_job(run, name, rows, overwrite)
        return RelionJob("", "", files, _where_to_import(opened, files[0]))
    read_pipeline(project)  # refused before any work
    return _job_in_project(opened, project, name, rows)


def project_of(opened: Run) -> Path | None:
    """The nearest folder with a default_pipeline.star above the particle file; else above the run."""
    starts = (opened.original.path, opened.files.settings)
    return next((found for start in starts for found in _projects_above(start)), None)


def _projects_above(path: Path) -> Iterator[Path]:
    for known in (path.absolute(), path.resolve()):
        yield from (folder for folder in known.parents if _is_project(folder))


def _is_project(folder: Path) -> bool:
    """RELION also keeps a copy of the list in every job folder."""
    is_job = RELION_JOB.fullmatch(folder.name) or (folder / "job.star").is_file()
    return (folder / pipeline_file.PIPELINE).is_file() and not is_job


def _where_to_import(opened: Run, particles: Path) -> str:
    return (
        f"Neither {opened.files.root} nor {opened.original.path.name} lies in a RELION project (a folder with "
        f"{pipeline_file.PIPELINE}), so RELION cannot list a job. In RELION: Import, tab Others, import other node types: Yes, "
        f"input file {particles.absolute()}, node type Particles STAR file, Run."
    )


def _job_in_project(opened: Run, project: Path, name: str, rows: np.ndarray) -> RelionJob:
    """Written aside, which may take long; under RELION's lock it gets its number and its line in the job list."""
    jobs = project / EXTERNAL
    jobs.mkdir(exist_ok=True)
    aside = Path(tempfile.mkdtemp(prefix=".gem_explore_", dir=jobs))
    try:
        write_selection(opened, rows, ExploreFiles(aside), PARTICLES)
        aside.chmod(0o755 & ~_umask())
        with locked_pipeline(project):
            pipeline = read_pipeline(project)
            number = _free_number(project, pipeline)
            folder = jobs / f"job{number:03d}"
            os.rename(aside, folder)
            try:
                _list_job(opened, project, pipeline, number, name)
            except BaseException:
                _take_back(folder)
                raise
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    job = f"{EXTERNAL}/{folder.name}/"
    files = ExploreFiles(folder)
    written = [files.particles(PARTICLES, opened.original.suffix), files.rows(PARTICLES)]
    where = f"RELION lists it as {job} among the finished jobs; its particles.star is offered wherever particles are taken."
    return RelionJob(job, str(project), written, where)


def _list_job(opened: Run, project: Path, pipeline: PipelineText, number: int, name: str) -> None:
    """Everything that RELION keeps of a finished job."""
    folder = project / EXTERNAL / f"job{number:03d}"
    job = f"{EXTERNAL}/{folder.name}/"
    particles = ExploreFiles(folder).particles(PARTICLES, opened.original.suffix)
    nodes = [OutputNode(particles.name, NodeKind.PARTICLES)]
    inputs = _inputs(opened, project, pipeline)
    alias = _free_alias(project, pipeline, name)
    _write_job_star(opened, project, folder, pipeline.version, inputs)
    write_text_whole(
        folder / NOTE, f" ++++ GEM explorer: particles chosen under the name {name}, of {opened.files.root}\n"
    )
    write_output_nodes(folder, nodes, project)
    pipeline_file.add_finished_job(project, pipeline, job, alias, inputs, nodes)
    pipeline.set_counter(number + 1)
    if alias != NO_ALIAS:
        os.symlink(f"../{job}", project / alias.rstrip("/"))
    pipeline_file.write_pipeline_text(project, pipeline)
    write_exit_file(folder, JobEnd.SUCCESS)


def _take_back(folder: Path) -> None:
    """A job that could not be listed leaves nothing behind."""
    for link in folder.parent.iterdir():
        if link.is_symlink() and os.readlink(link).rstrip("/").endswith(f"/{folder.name}"):
            link.unlink()
    shutil.rmtree(folder, ignore_errors=True)


def _free_number(project: Path, pipeline: PipelineText) -> int:
    """RELION's next number, past folders of that number that no list knows."""
    number = pipeline.counter
    while any(project.glob(f"*/job{number:03d}")):
        number += 1
    return number


def _free_alias(project: Path, pipeline: PipelineText, name: str) -> str:
    """The name as RELION's alias of the job, where it may be one and is free."""
    alias = f"{EXTERNAL}/{name}/"
    taken = pipeline.names(pipeline_file.PROCESSES, "_rlnPipeLineProcessAlias")
    may_be = len(name) > 1 and not name.startswith("job")
    is_free = alias not in taken and not os.path.lexists(project / EXTERNAL / name)
    return alias if may_be and is_free else NO_ALIAS


def _inputs(opened: Run, project: Path, pipeline: PipelineText) -> list[str]:
    """The particle file of the run, where the project has it as a node."""
    nodes = pipeline.names(pipeline_file.NODES, "_rlnPipeLineNodeName")
    roots = (project.absolute(), project.resolve())
    path = opened.original.path
    relative = [
        known.relative_to(root).as_posix()
        for known in (path.absolute(), path.resolve())
        for root in roots
        if known.is_relative_to(root)
    ]
    return [name for name in dict.fromkeys(relative) if name in nodes][:1]


def _write_job_star(opened: Run, project: Path, folder: Path, version: int, inputs: list[str]) -> None:
    """The job's settings as RELION shows them; Continue makes the same selection again."""
    rows = ExploreFiles(folder).rows(PARTICLES).relative_to(project)
    parameters = {"run": _quoted(str(opened.files.root.resolve())), "rows": rows.as_posix()}
    options = {"fn_exe": _program(), **dict.fromkeys(OPTIONS, ""), "in_part": (inputs or [""])[0]}
    pairs = [*parameters.items(), *[("", "")] * (N_PARAMETERS - len(parameters))]
    for number, (label, value) in enumerate(pairs, start=1):
        options |= {f"param{number}_label": label, f"param{number}_value": value}
    options |= {"nr_threads": "1", "do_queue": "No", "other_args": ""}
    values = [f'"{value}"' if " " in value else value for value in options.values()]
    loop = {"_rlnJobOptionVariable": list(options), "_rlnJobOptionValue": values}
    kind = {"_rlnJobType": "99"} if version == 3 else {"_rlnJobTypeLabel": "relion.external"}
    kind["_rlnJobIsContinue"] = "0"
    if version > 3:
        kind["_rlnJobIsTomo"] = "0"
    target = folder / "job.star"
    write_new_star(target, {"job": kind, "joboptions_values": loop})
    if version == 5:
        text = target.read_text(encoding="utf-8")
        write_text_whole(target, text.replace(VERSION_LINE, pipeline_file.VERSION_LINE_OF_5))


def _program() -> str:
    """The program beside this Python, as RELION may not have it on its PATH; its name where it is not there."""
    beside = Path(sys.executable).parent / PROGRAM
    return str(beside) if beside.is_file() and " " not in str(beside) else PROGRAM


def _quoted(text: str) -> str:
    """RELION quotes nothing: a path with spaces needs its own quotes."""
    return f"'{text}'" if " " in text else text


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
