"""A small RELION project made without RELION: default_pipeline.star, job.star and job folders in the form of 3.1.

RELION 3.1, 4 and 5 open it. For the demo; in real work the GUI or relion_pipeliner keeps these files.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from gem_plugin.errors import InputError
from gem_plugin.io.star.columns import read_columns
from gem_plugin.io.star.text import read_star_document
from gem_plugin.io.star.write import Block, write_new_star

EXTERNAL_JOB_TYPE = 99
PARTICLE_FILES = ("run_data.star", "particles.star")  # of jobs with particles
FINISHED, FAILED = 2, 3
EXIT_SUCCESS = "RELION_JOB_EXIT_SUCCESS"


@dataclass(frozen=True)
class ExternalJob:
    """One External job: program, inputs and parameters, as they stand in its tabs in the GUI."""

    folder: str  # External/job001/, relative to the project
    program: str  # one word, on PATH or absolute
    inputs: dict[str, str]  # in_part, in_3dref, in_mask -> file relative to the project
    parameters: dict[str, str]  # ten at most
    n_threads: int

    def command(self) -> list[str]:
        """The words of the command that RELION would run: --in_parts, --in_3dref, parameters, --j."""
        words = [self.program, "--o", self.folder]
        for name, value in self.inputs.items():
            words += [{"in_part": "--in_parts"}.get(name, f"--{name}"), value]
        for name, value in self.parameters.items():
            words += [f"--{name}", value]
        return [*words, "--j", str(self.n_threads)]


def start_project(project: Path) -> None:
    """An empty project that the GUI and relion_pipeliner accept."""
    project.mkdir(parents=True, exist_ok=True)
    (project / ".gui_projectdir").touch()
    write_pipeline(project, [])


def write_job_star(project: Path, job: ExternalJob) -> None:
    """The job's settings, so that RELION shows them and can continue the job."""
    folder = project / job.folder
    folder.mkdir(parents=True, exist_ok=True)
    options = {"fn_exe": job.program, "in_part": "", "in_3dref": "", "in_mask": "", **job.inputs}
    for number, (name, value) in enumerate(job.parameters.items(), start=1):
        options |= {f"param{number}_label": name, f"param{number}_value": value}
    options |= {"nr_threads": str(job.n_threads), "do_queue": "No", "other_args": ""}
    loop = {"_rlnJobOptionVariable": list(options), "_rlnJobOptionValue": list(options.values())}
    kind = {"_rlnJobType": str(EXTERNAL_JOB_TYPE), "_rlnJobIsContinue": "0"}
    write_new_star(folder / "job.star", {"job": kind, "joboptions_values": loop})


def write_pipeline(project: Path, jobs: Sequence[ExternalJob]) -> None:
    """default_pipeline.star with every job so far: its state, what it read and what it made."""
    made = {job.folder: _output_nodes(project, job) for job in jobs}
    nodes = {name: kind for outputs in made.values() for name, kind in outputs.items()}
    read = [(file, job.folder) for job in jobs for file in job.inputs.values() if file in nodes]
    states = [_state(project, job) for job in jobs]
    blocks: dict[str, Block] = {"pipeline_general": {"_rlnPipeLineJobCounter": str(len(jobs) + 1)}}
    if jobs:
        blocks["pipeline_processes"] = {
            "_rlnPipeLineProcessName": [job.folder for job in jobs],
            "_rlnPipeLineProcessAlias": ["None"] * len(jobs),
            "_rlnPipeLineProcessType": [str(EXTERNAL_JOB_TYPE)] * len(jobs),
            "_rlnPipeLineProcessStatus": [str(state) for state in states],
        }
    if nodes:
        blocks["pipeline_nodes"] = {
            "_rlnPipeLineNodeName": list(nodes),
            "_rlnPipeLineNodeType": list(nodes.values()),
        }
        blocks["pipeline_output_edges"] = {
            "_rlnPipeLineEdgeProcess": [folder for folder, outputs in made.items() for _ in outputs],
            "_rlnPipeLineEdgeToNode": [name for outputs in made.values() for name in outputs],
        }
    if read:
        blocks["pipeline_input_edges"] = {
            "_rlnPipeLineEdgeFromNode": [file for file, _ in read],
            "_rlnPipeLineEdgeProcess": [folder for _, folder in read],
        }
    write_new_star(project / "default_pipeline.star", blocks)


def has_succeeded(project: Path, job: ExternalJob) -> bool:
    return (project / job.folder / EXIT_SUCCESS).exists()


def _state(project: Path, job: ExternalJob) -> int:
    return FINISHED if has_succeeded(project, job) else FAILED


def _output_nodes(
    project: Path, job: ExternalJob
) -> dict[str, str]:  # file relative to the project -> type of 3.1
    """What the job says that it made; nothing when it did not succeed, as RELION does."""
    path = project / job.folder / "RELION_OUTPUT_NODES.star"
    if not (path.exists() and has_succeeded(project, job)):
        return {}
    document = read_star_document(path)
    labels = ("_rlnPipeLineNodeName", "_rlnPipeLineNodeType")
    columns = read_columns(document, document.blocks[0], text_labels=labels)
    return dict(zip(columns[labels[0]], columns[labels[1]], strict=True))


def refuse_job_folder(path: Path) -> None:
    """InputError for a job folder of RELION in place of its star file: a folder is taken for a CryoSPARC job."""
    if path.is_dir() and (path / "job.star").is_file():
        names = ", ".join(sorted(found.name for found in path.glob("*.star") if found.name in PARTICLE_FILES))
        raise InputError(
            f"{path} is a RELION job folder; give the star file in it"
            + (f": {names}." if names else ", of a job with particles.")
        )
