"""An external job, the same for cryosparc-tools 4.7 and 5.0: what differs between the two is in this file only."""

import hashlib
import io
import shutil
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from gem_plugin.adapters.cryosparc.client import explained, is_worth_another_try
from gem_plugin.adapters.cryosparc.project import CryosparcProject, SourceOutput
from gem_plugin.errors import GemError, RunError
from gem_plugin.io.cryosparc.columns import TEXT, texts_of
from gem_plugin.io.cryosparc.csdat import load_csdat
from gem_plugin.io.cryosparc.files import dataset_to_rows

Result = TypeVar("Result")
PAUSES_IN_SECONDS = (2.0, 15.0, 60.0)  # before the second, third and last try of a call that failed
MAXIMUM_LOG_TEXT_LENGTH = 8000  # characters in one log entry
MAXIMUM_ERROR_LENGTH = 500  # characters: 5.0 sends it in the address of the request
MAXIMUM_PLOT_TEXT_LENGTH = 200
SAVING = {"bbox_inches": "tight", "pad_inches": 0.05, "dpi": 100}  # without a margin, labels lose their edge
BYTES_AT_A_TIME = 2**20
USUAL_SIGN = -1.0  # of blob/sign, in data sets older than that field


class ExternalJob:
    """One external job, and the few things that GEM does with it."""

    def __init__(self, project: CryosparcProject, controller: Any) -> None:
        self.project = project
        self.uid: str = controller.uid
        self.is_generation_5 = project.is_generation_5
        self.pauses_in_seconds: tuple[float, ...] = PAUSES_IN_SECONDS
        self._job = controller

    # the job itself
    def status(self) -> str:
        return self.project.status_of(self.uid)

    def start(self) -> None:
        """Mark as running, unless it is already; `with job.run()` of cryosparc-tools is never used beside it."""
        if self.status() != "running":
            with explained(f"starting {self.uid}"):
                self._job.start("running")

    def finish(self) -> None:
        self._with_retries(self._job.stop, f"marking {self.uid} as completed")

    def fail(self, sentence: str) -> None:
        """Mark as failed; the sentence is also in the log, since 4.7 stores none with the status."""
        self.log(sentence, "error")
        error: Any = sentence[:MAXIMUM_ERROR_LENGTH] if self.is_generation_5 else True
        self._with_retries(lambda: self._job.stop(error), f"marking {self.uid} as failed")

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
        with explained(f"connecting {source.job_uid}.{source.name} to the input {name} of {self.uid}"):
            described = [{**slot, "required": True} for slot in self._described(slots)]
            n_connections = 1 + len(more)
            self._job.add_input(
                source.kind, name, min=n_connections, max=n_connections, slots=described, title=title
            )
            for one in (source, *more):
                self._job.connect(name, one.job_uid, one.name)

    def leave_out_slot(self, name: str, slot: str) -> bool:
        """Take a slot off the one connection of an input, so that no output inherits it; False where that cannot be done.

        cryosparc-tools 5 has the call, 4.7 has not.
        """
        disconnect = getattr(self._job, "disconnect_result", None)
        if disconnect is None:
            return False
        try:
            with explained(f"leaving out {slot} of the input {name} of {self.uid}"):
                disconnect(name, 0, slot)
        except GemError:
            return False
        return True

    def connected_inputs(self) -> list[str]:
        """Names of the inputs that have a connection."""
        with explained(f"reading the inputs of {self.uid}"):
            self._job.refresh()
            if self.is_generation_5:
                return [name for name, one in self._job.inputs.items() if one.connections]
            return [group["name"] for group in self._job.doc["input_slot_groups"] if group["connections"]]

    def declared_outputs(self) -> list[str]:
        """Names of the outputs that the job has already, from an earlier start."""
        return list(self.project.outputs_of(self.uid))

    def load_input(self, name: str) -> np.ndarray:  # (n,) structured
        """All rows of an input, passthrough included."""
        with explained(f"loading the input {name} of {self.uid}"):
            return dataset_to_rows(
                self._job.load_input(name) if self.is_generation_5 else self._load_input_of_4(name)
            )

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
        with explained(f"declaring the output {name} of {self.uid}"):
            self._job.add_output(
                kind, name, slots=self._described(slots), passthrough=passthrough, title=title
            )

    def _described(self, slots: dict[str, str]) -> list[dict[str, Any]]:
        key = "name" if self.is_generation_5 else "prefix"
        return [{key: name, "dtype": dtype} for name, dtype in slots.items()]

    def save_output(self, name: str, uids: np.ndarray | None, columns: dict[str, Any]) -> None:
        """Save an output; the server says which fields it must have, the columns fill them. No uids: one row."""
        with explained(f"asking for the fields of the output {name} of {self.uid}"):
            dataset = self._job.alloc_output(name, 1 if uids is None else uids)
        for field in dataset.fields(exclude_uid=True):
            if field in columns:
                dataset[field] = _as_column(columns[field])
            elif field.endswith("/sign"):
                dataset[field] = USUAL_SIGN
        self._with_retries(
            lambda: self._job.save_output(name, dataset), f"saving the output {name} of {self.uid}"
        )

    # log
    def log(self, text: str, level: str = "text") -> None:
        """Write to the job's log, in pieces where the text is long. In 4.7 a warning would count as an error."""
        if not self.is_generation_5 and level == "warning":
            text, level = "WARNING: " + text, "text"
        with explained(f"writing to the log of {self.uid}"):
            for start in range(0, max(1, len(text)), MAXIMUM_LOG_TEXT_LENGTH):
                self._job.log(text[start : start + MAXIMUM_LOG_TEXT_LENGTH], level=level)

    def log_in_place(self, name: str, text: str) -> None:
        """Update one line of the log; 4.7 cannot, and gets a new line."""
        with explained(f"writing to the log of {self.uid}"):
            if self.is_generation_5:
                self._job.log(text[:MAXIMUM_LOG_TEXT_LENGTH], name=name)
            else:
                self._job.log(text[:MAXIMUM_LOG_TEXT_LENGTH])

    def log_plot(self, figure: Any, text: str) -> None:
        """Show a plot (a PNG file or a matplotlib figure); sent again when the connection dropped on the way."""
        with explained(f"showing a plot in {self.uid}"):
            for _ in range(2):
                with _dropped_uploads() as dropped:
                    picture = io.BytesIO(figure.read_bytes()) if isinstance(figure, Path) else figure
                    self._job.log_plot(
                        picture, text[:MAXIMUM_PLOT_TEXT_LENGTH], formats=["png"], savefig_kw=SAVING
                    )
                if not dropped:
                    return

    def checkpoint(self) -> None:
        with explained(f"writing a checkpoint of {self.uid}"):
            self._job.log_checkpoint()

    def set_tile_image(self, figure: Any) -> None:
        """The picture of the job in the workspace; 4.7 has no such call and shows the last plot."""
        if self.is_generation_5:
            with explained(f"setting the picture of {self.uid}"):
                self._job.set_tile_image(figure, savefig_kw=SAVING)

    def set_output_image(self, name: str, figure: Any) -> None:
        """The picture of an output; 4.7 has no such call."""
        if self.is_generation_5:
            with explained(f"setting the picture of the output {name} of {self.uid}"):
                self._job.set_output_image(name, figure, savefig_kw=SAVING)

    # files
    def download(self, path: str, target: Path) -> None:
        """Copy a file of the project here, again when only a part of it arrived."""
        self._with_retries(
            lambda: self._download_once(path, target), f"downloading {path} of {self.project.uid}"
        )

    def _download_once(self, path: str, target: Path) -> None:
        client = self.project.connection.client
        with client.download(self.project.uid, path) as answer, open(target, "wb") as handle:
            shutil.copyfileobj(answer, handle, BYTES_AT_A_TIME)
            n_missing = getattr(answer, "length", None)  # 4.7 says nothing when the server hangs up
        if n_missing:
            raise ConnectionResetError(f"the last {n_missing} bytes did not arrive")

    def upload(self, source: Path, target: str) -> None:
        """Copy a file into the job directory through the server, and read it back to be sure.

        A dropped connection is retried by cryosparc-tools with an empty body, and reported as a success.
        """
        expected = _digest_of_file(source)
        for _ in range(1 + len(self.pauses_in_seconds)):
            self._with_retries(lambda: self._upload_once(source, target), f"uploading {target} to {self.uid}")
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
        with explained(f"reading {target} of {self.uid} back"), self._job.download(target) as answer:
            return _digest(iter(lambda: answer.read(BYTES_AT_A_TIME), b""))

    def _with_retries(self, call: Callable[[], Result], doing: str) -> Result:
        """A call that matters, tried again when the server failed, was slow or was away."""
        for pause in self.pauses_in_seconds:
            try:
                return call()
            except Exception as error:
                if not is_worth_another_try(error):
                    break
                time.sleep(pause)
        with explained(doing):
            return call()


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
