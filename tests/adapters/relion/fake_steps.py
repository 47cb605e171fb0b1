"""Small steps that stand for the real ones where a test is about the job, not about the science."""

import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gem_plugin.errors import InputError
from gem_plugin.io.run.files import RunFiles
from gem_plugin.notices import warn
from gem_plugin.progress import Progress
from gem_plugin.settings import setting

PARTICLES = "# version 30001\n\ndata_particles\n\nloop_\n_rlnImageName #1\n000001@a.mrcs\n"


@dataclass(frozen=True)
class PrepareSettings:
    """Settings of every kind that a command line can carry."""

    particles: Path | None = setting(None, "The refined particles.")
    box: int = setting(64, "Box in pixels.", minimum=8)
    normalise: bool = setting(True, "Whether to normalise.")


@dataclass(frozen=True)
class ConsensusSettings:
    """Settings of the map."""

    map: Path | None = setting(None, "The consensus map.")
    mask: Path | None = setting(None, "A mask.")
    threshold: float | None = setting(None, "Density threshold.")


@dataclass(frozen=True)
class TrainSettings:
    """`ending` chooses what the fake training does."""

    epochs: int = setting(2, "Rounds.", minimum=1)
    resume: bool = setting(False, "Go on from the checkpoint.")
    ending: str = setting("well", "How it ends.")
    states: tuple[int, ...] = setting((), "Some whole numbers.")


@dataclass(frozen=True)
class LandscapeSettings:
    """One setting."""

    M: int = setting(10, "Number of states.", minimum=1, flag="-M")


@dataclass(frozen=True)
class AnalyzeSettings:
    """None."""


@dataclass(frozen=True)
class ReportSettings:
    """None."""


@dataclass(frozen=True)
class SelectSettings:
    """Which states."""

    states: tuple[int, ...] = setting((), "States by number.")


def run_prepare(run: RunFiles, settings: PrepareSettings, progress: Progress) -> dict[str, Any]:
    if settings.particles is None:
        raise InputError("No particles were given.")
    if "tilted" in str(settings.particles):
        warn("The beam is tilted.")
    _write(run.prepared_images, "images")
    _write(run.prepared_table, "table")
    return {"particles": 1}


def run_consensus(run: RunFiles, settings: ConsensusSettings, progress: Progress) -> dict[str, Any]:
    _write(run.consensus_gaussians, "ply")
    _write(run.consensus_map, "map")
    return {"mask": str(settings.mask)}


def run_train(run: RunFiles, settings: TrainSettings, progress: Progress) -> dict[str, Any]:
    _write(run.checkpoint, "checkpoint")
    ENDINGS[settings.ending](progress)
    for path in (run.latents, run.latents_std):
        _write(path, "latents")
    _write(run.particles(".star"), PARTICLES)
    return {
        "resumed": settings.resume,
        "epochs": settings.epochs,
        "threads": os.environ.get("OMP_NUM_THREADS"),
    }


def run_analyze(run: RunFiles, settings: AnalyzeSettings, progress: Progress) -> dict[str, Any]:
    return {"maps": 0}


def run_report(run: RunFiles, settings: ReportSettings, progress: Progress) -> dict[str, Any]:
    _write(run.pdf_log, "%PDF")
    return {"states": 0}


def run_landscape(run: RunFiles, settings: LandscapeSettings, progress: Progress) -> dict[str, Any]:
    run.landscape.states.remove_particles()
    run.landscape.states.remove_maps()
    for number in range(1, settings.M + 1):
        _write(run.landscape.states.particles(number, ".star"), PARTICLES)
        _write(run.landscape.states.reference(number), "map")
    return {"states": settings.M, "latents": run.latents.read_text(encoding="utf-8")}


def run_select(run: RunFiles, settings: SelectSettings, progress: Progress) -> dict[str, Any]:
    there = run.landscape.states.all_particles(".star")
    for number in settings.states:
        if number > len(there):
            raise InputError(f"There is no state {number}; there are {len(there)}.")
    _write(run.particles(".star"), PARTICLES)
    return {"states": settings.states}


def _end_well(progress: Progress) -> None:
    progress.say("trained")


def _loop_for_a_minute(progress: Progress) -> None:
    for _ in progress.track(range(600), "epochs"):
        time.sleep(0.1)


def _ignore_everything_for_a_minute(progress: Progress) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    print("deaf", flush=True)
    time.sleep(60)


def _raise_memory_error(progress: Progress) -> None:
    raise MemoryError


def _raise_as_torch_does(progress: Progress) -> None:
    raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 1 bytes.")


def _be_killed_as_by_the_kernel(progress: Progress) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _crash(progress: Progress) -> None:
    os.kill(os.getpid(), signal.SIGSEGV)


def _raise_unforeseen(progress: Progress) -> None:
    raise ZeroDivisionError("unforeseen")


ENDINGS = {
    "well": _end_well,
    "long": _loop_for_a_minute,
    "deaf": _ignore_everything_for_a_minute,
    "memory": _raise_memory_error,
    "torch-memory": _raise_as_torch_does,
    "killed": _be_killed_as_by_the_kernel,
    "crash": _crash,
    "unforeseen": _raise_unforeseen,
}


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name("." + path.name)
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(path)
