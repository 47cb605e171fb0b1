"""What an external job is and how far it is, in a file of its run folder: by it a job that ended early is resumed or sent.

The same content is the --resume-file of a queue. It holds no password: those come from the environment or the saved login.
"""

import json
import shlex
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from gem_plugin.errors import InputError
from gem_plugin.io.whole_files import write_text_whole

NAME = "cryosparc_job.json"
PROGRAM = "gem-cryosparc-finish"


@dataclass(frozen=True)
class JobRecord:
    """One external job as it was asked for, the folder in which its work is, and what of its results CryoSPARC has."""

    project: str
    job: str  # the external job, such as J43
    run_folder: Path
    workspace: str = ""
    url: str = ""
    name: str = ""  # of the kind of job: run, train, ...
    title: str = ""
    inputs: Mapping[str, str] = field(default_factory=dict)  # particle, volume, mask -> "J42.particles"
    more_particles: tuple[str, ...] = ()  # connected to the input of the particles too
    volume_slot_type: str = ""
    is_unexpanded: bool = False
    steps: tuple[str, ...] = ()
    command: tuple[str, ...] = ()  # as it was typed, without the name of the program
    folder_of_command: str = ""  # in which it was typed
    is_computed: bool = False  # every step is done; what is missing is in CryoSPARC only
    sent: tuple[str, ...] = ()  # outputs of this job that CryoSPARC has

    @property
    def path(self) -> Path:
        """Where the record of a run folder is."""
        return self.run_folder / NAME

    @property
    def command_to_send(self) -> str:
        """What sends the results of a computed job."""
        return f"{PROGRAM} {shlex.quote(str(self.run_folder.absolute()))}"

    @property
    def command_to_resume(self) -> str:
        """What resumes a job that was not computed to its end."""
        command = list(self.command)
        if "--resume-file" not in command and not any(one.startswith("--resume-file=") for one in command):
            command += ["--resume-file", str(self.path.absolute())]
        line = f"gem-cryosparc-{self.name} {shlex.join(command)}"
        return f"cd {shlex.quote(self.folder_of_command)} && {line}" if self.folder_of_command else line

    def save(self, *others: Path | None) -> None:
        """Write the record into the run folder, and to these files."""
        content = asdict(self) | {"run_folder": str(self.run_folder.absolute())}
        text = json.dumps(content, indent=1) + "\n"
        for path in dict.fromkeys([self.path, *(one for one in others if one is not None)]):
            write_text_whole(path, text)


def read_record(path: Path | None, project: str) -> JobRecord | None:
    """What the last start wrote; None at the first one, and when the work is gone."""
    if path is None or not path.is_file():
        return None
    record = _read(path, "Delete it, or name another --resume-file.")
    if record.project != project:
        raise InputError(
            f"{path} belongs to a job of {record.project}, not of {project}. Name another --resume-file."
        )
    return record if record.run_folder.is_dir() else None


def find_record(folder: Path, run_folder_name: str) -> JobRecord:
    """The record of a job directory or of a run folder; its folder is the one where it was found."""
    candidates = [folder / NAME, folder / run_folder_name / NAME]
    path = next((one for one in candidates if one.is_file()), None)
    if path is None:
        raise InputError(
            f"{folder} holds no {NAME}, by which GEM knows its external jobs. Give the directory of the job, such as "
            "/data/P3/J43, or its working folder, such as gem_P3_J43."
        )
    record = _read(path, "Start the job again.")
    if not record.name or not record.inputs:
        raise InputError(
            f"{path} was written by an earlier version of GEM, which cannot be sent later. Start the job again."
        )
    return replace(record, run_folder=path.parent)


def _read(path: Path, advice: str) -> JobRecord:
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        known = {name: content[name] for name in JobRecord.__dataclass_fields__ if name in content}
        lists = ("more_particles", "steps", "command", "sent")
        known |= {name: tuple(known[name]) for name in lists if name in known}
        return JobRecord(**{**known, "run_folder": Path(content["run_folder"])})
    except (ValueError, KeyError, TypeError):
        raise InputError(f"{path} was not written by GEM. {advice}") from None
