"""Steps that the page starts on its run: each in a process of its own that can be stopped, one at a time.

Nothing is replaced silently: results that are there are named first, and the page asks. Until a step has ended the run is
what it was before.
"""

import dataclasses
import io
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from gem_plugin.errors import InputError
from gem_plugin.explorer.job_list import DONE, FAILED, STOPPED, JobList
from gem_plugin.explorer.saved_names import check_name_is_free, checked_name
from gem_plugin.explorer.saving import in_order, selection_lost
from gem_plugin.io.array_files import write_numbers
from gem_plugin.io.run.files import RunFiles
from gem_plugin.io.run.settings import read_run_settings, read_summary
from gem_plugin.io.whole_files import whole_file
from gem_plugin.pipeline.last_settings import settings_with_last
from gem_plugin.pipeline.step_table import STEPS, steps_made_stale_by
from gem_plugin.progress import Progress
from gem_plugin.results.particle_file import RelionParticleFile
from gem_plugin.results.run import Run
from gem_plugin.settings import flag_of, kind_of

WORKER = (sys.executable, "-m", "gem_plugin.explorer.step_worker")
SECONDS_TO_END = 20.0  # after a request to stop; then the process is killed
OFFERED = {  # the settings that the page offers; none of them names a file
    "select": ("states", "source", "where", "exclude", "unexpanded", "refined_poses"),
    "reconstruct": ("deformed", "parts", "given_poses", "local_resolution", "seed"),
    "landscape": (
        *("n_states", "linkage", "sketch_size", "mask_level", "dilate", "pca_weights", "pc_dim"),
        *("checks", "skip_umap", "fresh", "seed"),
    ),
    "flex": ("origin", "seed"),
}
NEW_RESULTS = ("landscape",)  # steps after which the page shows other states


class WouldReplaceError(InputError):
    """Results that are there would be replaced; the page asks."""


class LoadedAtoms(NamedTuple):
    """The file of an atomic model that the page has loaded."""

    name: str
    content: bytes


class StepRequest(NamedTuple):
    """What the page asks for."""

    step: str
    values: Mapping[str, Any]  # settings by name, as typed
    name: str = ""  # of the file that select writes
    rows: np.ndarray | None = None  # what is selected, where that is to be written
    atoms: LoadedAtoms | None = None
    overwrite: bool = False


class StepJobs:
    """Starts steps, follows them, and stops them."""

    def __init__(self, files: RunFiles, jobs: JobList) -> None:
        self.files, self.jobs = files, jobs
        self._process: subprocess.Popen[str] | None = None
        self._thread: threading.Thread | None = None
        self._is_asked_to_stop = False
        self._killing: threading.Timer | None = None  # of a process that does not end when it is asked to

    def start(self, request: StepRequest) -> None:
        """Check all, and begin. Raises InputError, WouldReplaceError or RunError before any work."""
        if request.step not in OFFERED:
            raise InputError(f"There is no step {request.step[:80]!r}; expected {', '.join(OFFERED)}.")
        unknown = [name for name in request.values if name not in OFFERED[request.step]]
        if unknown:
            raise InputError(
                f"{unknown[0][:80]!r} of {request.step} cannot be set here. Give it to gem-em {request.step} in a terminal."
            )
        step = STEPS[request.step]
        if running := self.jobs.running():
            raise InputError(
                f"The {running.kind} {running.title} is still running. Wait until it has finished, or stop it."
            )
        values, title = self._values(request)
        step.check_settings(settings_with_last(step, self.files, values, Progress(io.StringIO())))
        _check_is_ready(self.files, request)
        self._check_nothing_is_lost(request)
        self._is_asked_to_stop = False
        number = self.jobs.begin(request.step, title, self._stop)
        try:
            self._write_inputs(request, values)
            self._process = self._started(request.step, values)
        except BaseException as error:
            self.jobs.end(number, FAILED, str(error))
            raise
        result = {"file": str(values["out"])} if "out" in values else {}
        self._thread = threading.Thread(
            target=self._follow, args=(number, request.step, self._process, result), daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        """Stop what runs, and wait."""
        self._stop()
        if self._thread is not None:
            self._thread.join()

    def _values(self, request: StepRequest) -> tuple[dict[str, Any], str]:
        """Settings of the step, with the files that it reads and writes; and what the list calls the job."""
        values = {name: value for name, value in request.values.items() if value not in ("", None)}
        files = self.files.explore
        if request.step == "select":
            out = files.particles(checked_name(request.name), _suffix(self.files))
            values |= {"out": str(out.absolute()), "overwrite": True}  # what is there was asked about before
            if request.rows is not None:
                if not len(request.rows):
                    raise InputError("The selection is empty: draw a lasso, or press `all shown`.")
                values["rows"] = str(files.rows(request.name).absolute())
            return values, request.name
        if request.step == "flex":
            if request.atoms is None:
                raise InputError(
                    "Load an atomic model first (PDB or mmCIF, fitted into your map), then start flex."
                )
            values["model"] = str(files.atoms(request.atoms.name).absolute())
            return values, request.atoms.name
        return values, _in_words(values)

    def _write_inputs(self, request: StepRequest, values: Mapping[str, Any]) -> None:
        """The files that the step reads."""
        if request.rows is not None and "rows" in values:
            write_numbers(Path(values["rows"]), in_order(request.rows))
        if request.atoms is not None and "model" in values:
            with whole_file(Path(values["model"])) as temporary:
                temporary.write_bytes(request.atoms.content)

    def _check_nothing_is_lost(self, request: StepRequest) -> None:
        if request.overwrite:
            return
        if request.step == "select":
            opened, rows = Run(self.files), request.rows
            check_name_is_free(request.name, lambda name: selection_lost(opened, name, rows), False)
            return
        finished = read_summary(self.files)
        lost = [name for name in (request.step, *steps_made_stale_by(request.step)) if name in finished]
        lost = [name for name in lost if name != "report"]
        if lost:
            raise WouldReplaceError(
                f"This run has results of {', '.join(lost)}, which {request.step} would replace (only once it has ended well). "
                "To keep them, copy the folder of the run first."
            )

    def _started(self, step: str, values: Mapping[str, Any]) -> "subprocess.Popen[str]":
        process = subprocess.Popen(
            [*WORKER, step, str(self.files.root.absolute())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        assert process.stdin is not None
        json.dump(dict(values), process.stdin)
        process.stdin.close()
        return process

    def _follow(
        self, number: int, step: str, process: "subprocess.Popen[str]", result: dict[str, Any]
    ) -> None:
        """Read its lines until it has ended."""
        end: dict[str, Any] = {}
        assert process.stdout is not None
        with process.stdout as lines:
            for text in lines:
                line = _parsed(text)
                if "words" in line:
                    self.jobs.report(number, str(line["words"]), line.get("fraction"))
                elif line:
                    end = line
        code = process.wait()
        if self._killing is not None:
            self._killing.cancel()
        if "numbers" in end:
            shown = {name: value for name, value in end["numbers"].items() if name != "ended"}
            words = ", ".join(f"{name} {value}" for name, value in shown.items())
            self.jobs.end(number, DONE, words, {**result, "hasNewResults": step in NEW_RESULTS})
        elif self._is_asked_to_stop:
            self.jobs.end(number, STOPPED, "stopped; the run is as it was before")
        else:
            self.jobs.end(number, FAILED, str(end.get("error") or _why(code)))

    def _stop(self) -> None:
        """Ask it to end; kill it where it does not."""
        process = self._process
        if process is None or process.poll() is not None:
            return
        self._is_asked_to_stop = True
        _signal(process, signal.SIGTERM)
        self._killing = threading.Timer(SECONDS_TO_END, _signal, (process, signal.SIGKILL))
        self._killing.daemon = True
        self._killing.start()


def described_steps(files: RunFiles) -> dict[str, Any]:
    """The steps with the fields of their forms: what each means, its limits, and its value of the last time."""
    recorded = read_run_settings(files)
    return {name: _described_step(name, recorded.get(name, {})) for name in OFFERED}


def _described_step(name: str, recorded: Mapping[str, Any]) -> dict[str, Any]:
    fields = {field.name: field for field in dataclasses.fields(STEPS[name].settings_class)}
    keeps_last = name == "landscape"
    described = []
    for key in OFFERED[name]:
        field, kind = fields[key], kind_of(fields[key])
        value = recorded.get(key, field.default) if keeps_last and key != "fresh" else field.default
        described.append(
            {
                "name": key,
                "label": key.replace("_", " "),
                "help": field.metadata["help"],
                "flag": flag_of(field),
                "choices": field.metadata.get("choices"),
                "isYesOrNo": kind.item is bool,
                "isNumber": kind.item in (int, float) and not kind.is_list,
                "value": _as_text(value),
            }
        )
    return {"help": STEPS[name].help, "fields": described}


def _as_text(value: Any) -> Any:
    if isinstance(value, bool):
        return value
    if isinstance(value, tuple | list):
        return ",".join(map(str, value))
    return "" if value is None else str(value)


def _check_is_ready(files: RunFiles, request: StepRequest) -> None:
    """What the step needs of the run, before a process is started for it."""
    opened = Run(files)
    if request.step == "reconstruct":
        if not files.prepared_images.is_file():
            raise InputError(
                f"{files.prepared_images} is missing: without the particle images nothing can be reconstructed. "
                f"Run `gem-em prepare` into {files.root}."
            )
        if not request.values.get("deformed") and not opened.has_states():
            raise InputError("This run has no states to reconstruct. Start landscape first.")
    if request.step == "select" and not opened.is_prepared:
        raise InputError("This run has no particle file of its own, so there are no rows to write.")


def _suffix(files: RunFiles) -> str:
    opened = Run(files)
    return opened.original.suffix if opened.is_prepared else RelionParticleFile.suffix


def _in_words(values: Mapping[str, Any]) -> str:
    given = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in values.items())
    return f"with {given}" if given else "with its usual settings"


def _parsed(text: str) -> dict[str, Any]:
    try:
        line = json.loads(text)
    except ValueError:
        return {}
    return line if isinstance(line, dict) else {}


def _why(code: int) -> str:
    if code == -signal.SIGKILL:
        return "the process was killed from outside, most likely because the memory ran out; the run is as it was before"
    return f"the process ended with code {code}; the terminal in which gem-em explore runs shows why"


def _signal(process: "subprocess.Popen[str]", number: signal.Signals) -> None:
    try:
        os.killpg(process.pid, number)
    except ProcessLookupError:
        return
