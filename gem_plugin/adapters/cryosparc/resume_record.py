"""The small file by which a job that was preempted finds itself again when the queue starts the command once more."""

import json
from dataclasses import dataclass
from pathlib import Path

from gem_plugin.errors import InputError
from gem_plugin.io.whole_files import write_text_whole


@dataclass(frozen=True)
class JobRecord:
    """The external job of the last start, and the folder in which its work is."""

    project: str
    job: str
    run_folder: Path


def read_record(path: Path | None, project: str) -> JobRecord | None:
    """What the last start wrote; None at the first one, and when the work is gone."""
    if path is None or not path.is_file():
        return None
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        record = JobRecord(content["project"], content["job"], Path(content["run_folder"]))
    except (ValueError, KeyError, TypeError):
        raise InputError(
            f"{path} was not written by GEM. Delete it, or name another --resume-file."
        ) from None
    if record.project != project:
        raise InputError(
            f"{path} belongs to a job of {record.project}, not of {project}. Name another --resume-file."
        )
    return record if record.run_folder.is_dir() else None


def write_record(path: Path | None, record: JobRecord) -> None:
    if path is not None:
        content = {
            "project": record.project,
            "job": record.job,
            "run_folder": str(record.run_folder.absolute()),
        }
        write_text_whole(path, json.dumps(content, indent=1) + "\n")
