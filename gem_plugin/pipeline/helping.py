"""One step in several processes: the first one asks, with its settings and files; the others do their part of the same step.

Processes of several machines see the files through a network file system, where what the first has just written may show later, or
never if the machines do not share the folder. So the first says what it sees, and the others wait until they see the same.
"""

import contextlib
import os
import socket
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from gem_plugin.errors import InputError
from gem_plugin.io.run.aside import RunFilesAside
from gem_plugin.io.run.files import RunFiles
from gem_plugin.io.run.settings import plain_settings
from gem_plugin.notices import listening
from gem_plugin.pipeline.settings_of_steps import settings_from_plain
from gem_plugin.pipeline.step_table import STEPS, Step
from gem_plugin.processes.launched import is_main_process, n_processes
from gem_plugin.progress import Progress

SHARED_STEPS = ("train", "landscape-full", "reconstruct")
STEP = "step"  # the kind of work that is asked for
SECONDS_UNTIL_SEEN = 120.0  # network file systems remember for up to a minute that a file was not there
SECONDS_BETWEEN_LOOKS = 0.2
NOT_THE_COMMAND = (
    "A launcher (torchrun) started {} processes of a program that is not gem-em. Expected `torchrun ... -m gem_plugin COMMAND`; "
    "start other programs in one process."
)
Seen = dict[str, tuple[int, int] | None]  # path -> size and whole seconds of its time; None: not there


def check_is_first_process() -> None:
    """Refuse to do a step twice at once: processes beside the first one only help, as the command line has it."""
    if not is_main_process():
        raise InputError(NOT_THE_COMMAND.format(n_processes()))


def ask_for_help(step: Step, files: RunFiles, settings: Any) -> None:
    """In the first process, directly before it begins: the others start the same step. Alone, nothing happens."""
    if n_processes() == 1 or step.name not in SHARED_STEPS:
        return
    from gem_plugin.processes.channel import current_channel  # late: it imports torch

    channel = current_channel()
    if channel is None:
        raise InputError(NOT_THE_COMMAND.format(n_processes()))
    channel.ask(
        work=STEP,
        name=step.name,
        root=str(files.root.absolute()),
        aside=[str(place.absolute()) for place in files.aside] if isinstance(files, RunFilesAside) else None,
        settings=plain_settings(settings),
        working_folder=str(Path.cwd()),
        seen=seen_files(files_read_by(files)),
    )


def help_with_step(asked: dict[str, Any]) -> None:
    """In the other processes: the same step, silently."""
    from gem_plugin.processes.joined import quiet  # late: it imports torch

    step, root = STEPS[asked["name"]], Path(asked["root"])
    files = RunFiles(root)
    if asked["aside"] is not None:
        files = RunFilesAside(root, tuple(Path(place) for place in asked["aside"]))
    wait_until_seen(asked["seen"], SECONDS_UNTIL_SEEN)
    settings = settings_from_plain(step, asked["settings"], Path(asked["working_folder"]), root, root)
    with listening(lambda notice: None):  # the first one says it
        step.function(files, settings, quiet(Progress()))


def files_read_by(files: RunFiles) -> list[Path]:
    """What the shared steps read."""
    of_run = [files.settings, files.prepared_images, files.prepared_table, files.excluded, files.checkpoint]
    of_run += [
        files.prepared_tilt_series,
        files.consensus_gaussians,
        files.latents,
        files.latents_std,
        files.outliers,
        files.refined_poses,
    ]
    folder = files.landscape.root
    of_landscape = sorted(path for path in folder.iterdir() if path.is_file()) if folder.is_dir() else []
    return [*of_run, *of_landscape]


def seen_files(paths: Iterable[Path]) -> Seen:
    """Size and time of files, as this machine sees them now."""
    seen: Seen = {}
    for path in paths:
        with contextlib.suppress(OSError):
            os.listdir(path.parent)  # network file systems look at the folder again
        try:
            status = path.stat()
        except OSError:
            seen[str(path)] = None
            continue
        seen[str(path)] = status.st_size, int(status.st_mtime)
    return seen


def wait_until_seen(seen: Seen, seconds: float) -> None:
    """Return when this machine sees the files as the first process does; InputError where their sizes never agree."""
    expected: Seen = {path: None if state is None else (state[0], state[1]) for path, state in seen.items()}
    deadline = time.monotonic() + seconds
    while (here := seen_files(map(Path, expected))) != expected:
        if time.monotonic() > deadline:
            _check_sizes(expected, here)  # times may differ where clocks do
            return
        time.sleep(SECONDS_BETWEEN_LOOKS)


def _check_sizes(expected: Seen, here: Seen) -> None:
    for path, state in expected.items():
        mine = here[path]
        if (None if state is None else state[0]) == (None if mine is None else mine[0]):
            continue
        there, now = ("absent" if one is None else f"a file of {one[0]} bytes" for one in (state, mine))
        raise InputError(
            f"{path} is {there} for the first process, and {now} on {socket.gethostname()}. Expected a folder that all machines of the "
            "run share, under one name; put the run on a network file system."
        )
