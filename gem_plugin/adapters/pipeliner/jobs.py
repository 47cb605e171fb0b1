"""The job types gem_em.run, gem_em.landscape, gem_em.select and gem_em.reconstruct of the CCP-EM pipeliner.

Found by it through the entry points of this package. Each runs one of the External jobs of RELION in its own folder. All
classes are made again at every listing of jobs, so nothing heavy is imported here, and no file is read.
"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pipeliner.external_program_utils import ExternalProgram
from pipeliner.job_options import JobOptionValidationResult
from pipeliner.pipeliner_job import PipelinerCommand, PipelinerJob, Ref
from pipeliner.results_display_objects import ResultsDisplayObject

from gem_plugin.adapters.pipeliner.citations import references
from gem_plugin.adapters.pipeliner.commands import check_job_arguments, job_arguments, setting_of_message
from gem_plugin.adapters.pipeliner.displays import displays_of_job
from gem_plugin.adapters.pipeliner.nodes import LOG_NODE, PARTICLES_NODE, finished_nodes
from gem_plugin.adapters.pipeliner.options import options_of
from gem_plugin.adapters.pipeliner.removable_files import files_of_harsh_clean_up
from gem_plugin.adapters.pipeliner.results_shown import summary_numbers
from gem_plugin.adapters.pipeliner.shown_settings import FORMS, IN_A_JOB, PARTICLES, JobForm
from gem_plugin.adapters.relion.jobs import JOBS
from gem_plugin.errors import GemError, InputError
from gem_plugin.io.run.files import RunFiles
from gem_plugin.version import __version__

FOLDER, CATEGORY = "GemEm", "Continuous Heterogeneity"  # the heading under which other such programs stand
PROGRAM = "gem-em"


class GemJob(PipelinerJob):
    """What the four job types share; `form` says what is particular."""

    OUT_DIR = FOLDER
    CATEGORY_LABEL = CATEGORY
    form: JobForm

    def __init__(self) -> None:
        super().__init__()
        info = self.jobinfo
        info.display_name = self.form.title
        info.version = __version__
        info.job_author = "The GEM authors"
        info.short_desc = JOBS[self.form.name].help
        info.long_desc = self.form.long_description
        info.documentation = "docs/pipeliner.md of GEM"
        info.programs = [
            ExternalProgram(command=PROGRAM, vers_com=[PROGRAM, "--version"]),
            ExternalProgram(command=self.form.program),
        ]
        info.references = references()
        self.can_continue = self.form.can_continue
        self.joboptions.update(options_of(self.form))
        self.get_runtab_options(threads=True, addtl_args=True)

    def additional_joboption_validation(self) -> list[JobOptionValidationResult]:
        """What the job would refuse at its start, in the same words."""
        if not self.joboptions[PARTICLES].value:
            return []  # the pipeliner says that it is missing
        try:
            check_job_arguments(self.form.name, self._arguments())
        except (InputError, ValueError) as error:
            raised_by = self.joboptions.get(setting_of_message(self.form.name, str(error)) or "")
            return [JobOptionValidationResult("error", [raised_by] if raised_by else [], str(error))]
        return []

    def get_commands(self) -> list[PipelinerCommand]:
        """The version for the log, then the work."""
        versions = self.get_program_version_commands(PROGRAM)
        return [*versions, PipelinerCommand([self.form.program, *self._arguments()])]

    def create_output_nodes(self) -> None:
        """What a job that succeeds always leaves, so that scheduled jobs can be connected to it."""
        if self.form.promised_particles:
            self._add_node(self.form.promised_particles, PARTICLES_NODE[0], list(PARTICLES_NODE[1]))
        if self.form.makes_log:
            self._add_node(IN_A_JOB.pdf_log.name, LOG_NODE[0], list(LOG_NODE[1]))

    def create_post_run_output_nodes(self) -> None:
        """Maps and particles of the states, whose number is known only now."""
        for file, kind, keywords in finished_nodes(Path(self.output_dir)):
            self._add_node(file, kind, keywords)

    def create_results_display(self) -> Sequence[ResultsDisplayObject]:
        """Pictures, tables and maps of a finished job; the pipeliner's own view of the particles where there are none."""
        return displays_of_job(Path(self.output_dir)) or super().create_results_display()

    def gather_metadata(self) -> dict[str, Any]:
        """The numbers of every finished step."""
        try:
            return summary_numbers(RunFiles(Path(self.output_dir)))
        except GemError as error:
            return {"No metadata": str(error)}

    def prepare_clean_up_lists(self, do_harsh: bool = False) -> tuple[list[str], list[str]]:
        """Nothing in the normal round; in the harsh one what can be made again from the input. Never nodes."""
        return (files_of_harsh_clean_up(Path(self.output_dir)) if do_harsh else []), []

    def get_additional_reference_info(self) -> list[Ref]:
        return []

    def _arguments(self) -> list[str]:
        values = {key: self.joboptions[key].value for key in (*self.form.inputs, *self.form.settings)}
        n_threads = self.joboptions["nr_threads"].value or 1
        return job_arguments(
            self.form.name, self.output_dir or "job/", values, n_threads, self.parse_additional_args()
        )

    def _add_node(self, file: str, kind: str, keywords: list[str]) -> None:
        if os.path.join(self.output_dir, file) not in [node.name for node in self.output_nodes]:
            self.add_output_node(file, kind, keywords)


class GemRunJob(GemJob):
    """Everything: from refined particles and their map to states and report."""

    PROCESS_NAME = "gem_em.run"
    form = FORMS["run"]


class GemLandscapeJob(GemJob):
    """The states of a finished job, made again with other settings."""

    PROCESS_NAME = "gem_em.landscape"
    form = FORMS["landscape"]


class GemSelectJob(GemJob):
    """Particles of chosen states, for the next refinement."""

    PROCESS_NAME = "gem_em.select"
    form = FORMS["select"]


class GemReconstructJob(GemJob):
    """Half-maps of every state from its particle images."""

    PROCESS_NAME = "gem_em.reconstruct"
    form = FORMS["reconstruct"]
