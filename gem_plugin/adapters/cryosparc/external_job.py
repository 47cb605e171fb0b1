"""An external job, the same for cryosparc-tools 4.7 and 5.0: what differs between the two is in this file only."""

import hashlib
import io
import shutil
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from gem_plugin.adapters.cryosparc.project import CryosparcProject, SourceOutput
from gem_plugin.adapters.cryosparc.retries import NO_PATIENCE, PATIENCE_IN_SECONDS
from gem_plugin.errors import GemError, RunError
from gem_plugin.io.cryosparc.columns import TEXT, texts_of
from gem_plugin.io.cryosparc.csdat import load_csdat
from gem_plugin.io.cryosparc.files import dataset_to_rows

Result = TypeVar("Result")
TRIES_OF_A_FILE = 4  # that arrives in part, while the server answers
MAXIMUM_LOG_TEXT_LENGTH = 8000  # characters in one log entry
MAXIMUM_ERROR_LENGTH = 500  # characters: 5.0 sends it in the address of the request
MAXIMUM_PLOT_TEXT_LENGTH = 200
BYTES_AT_A_TIME = 2**20
USUAL_SIGN = -1.0  # of blob/sign, in data sets older than that field


class ExternalJob:
    """One external job, and the few things that GEM does with it."""

    def __init__(self, project: CryosparcProject, controller: Any) -> None:
        self.project = project
        self.uid: str = controller.uid
        self.is_generation_5 = project.is_generation_5
        self._job = controller

    # the job itself
    def status(self, patience_in_seconds: float = PATIENCE_IN_SECONDS) -> str:
        return self.project.status_of(self.uid, patience_in_seconds)

    def start(self) -> None:
        """Mark as running, unless it is already; `with job.run()` of cryosparc-tools is never used beside it."""
        if self.status() != "running":
            self._do(lambda: self._job.start("running"), f"starting {self.uid}", is_done=self._is("running"))

    def finish(self, patience_in_seconds: float = PATIENCE_IN_SECONDS) -> None:
        """Mark as completed."""
        doing = f"marking {self.uid} as completed"
        self._do(self._job.stop, doing, patience_in_seconds, self._is("completed"))

    def fail(self, sentence: str, patience_in_seconds: float = PATIENCE_IN_SECONDS) -> None:
        """Mark as failed; the sentence is also in the log, since 4.7 stores none with the status."""
        self.log(sentence, "error", patience_in_seconds)
        error: Any = sentence[:MAXIMUM_ERROR_LENGTH] if self.is_generation_5 else True
        doing = f"marking {self.uid} as failed"
        self._do(lambda: self._job.stop(error), doing, patience_in_seconds, self._is("failed"))

    def _is(self, status: str) -> Callable[[], bool]:
        return lambda: self.status(NO_PATIENCE) == status

    def folder(self) -> Path:
        """The job directory as the server names it; it may not exist here."""
        return self.project.folder_of(self.uid)

    # inputs and outputs
    def connect_input(
        self,
        name: str,
        source: SourceOutput,
        slots: dict[str, str],
        title: str,
        more: Sequence[SourceOutput] = (),
    ) -> None:
        """Declare an input that takes exactly these connections and needs these slots (name -> type), and connect it."""
        described = [{**slot, "required": True} for slot in self._described(slots)]
        n_connections = 1 + len(more)

        def add() -> None:
            self._job.add_input(
                source.kind, name, min=n_connections, max=n_connections, slots=described, title=title
            )

        doing = f"connecting {source.job_uid}.{source.name} to the input {name} of {self.uid}"
        self._do(add, doing, is_done=lambda: self._n_connections(name) is not None)
        for number, one in enumerate((source, *more), 1):
            self._do(
                lambda one=one: self._job.connect(name, one.job_uid, one.name),  # type: ignore[misc]
                f"connecting {one.job_uid}.{one.name} to the input {name} of {self.uid}",
                is_done=lambda number=number: self._n_connections(name) == number,  # type: ignore[misc]
            )

    def _n_connections(self, name: str) -> int | None:
        """How many outputs are connected to an input; None where there is no such input."""
        return self._connections().get(name)

    def _connections(self) -> dict[str, int]:
        self._job.refresh()
        if self.is_generation_5:
            return {name: len(one.connections) for name, one in self._job.inputs.items()}
        groups = self._job.doc["input_slot_groups"]
        return {group["name"]: len(group["connections"]) for group in groups}

    def leave_out_slot(self, name: str, slot: str) -> bool:
        """Take a slot off the one connection of an input, so that no output inherits it; False where that cannot be done.

        cryosparc-tools 5 has the call, 4.7 has not.
        """
        disconnect = getattr(self._job, "disconnect_result", None)
        if disconnect is None:
            return False
        try:
            self._do(
                lambda: disconnect(name, 0, slot), f"leaving out {slot} of the input {name} of {self.uid}"
            )
        except GemError:
            return False
        return True

    def connected_inputs(self) -> list[str]:
        """Names of the inputs that have a connection."""
        connections = self._needed(self._connections, f"reading the inputs of {self.uid}")
        return [name for name, number in connections.items() if number]

    def declared_outputs(self) -> list[str]:
        """Names of the outputs that the job has already, from an earlier start."""
        return list(self.project.outputs_of(self.uid))

    def load_input(self, name: str) -> np.ndarray:  # (n,) structured
        """All rows of an input, passthrough included."""
        load = self._job.load_input if self.is_generation_5 else self._load_input_of_4
        return self._needed(lambda: dataset_to_rows(load(name)), f"loading the input {name} of {self.uid}")

    def _load_input_of_4(self, name: str) -> Any:  # a Dataset
        """As load_input of 4.7, but whole before it is read: a stream that is cut short ends the program there."""
        from cryosparc.command import make_json_request
        from cryosparc.dataset import Dataset

        request = {"project_uid": self.project.uid, "job_uid": self.uid, "input_name": name, "slots": []}
        with make_json_request(self.project.connection.client.vis, "/load_job_input", data=request) as answer:
            content = answer.read()
        return load_csdat(content, Dataset)

    def add_output(
        self, kind: str, name: str, slots: dict[str, str], passthrough: str | None, title: str
    ) -> None:
        """Declare an output; slots as name -> slot type."""
        described = self._described(slots)
        self._do(
            lambda: self._job.add_output(kind, name, slots=described, passthrough=passthrough, title=title),
            f"declaring the output {name} of {self.uid}",
        )

    def _described(self, slots: dict[str, str]) -> list[dict[str, Any]]:
        key = "name" if self.is_generation_5 else "prefix"
        return [{key: name, "dtype": dtype} for name, dtype in slots.items()]

    def save_output(self, name: str, uids: np.ndarray | None, columns: dict[str, Any]) -> None:
        """Save an output; the server says which fields it must have, the columns fill them. No uids: one row."""
        n_or_uids = 1 if uids is None else uids
        doing = f"asking for the fields of the output {name} of {self.uid}"
        dataset = self._needed(lambda: self._job.alloc_output(name, n_or_uids), doing)
        for field in dataset.fields(exclude_uid=True):
            if field in columns:
                dataset[field] = _as_column(columns[field])
            elif field.endswith("/sign"):
                dataset[field] = USUAL_SIGN
        self._do(lambda: self._job.save_output(name, dataset), f"saving the output {name} of {self.uid}")

    # log; no patience: for what nobody waits for
    def log(self, text: str, level: str = "text", patience_in_seconds: float = PATIENCE_IN_SECONDS) -> None:
        """Write to the job's log, in pieces where the text is long. In 4.7 a warning would count as an error."""
        if not self.is_generation_5 and level == "warning":
            text, level = "WARNING: " + text, "text"
        for start in range(0, max(1, len(text)), MAXIMUM_LOG_TEXT_LENGTH):
            piece = text[start : start + MAXIMUM_LOG_TEXT_LENGTH]
            self._do(
                lambda piece=piece: self._job.log(piece, level=level),  # type: ignore[misc]
                f"writing to the log of {self.uid}",
                patience_in_seconds,
            )

    def log_in_place(self, name: str, text: str, patience_in_seconds: float = PATIENCE_IN_SECONDS) -> None:
        """Update one line of the log; 4.7 cannot, and gets a new line."""
        options = {"name": name} if self.is_generation_5 else {}
        self._do(
            lambda: self._job.log(text[:MAXIMUM_LOG_TEXT_LENGTH], **options),
            f"writing to the log of {self.uid}",
            patience_in_seconds,
        )

    def log_plot(
        self, picture: bytes, text: str, patience_in_seconds: float = PATIENCE_IN_SECONDS
    ) -> None:  # of a PNG file
        """Show a picture; sent again when the connection dropped on the way."""

        def show() -> None:
            for _ in range(2):
                with _dropped_uploads() as dropped:
                    self._job.log_plot(io.BytesIO(picture), text[:MAXIMUM_PLOT_TEXT_LENGTH], formats=["png"])
                if not dropped:
                    return

        self._do(show, f"showing a plot in {self.uid}", patience_in_seconds)

    def checkpoint(self, patience_in_seconds: float = PATIENCE_IN_SECONDS) -> None:
        self._do(self._job.log_checkpoint, f"writing a checkpoint of {self.uid}", patience_in_seconds)

    def set_tile_image(self, picture: bytes, patience_in_seconds: float = PATIENCE_IN_SECONDS) -> None:
        """The picture of the job in the workspace; 4.7 has no such call and shows the last plot."""
        if self.is_generation_5:
            self._do(
                lambda: self._job.set_tile_image(io.BytesIO(picture)),
                f"setting the picture of {self.uid}",
                patience_in_seconds,
            )

    def set_output_image(
        self, name: str, picture: bytes, patience_in_seconds: float = PATIENCE_IN_SECONDS
    ) -> None:
        """The picture of an output; 4.7 has no such call."""
        if self.is_generation_5:
            self._do(
                lambda: self._job.set_output_image(name, io.BytesIO(picture)),
                f"setting the picture of the output {name} of {self.uid}",
                patience_in_seconds,
            )

    # files
    def download(self, path: str, target: Path) -> None:
        """Copy a file of the project here, again when only a part of it arrived."""
        doing = f"downloading {path} of {self.project.uid}"
        self._do(lambda: self._download_once(path, target), doing)

    def _download_once(self, path: str, target: Path) -> None:
        client = self.project.connection.client
        with client.download(self.project.uid, path) as answer, open(target, "wb") as handle:
            shutil.copyfileobj(answer, handle, BYTES_AT_A_TIME)
            n_missing = getattr(answer, "length", None)  # 4.7 says nothing when the server hangs up
        if n_missing:
            raise ConnectionResetError(f"the last {n_missing} bytes did not arrive")

    def make_folder(self, path: str) -> None:
        """A folder in the job directory, with the folders above it; one that is there already stays."""
        self._do(
            lambda: self._job.mkdir(path, parents=True, exist_ok=True), f"making the folder {self.uid}/{path}"
        )

    def upload(self, source: Path, target: str) -> None:
        """Copy a file into the job directory through the server, and read it back to be sure.

        A dropped connection is retried by cryosparc-tools with an empty body, and reported as a success.
        """
        expected = _digest_of_file(source)
        for _ in range(TRIES_OF_A_FILE):
            self._do(lambda: self._upload_once(source, target), f"uploading {target} to {self.uid}")
            if self._digest_of_upload(target) == expected:
                return
        raise RunError(
            f"{source} did not arrive whole in {self.uid}/{target}: {expected[0]} bytes were sent. "
            "The connection to CryoSPARC drops; run where the project folder is mounted."
        )

    def _upload_once(self, source: Path, target: str) -> None:
        with open(source, "rb") as handle:  # given a path, cryosparc-tools leaves the file open
            self._job.upload(target, handle, overwrite=True)

    def _digest_of_upload(self, target: str) -> tuple[int, str]:
        def digest() -> tuple[int, str]:
            with self._job.download(target) as answer:
                return _digest(iter(lambda: answer.read(BYTES_AT_A_TIME), b""))

        return self._needed(digest, f"reading {target} of {self.uid} back")

    def _do(
        self,
        call: Callable[[], object],
        doing: str,
        patience_in_seconds: float = PATIENCE_IN_SECONDS,
        is_done: Callable[[], bool] | None = None,
    ) -> None:
        self.project.connection.calls.do(call, doing, patience_in_seconds, is_done)

    def _needed(self, call: Callable[[], Result], doing: str) -> Result:
        return self.project.connection.calls.needed(call, doing)


@contextmanager
def _dropped_uploads() -> Iterator[list[str]]:
    """Collect what cryosparc-tools 5.0 says when it repeats a request after the connection dropped."""
    dropped: list[str] = []
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        yield dropped
    for warning in seen:
        if "API client" in str(warning.message):
            dropped.append(str(warning.message))
        else:
            warnings.warn_explicit(warning.message, warning.category, warning.filename, warning.lineno)


def _as_column(values: Any) -> Any:
    """Text as Python strings, which is how cryosparc-tools keeps it."""
    if isinstance(values, np.ndarray) and values.dtype.kind in TEXT:
        texts, which = texts_of(values)
        return np.array(texts, dtype=object)[which]
    return values


def _digest_of_file(path: Path) -> tuple[int, str]:
    with open(path, "rb") as handle:
        return _digest(iter(lambda: handle.read(BYTES_AT_A_TIME), b""))


def _digest(pieces: Iterator[bytes]) -> tuple[int, str]:  # length and SHA-256
    length, digest = 0, hashlib.sha256()
    for piece in pieces:
        length += len(piece)
        digest.update(piece)
    return length, digest.hexdigest()
