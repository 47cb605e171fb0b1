"""Reconstruct a selection from its images: half-maps, filtered map and FSC, in a thread that can be stopped; one at a time."""

import io
import json
import threading
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch

from gem_plugin.errors import GemError, InputError, RunError, StopRequestedError
from gem_plugin.explorer.job_list import DONE, FAILED, RUNNING, STOPPED, JobList
from gem_plugin.explorer.saved_names import check_name_is_free, checked_name
from gem_plugin.explorer.saving import whole_folder
from gem_plugin.explorer.selection_maps import check_rows
from gem_plugin.io.array_files import write_numbers
from gem_plugin.io.run.explore_files import ReconstructionFiles
from gem_plugin.io.run.files import RunFiles
from gem_plugin.io.run.reconstruct_files import ReconstructFiles
from gem_plugin.io.whole_files import write_text_whole
from gem_plugin.particles.prepared import PreparedData, load_prepared
from gem_plugin.progress import Item, Progress, number_of
from gem_plugin.results.refined_poses import prepared_in_refined_poses
from gem_plugin.steps.reconstruct.half_maps import (
    Measuring,
    back_project,
    half_maps_of,
    half_sets_of,
    write_and_measure,
)

MAP_NAME = "selection"  # of the files inside the folder of a reconstruction
SEED = 0
NONE = "none"  # nothing was started yet


class Reconstructions:
    """The reconstruction that runs, or ran last, and the names of those that are there."""

    def __init__(self, run: RunFiles, jobs: JobList) -> None:
        self.run, self.jobs = run, jobs
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._stop = threading.Event()
        self._number = 0  # in the list of jobs
        self._state: dict[str, Any] = {"state": NONE}

    def start(self, name: str, rows: np.ndarray, overwrite: bool = False) -> None:
        """Check, and begin; InputError where something is missing, before any work."""
        check_name_is_free(name, self._lost_under, overwrite)
        with self._lock:
            if self._thread is not None and self._thread.is_alive():
                raise RunError(
                    f"The reconstruction {self._state['name']} is still running. Wait until it has finished, or stop it."
                )
            prepared, halves, chosen = prepared_selection(self.run, rows)
            self._stop = threading.Event()
            self._number = self.jobs.begin("reconstruction", name, self.stop)
            self._state = {
                "state": RUNNING,
                "name": name,
                "particles": len(chosen),
                "fraction": 0.0,
                "words": "",
            }
            self._thread = threading.Thread(
                target=self._work,
                args=(name, prepared, halves, chosen),
                name=f"reconstruct {name}",
                daemon=True,
            )
            self._thread.start()

    def _lost_under(self, name: str) -> list[Path]:
        folder = self.run.explore.reconstruction(name)
        return [folder] if folder.exists() else []

    def stop(self) -> None:
        """Ask the running one to end; nothing of it is kept."""
        self._stop.set()

    def close(self) -> None:
        """Stop it and wait."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()

    def state(self) -> dict[str, Any]:
        """state, name, particles, fraction (0 to 1), words; the reason where it failed; names of all that are there."""
        return {**self._state, "names": self.names()}

    def names(self) -> list[str]:
        return self.run.explore.reconstruction_names()

    def summary(self, name: str) -> dict[str, Any]:
        """What was measured of a finished reconstruction."""
        path = ReconstructionFiles(self.run.explore.reconstruction(checked_name(name))).summary
        if not path.is_file():
            raise InputError(
                f"There is no reconstruction {name}; there are {', '.join(self.names()) or 'none'}."
            )
        return json.loads(path.read_text(encoding="utf-8"))

    def _work(self, name: str, prepared: PreparedData, halves: np.ndarray, rows: np.ndarray) -> None:
        started = time.monotonic()
        try:
            with whole_folder(self.run.explore.reconstruction(name)) as aside:
                numbers = reconstruct(aside, prepared, halves, rows, JobProgress(self._hear, self._stop))
                if self._stop.is_set():
                    raise StopRequestedError("stopped")
            end = {"state": DONE, "fraction": 1.0, "seconds": round(time.monotonic() - started, 1), **numbers}
        except StopRequestedError:
            end = {"state": STOPPED, "words": "stopped; nothing of it was kept"}
        except (GemError, OSError, MemoryError, RuntimeError) as error:
            reason = f"{type(error).__name__}: {error}" if not isinstance(error, GemError) else str(error)
            end = {"state": FAILED, "words": reason[:500]}
        self.jobs.end(self._number, str(end["state"]), str(end.get("words", "")), {"reconstruction": name})
        self._state = {**self._state, **end}

    def _hear(self, words: str, fraction: float) -> None:
        self._state = {**self._state, "words": words, "fraction": fraction}
        self.jobs.report(self._number, words, fraction)


class JobProgress(Progress):
    """Reports to the page, and ends the work when its reader asks for that."""

    def __init__(self, hear: Any, stop: threading.Event) -> None:
        super().__init__(io.StringIO())
        self._hear, self._stop = hear, stop

    def track(
        self, items: Iterable[Item], description: str, total: int | None = None, unit: str = "step"
    ) -> Iterator[Item]:
        total = number_of(items) if total is None else total
        for done, item in enumerate(items):
            if self._stop.is_set():
                raise StopRequestedError("stopped")
            self._hear(description, done / total if total else 0.0)
            yield item


def prepared_selection(run: RunFiles, rows: np.ndarray) -> tuple[PreparedData, np.ndarray, np.ndarray]:
    """Images and poses, the half-set of each row (n,), and the rows that can be used, sorted."""
    if not run.prepared_images.is_file():
        raise InputError(
            f"{run.prepared_images} is missing: without the particle images nothing can be reconstructed. "
            f"Run `gem-em prepare` into {run.root}, or save the particles and reconstruct them elsewhere."
        )
    prepared = prepared_in_refined_poses(load_prepared(run), run)
    chosen = np.flatnonzero(check_rows(rows, len(prepared.table)) & prepared.is_used)
    if not len(chosen):
        raise InputError("All selected particles were excluded by prepare (excluded.csv). Select others.")
    halves = half_sets_of(prepared, SEED)
    if len(np.unique(halves[chosen])) < 2:
        they = (
            "The only selected particle is"
            if len(chosen) == 1
            else f"All {len(chosen)} selected particles are"
        )
        raise InputError(f"{they} in one half-set, so there is no second half-map. Select more particles.")
    return prepared, halves, chosen


def reconstruct(
    folder: Path, prepared: PreparedData, halves: np.ndarray, rows: np.ndarray, progress: Progress
) -> dict[str, Any]:
    """Write half-maps, map, mask, curves, rows and summary.json; gives what is in the summary."""
    files = ReconstructFiles(folder)
    both = back_project(prepared, rows, halves, torch.device("cpu"), progress, "inserting images")
    both_halves = half_maps_of(both, progress, "half-maps")
    for _ in progress.track(range(1), "measuring the resolution"):
        measured = write_and_measure(files, MAP_NAME, both_halves, Measuring(SEED, progress=progress))
    beside = ReconstructionFiles(folder)
    write_numbers(beside.rows, rows)
    numbers = {
        "particles": len(rows),
        "half_1": int((halves[rows] == 0).sum()),
        "half_2": int((halves[rows] == 1).sum()),
        "half_sets_given": bool((prepared.table.half_sets > 0).all()),
        **measured,
    }
    write_text_whole(beside.summary, json.dumps(numbers, indent=1) + "\n")
    return numbers
