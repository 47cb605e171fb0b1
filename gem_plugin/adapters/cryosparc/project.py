"""One CryoSPARC project: its folder, its jobs and what they offer. Reads only, but for making an external job."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from gem_plugin.adapters.cryosparc.client import Connection
from gem_plugin.adapters.cryosparc.retries import PATIENCE_IN_SECONDS
from gem_plugin.errors import InputError
from gem_plugin.io.cryosparc.files import dataset_to_rows

ADVICE = {  # for jobs that cannot be connected to, by their status
    "failed": "Look at its log, run it again, and give that job.",
    "killed": "Run it again, and give that job.",
    "deleted": "Give a job that is still there.",
    "building": "Queue it, wait until it ends, then start again.",
}
Result = TypeVar("Result")
USUAL_ADVICE = "Wait until it ends, then start again."


@dataclass(frozen=True)
class SourceOutput:
    """An output of a finished job, to connect to."""

    job_uid: str
    name: str
    kind: str  # particle, volume, mask, ...
    slots: dict[str, str]  # name -> slot type
    n_rows: int = 0  # as the server counts them; 0 where it does not say


@dataclass(frozen=True)
class CryosparcProject:
    """A project that exists, seen through a logged-in client."""

    connection: Connection
    uid: str

    @property
    def is_generation_5(self) -> bool:
        return self.connection.generation >= 5

    def folder(self) -> Path:
        """The project directory as the server names it; it may not exist here."""
        client = self.connection.client
        return self._ask(
            lambda: self._folder_of(client.find_project(self.uid)), f"looking for the project {self.uid}"
        )

    def folder_of(self, job_uid: str) -> Path:
        """The directory of a job, as the server names it."""
        return self._ask(
            lambda: self._folder_of(self._find_job(job_uid)), f"looking for the job {self.uid}-{job_uid}"
        )

    def status_of(self, job_uid: str, patience_in_seconds: float = PATIENCE_IN_SECONDS) -> str:
        """The status now, or "deleted"; asked for with a client object of its own, so that another thread may ask too."""
        doing = f"asking for the status of {self.uid}-{job_uid}"
        return self._ask(lambda: self._status_of(self._find_job(job_uid)), doing, patience_in_seconds)

    def find_output(self, named: str, kind: str, usual_name: str) -> SourceOutput:
        """The output that "J42" or "J42.particles" names; its job must be finished."""
        job_uid, _, requested = named.partition(".")

        def status_and_outputs() -> tuple[str, dict[str, SourceOutput]]:
            job = self._find_job(job_uid)
            return self._status_of(job), self._outputs_of(job)

        status, outputs = self._ask(status_and_outputs, f"looking for the job {self.uid}-{job_uid}")
        if status != "completed":
            raise InputError(
                f"The job {job_uid} is {status}, expected completed. {ADVICE.get(status, USUAL_ADVICE)}"
            )
        fitting = {name: one for name, one in outputs.items() if one.kind == kind}
        name = requested or (
            usual_name if usual_name in fitting or len(fitting) != 1 else next(iter(fitting))
        )
        if name not in fitting:
            found = ", ".join(f"{name} ({one.kind})" for name, one in outputs.items()) or "none"
            raise InputError(
                f"Expected the output {name} of type {kind} in {job_uid}; its outputs are: {found}. "
                f"Name another one as {job_uid}.NAME."
            )
        return fitting[name]

    def outputs_of(self, job_uid: str) -> dict[str, SourceOutput]:
        """All outputs of a job, finished or not."""
        return self._ask(
            lambda: self._outputs_of(self._find_job(job_uid)), f"looking for the job {self.uid}-{job_uid}"
        )

    def load_output(self, source: SourceOutput, slots: list[str]) -> np.ndarray:  # (n,) structured
        """The rows of an output, with the fields of these slots."""

        def rows() -> np.ndarray:
            return dataset_to_rows(self._find_job(source.job_uid).load_output(source.name, slots=slots))

        return self._ask(rows, f"loading the output {source.name} of {self.uid}-{source.job_uid}")

    def create_external_job(self, workspace: str, title: str, text: str) -> Any:
        """A new external job, as an object of cryosparc-tools."""
        client = self.connection.client

        def create() -> Any:
            project = client.find_project(self.uid)
            client.find_workspace(self.uid, workspace)
            return project.create_external_job(workspace, title=title, desc=text)

        return self._ask(create, f"creating an external job in {self.uid}, workspace {workspace}")

    def find_external_job(self, job_uid: str) -> Any:
        client = self.connection.client
        return self._ask(
            lambda: client.find_external_job(self.uid, job_uid),
            f"looking for the external job {self.uid}-{job_uid}",
        )

    def _find_job(self, job_uid: str) -> Any:
        return self.connection.client.find_job(self.uid, job_uid)

    def _ask(
        self, call: Callable[[], Result], doing: str, patience_in_seconds: float = PATIENCE_IN_SECONDS
    ) -> Result:
        return self.connection.calls.needed(call, doing, patience_in_seconds)

    def _status_of(self, job: Any) -> str:
        """A deleted job keeps the status that it had, and a flag."""
        is_deleted = job.model.deleted if self.is_generation_5 else job.doc.get("deleted", False)
        return "deleted" if is_deleted else job.status

    def _folder_of(self, found: Any) -> Path:
        """The directory of a project or job: a property in 5.0, a method in 4.7."""
        return Path(found.dir if self.is_generation_5 else found.dir())

    def _outputs_of(self, job: Any) -> dict[str, SourceOutput]:
        if self.is_generation_5:
            return {
                name: SourceOutput(
                    job.uid,
                    name,
                    output.type,
                    {slot.name: slot.dtype for slot in output.results},
                    output.num_items,
                )
                for name, output in job.outputs.items()
            }
        return {
            group["name"]: SourceOutput(
                job.uid,
                group["name"],
                group["type"],
                {slot["name"]: slot["type"].split(".")[-1] for slot in group["contains"]},
                group.get("num_items") or 0,
            )
            for group in job.doc["output_result_groups"]
        }
