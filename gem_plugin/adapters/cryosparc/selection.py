"""Chosen particles of a run as a new external job in a CryoSPARC workspace: one particle group with the original uids.

The run may be that of an external job, or one made offline from a job directory or an export. Nothing is computed here.
"""

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from gem_plugin.adapters.cryosparc.addresses import name_in_project
from gem_plugin.adapters.cryosparc.client import connect_to_cryosparc
from gem_plugin.adapters.cryosparc.figures import latent_figure
from gem_plugin.adapters.cryosparc.inputs import JobFolders, create_connected_job, find_input
from gem_plugin.adapters.cryosparc.outputs import ALL_PARTICLES, JobOutputs
from gem_plugin.adapters.cryosparc.project import CryosparcProject, SourceOutput
from gem_plugin.adapters.cryosparc.running_job import running_job
from gem_plugin.adapters.cryosparc.surface_pictures import png_of
from gem_plugin.errors import GemError, InputError
from gem_plugin.results.cryosparc_source import find_cryosparc_source
from gem_plugin.results.expanded_particle_file import rows_as_views
from gem_plugin.results.recognise import check_is_run
from gem_plugin.results.run import Run
from gem_plugin.results.unexpanded import particles_of_views
from gem_plugin.settings import settings_from_values
from gem_plugin.steps.select.settings import SelectSettings
from gem_plugin.steps.select.step import rows_chosen

DEFAULT_TIMEOUT_IN_SECONDS = 300
TITLE = "GEM: selection"


@dataclass(frozen=True)
class SelectionOrder:
    """Which particles go where."""

    run: Path  # the run folder, such as J50/gem or what --out named
    rows: np.ndarray  # (k,) int64, 0-based rows of the run's particles; their order has no meaning
    project: str  # "P3"
    workspace: str  # "W1"
    source: str | None = None  # "J42" or "J42.particles" that holds the particles; None: found from the run
    title: str | None = None
    url: str | None = None  # None: CRYOSPARC_BASE_URL
    timeout_in_seconds: int = DEFAULT_TIMEOUT_IN_SECONDS
    unexpanded: bool = False  # one row for each particle of which a view is chosen


def is_about_a_run(options: dict[str, Any]) -> bool:
    """Whether gem-cryosparc-select was given --run rather than --landscape; options without effect are refused."""
    if (options["landscape"] is None) == (options["run"] is None):
        raise InputError(
            "Expected either --landscape, such as --landscape J51, or --run with the folder of a run, not both."
        )
    is_run = options["run"] is not None
    for name in ("scratch", "resume_file") if is_run else ("particles",):
        if options[name] is not None:
            flag, other = f"--{name.replace('_', '-')}", "--run" if is_run else "--landscape"
            raise InputError(f"{flag} has no effect beside {other}. Leave it out.")
    return is_run


def selection_order(options: dict[str, Any], values: dict[str, Any]) -> SelectionOrder:
    """What the options of gem-cryosparc-select ask for: states, rows, ranges and conditions choose as gem-em select does."""
    check_is_run(Path(options["run"]))
    run = Run(options["run"])
    settings = settings_from_values(SelectSettings, values)
    return SelectionOrder(
        run.files.root,
        rows_chosen(run, settings),
        options["project"],
        options["workspace"],
        source=options["particles"],
        title=options["title"],
        url=options["url"],
        timeout_in_seconds=options["timeout"] or DEFAULT_TIMEOUT_IN_SECONDS,
        unexpanded=settings.unexpanded,
    )


def send_selection(order: SelectionOrder) -> str:
    """Make the external job, with the chosen particles as its output `particles`; gives its number, such as J57."""
    run = Run(order.run)
    chosen, uids = _chosen_particles(run, order.rows, order.unexpanded)
    is_expanded_here = len(run.particles.symmetry) > 1
    are_views = is_expanded_here and not order.unexpanded
    latents = None if is_expanded_here and order.unexpanded else run.latents_if_there
    sources = [name_in_project(order.source, order.project)] if order.source is not None else _sources_of(run)
    connection = connect_to_cryosparc(order.url, order.timeout_in_seconds)
    with contextlib.closing(connection):
        project = CryosparcProject(connection, order.project)
        project.folder()  # a wrong project is said before anything else
        source, rows = _find_particles(project, sources, uids, are_views)
        if are_views:
            copies = run.particles.symmetry_copies[chosen]
            rows = rows_as_views(rows, np.arange(len(rows)), copies, run.particles.symmetry)
        text = f"{len(uids)} particles chosen in {run.files.root.absolute()}"
        job = create_connected_job(project, order.workspace, order.title or TITLE, text, [source])
        with running_job(job):
            outputs = JobOutputs(job, JobFolders(run.files.root, None, None), rows, "", are_views=are_views)
            if order.unexpanded:
                outputs.leave_out_symmetry()
            of_chosen = None if latents is None else latents[chosen]
            outputs.save_particles(ALL_PARTICLES, f"{len(uids)} chosen particles", latents=of_chosen)
            with contextlib.suppress(GemError):  # neither the line nor the picture is a reason to fail
                job.log(text)
                if latents is not None:
                    picture = png_of(latent_figure(latents, chosen))
                    job.log_plot(picture, "The chosen particles in the latent space")
                    job.set_tile_image(picture)
    return job.uid


def _chosen_particles(
    run: Run, rows: np.ndarray, is_unexpanded: bool
) -> tuple[np.ndarray, np.ndarray]:  # (k,) int64; (k,) uint64
    """The chosen rows in the order of the input, and the uids of their particles in CryoSPARC."""
    table = run.particles
    if find_cryosparc_source(run) is None:
        raise InputError(
            f"{run.files.root} was made from {run.origin.particle_file}, not from CryoSPARC's particles, so CryoSPARC does not know them. "
            "Write a star file instead: gem-em select RUN --rows FILE."
        )
    chosen = np.unique(rows)
    if len(chosen) == 0:
        raise InputError("No particles are chosen, so there is nothing to send to CryoSPARC.")
    if chosen[0] < 0 or chosen[-1] >= len(table):
        raise InputError(
            f"Row {chosen[0] if chosen[0] < 0 else chosen[-1]} is chosen; the run has the rows 0 to {len(table) - 1}."
        )
    if is_unexpanded and len(table.symmetry) > 1:
        chosen = chosen[np.unique(table.particle_indices[chosen], return_index=True)[1]]
    elif is_unexpanded:
        chosen = particles_of_views(run, chosen).rows
    return chosen, np.array([int(name) for name in table.image_names[chosen]], dtype=np.uint64)


def _sources_of(run: Run) -> Sequence[str]:
    found = find_cryosparc_source(run)
    if found is None or not found.sources:
        raise InputError(
            f"From which CryoSPARC job the particles of {run.files.root} come is not known. Name it: --particles J42."
        )
    return found.sources


def _find_particles(
    project: CryosparcProject,
    sources: Sequence[str],
    uids: np.ndarray,
    with_all_slots: bool,
) -> tuple[SourceOutput, np.ndarray]:  # the rows (k,) of the uids, with their blob fields, or all
    """The first of the named outputs that holds all chosen particles."""
    reasons: list[GemError] = []
    for named in sources:
        try:
            source = find_input(project, named, "particle")
            slots = list(source.slots) if with_all_slots else ["blob"]
            return source, _rows_of_uids(source, project.load_output(source, slots), uids)
        except InputError as error:
            reasons.append(error)
    if len(reasons) == 1:
        raise reasons[0]
    tried = " ".join(str(reason) for reason in reasons)
    raise InputError(f"No job was found that holds the chosen particles. {tried} Name one: --particles J42.")


def _rows_of_uids(source: SourceOutput, rows: np.ndarray, uids: np.ndarray) -> np.ndarray:
    order = np.argsort(rows["uid"])
    position = np.minimum(np.searchsorted(rows["uid"], uids, sorter=order), max(len(rows) - 1, 0))
    is_there = rows["uid"][order[position]] == uids if len(rows) else np.zeros(len(uids), dtype=bool)
    if not is_there.all():
        raise InputError(
            f"{source.job_uid}.{source.name} lacks {np.count_nonzero(~is_there)} of the {len(uids)} chosen particles; "
            f"the first is {uids[~is_there][0]}. Give the job that the run was made from."
        )
    return rows[order[position]]
