"""The inputs of an external job: found in the project, connected, and laid out as files that the steps read."""

import os
import secrets
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gem_plugin.adapters.cryosparc.external_job import ExternalJob
from gem_plugin.adapters.cryosparc.project import CryosparcProject, SourceOutput
from gem_plugin.adapters.cryosparc.running_job import failure_sentence
from gem_plugin.errors import GemError, InputError
from gem_plugin.io.cryosparc.columns import text_of
from gem_plugin.io.cryosparc.files import read_cs_rows, write_cs_rows
from gem_plugin.io.whole_files import whole_file
from gem_plugin.particles.cryosparc_classes import MULTI, ONE_SLOT_PER_CLASS
from gem_plugin.particles.from_cryosparc import stack_names
from gem_plugin.particles.pose_columns import ALIGNMENTS
from gem_plugin.progress import Progress

RUN_FOLDER_NAME = "gem"  # in the job directory
RESULT_FOLDER = "gem_results"  # there, for files that are copied into it
MOUNT_CHECK_NAME = f"{RESULT_FOLDER}/gem_upload_check.txt"
REQUIRED_SLOTS = {"particle": ["blob", "ctf", "alignments3D"], "volume": ["map"], "mask": ["mask"]}
SLOT_TYPES = {"map": "blob", "mask": "blob"}  # where the name of a slot is not its type
ADVICE = {
    "particle": "Take the particles of a homogeneous, non-uniform or local refinement.",
    "volume": "Take the volume of a refinement.",
    "mask": "Take the mask of a refinement or of a volume tools job.",
}
INPUT_NAMES = {"particle": "particles", "volume": "volume", "mask": "mask"}


@dataclass(frozen=True)
class JobFolders:
    """Where the work is done, and whether CryoSPARC sees that place too."""

    run: Path
    job: Path | None  # the job directory, where it is mounted here
    project: Path | None  # the project directory, where it is mounted here

    @property
    def particles_file(self) -> Path:
        return self.run / "input" / "particles.cs"


def find_input(project: CryosparcProject, named: str, kind: str) -> SourceOutput:
    """The output that "J42" or "J42.particles" names, checked for the slots that the input of this kind needs."""
    source = project.find_output(named, kind, INPUT_NAMES[kind])
    missing = [slot for slot in slots_needed(source, kind) if slot not in source.slots]
    if missing:
        raise InputError(
            f"{source.job_uid}.{source.name} has no {', '.join(missing)}; it has {', '.join(source.slots)}. {ADVICE[kind]}"
        )
    return source


def slots_needed(source: SourceOutput, kind: str) -> list[str]:
    """The slots that an input of this kind needs; particles of a 3D classification may have alignments per class only."""
    needed = REQUIRED_SLOTS[kind]
    of_classes = [slot for slot in source.slots if slot == MULTI or ONE_SLOT_PER_CLASS.fullmatch(slot)]
    if kind != "particle" or ALIGNMENTS in source.slots or not of_classes:
        return needed
    return [*(slot for slot in needed if slot != ALIGNMENTS), *of_classes]


def create_connected_job(
    project: CryosparcProject,
    workspace: str,
    title: str,
    text: str,
    sources: Iterable[SourceOutput],
    more_particles: Sequence[SourceOutput] = (),  # connected to the input of the particles, too
) -> ExternalJob:
    """A new external job with its inputs connected; when that fails the job says so."""
    job = ExternalJob(project, project.create_external_job(workspace, title, text))
    try:
        for source in sources:
            _connect_input(job, source, more_particles if source.kind == "particle" else ())
    except GemError as error:
        job.start()
        job.fail(failure_sentence(error))
        raise
    return job


def _connect_input(job: ExternalJob, source: SourceOutput, more: Sequence[SourceOutput] = ()) -> None:
    """Declare the input for this kind of data, and connect it."""
    kind = source.kind
    slots = {slot: source.slots.get(slot, SLOT_TYPES.get(slot, slot)) for slot in _shared(source, kind, more)}
    job.connect_input(INPUT_NAMES[kind], source, slots, INPUT_NAMES[kind].capitalize(), more)


def _shared(source: SourceOutput, kind: str, more: Sequence[SourceOutput]) -> list[str]:
    """The needed slots that all connected outputs have: what an input requires, each of them must have."""
    return [slot for slot in slots_needed(source, kind) if all(slot in one.slots for one in more)]


def find_folders(job: ExternalJob, scratch: Path | None) -> JobFolders:
    """The job directory where it is mounted and writable, else a folder here."""
    folder = mounted_folder(job)
    if folder is not None and scratch is None:
        return JobFolders(folder / RUN_FOLDER_NAME, folder, job.project.folder())
    run = scratch_run_folder(scratch, job.project.uid, job.uid)
    return JobFolders(run, folder, job.project.folder() if folder is not None else None)


def scratch_run_folder(scratch: Path | None, project_uid: str, job_uid: str) -> Path:
    """Where a job works when it does not work in its job directory."""
    return (scratch or Path.cwd()) / f"gem_{project_uid}_{job_uid}"


def mounted_folder(job: ExternalJob) -> Path | None:
    """The job directory, if a file that the server writes there appears here; else None.

    The file is sent in any case, and read back: a server that cannot take the results says so now, not after the training.
    """
    folder = job.folder()
    token = secrets.token_hex(16)
    text = f"GEM wrote this to see whether its results can be put here. It may be deleted. {token}\n"
    job.make_folder(RESULT_FOLDER)
    with tempfile.TemporaryDirectory() as own_folder:
        source = Path(own_folder) / "check.txt"
        source.write_text(text, encoding="utf-8")
        job.upload(source, MOUNT_CHECK_NAME)
    mark = folder / MOUNT_CHECK_NAME
    if not (folder.is_dir() and os.access(folder, os.W_OK)):
        return None
    is_same = mark.is_file() and mark.read_text(encoding="utf-8") == text
    if is_same:
        mark.unlink()
    return folder if is_same else None


def load_particles(
    job: ExternalJob, folders: JobFolders, progress: Progress
) -> np.ndarray:  # (n,) structured
    """The connected particles, also as a file of the run; their stacks are fetched where the project is not mounted."""
    path = folders.particles_file
    with progress.waiting("Particles from CryoSPARC"):
        rows = job.load_input("particles")
        if path.is_file():
            rows = _rows_of_earlier_start(path, rows)
        else:
            write_cs_rows(path, rows)
    if folders.project is None:
        names = (
            list(dict.fromkeys(stack_names(rows).tolist())) if "blob/path" in (rows.dtype.names or ()) else []
        )
        for name in progress.track(names, "Fetching image stacks", unit="stack"):
            _fetch(job, name, image_folder(folders) / name)
    progress.say(f"{len(rows)} particles in {path}")
    return rows


def image_folder(folders: JobFolders) -> Path:
    """Where the names of stacks and maps start from."""
    return folders.project if folders.project is not None else folders.run / "input"


def load_maps(job: ExternalJob, folders: JobFolders) -> dict[str, Path]:
    """The connected volume and mask as files here, by the names of the settings that take them."""
    connected = job.connected_inputs()
    names = {"map": "volume", "mask": "mask"}
    return {
        setting: _map_file(job, folders, kind)
        for setting, kind in names.items()
        if INPUT_NAMES[kind] in connected
    }


def _map_file(job: ExternalJob, folders: JobFolders, kind: str) -> Path:
    name, field = INPUT_NAMES[kind], f"{REQUIRED_SLOTS[kind][0]}/path"
    rows = job.load_input(name)
    if len(rows) != 1 or field not in (rows.dtype.names or ()):
        raise InputError(
            f"The input {name} of {job.uid} has {len(rows)} rows; expected one {kind} with {field}."
        )
    relative = text_of(rows[field][0]).lstrip(">")
    if folders.project is not None:
        return folders.project / relative
    return _fetch(job, relative, image_folder(folders) / relative)


def _fetch(job: ExternalJob, path: str, target: Path) -> Path:
    if not target.is_file():
        with whole_file(target) as temporary:
            job.download(path, temporary)
    return target


def _rows_of_earlier_start(path: Path, connected: np.ndarray) -> np.ndarray:  # (n,) structured
    """The rows as the interrupted work knows them: its images and latents are in that order."""
    rows = read_cs_rows(path)
    if not np.array_equal(np.sort(rows["uid"]), np.sort(connected["uid"])):
        raise InputError(
            f"{path} has {len(rows)} particles of an earlier start, the job is connected to {len(connected)} others. "
            "Start without --resume-file, or connect the same particles."
        )
    return rows
