"""Chosen particles back into a CryoSPARC workspace, by the command that does so from a shell.

It runs as its own process: its client is an extra, and may wait for a server. Credentials come from the environment of
`gem-em explore` or the saved login, never from the page.
"""

import re
import subprocess
import sys
from typing import Any

import numpy as np

from gem_plugin.errors import GemError, InputError
from gem_plugin.explorer.saving import rows_kept
from gem_plugin.io.run.files import RunFiles
from gem_plugin.results.cryosparc_source import find_cryosparc_source
from gem_plugin.results.run import Run

COMMAND = (sys.executable, "-m", "gem_plugin.adapters.cryosparc.commands", "select")
SECONDS_FOR_THE_SERVER = 300
PATTERNS = {  # what each field of the page may hold
    "project": re.compile(r"P\d{1,9}"),
    "workspace": re.compile(r"W\d{1,9}"),
    "particles": re.compile(r"(J\d{1,9}(\.\w{1,60})?)?"),  # empty: found from the run
}
EXAMPLES = {"project": "P3", "workspace": "W1", "particles": "J42 or J42.particles"}


def cryosparc_fields(run: Run) -> dict[str, Any] | None:
    """What to put in the fields of the page; None for runs that did not start from CryoSPARC."""
    place = find_cryosparc_source(run) if run.is_prepared else None
    if place is None:
        return None
    return {
        "project": place.project or "",
        "workspace": place.workspace or "",
        "sources": list(place.sources),
    }


def send_to_cryosparc(
    run: RunFiles, name: str, rows: np.ndarray, fields: dict[str, str], overwrite: bool = False
) -> str:
    """Make a finished job in the workspace whose output holds the rows; gives its number, such as J57."""
    for field, pattern in PATTERNS.items():
        if not pattern.fullmatch(fields.get(field, "")):
            raise InputError(
                f"The {field} is {fields.get(field, '')[:80]!r}; expected for instance {EXAMPLES[field]}."
            )
    if cryosparc_fields(Run(run)) is None:
        raise InputError("This run did not start from CryoSPARC. Save the particles instead.")
    if not len(rows):
        raise InputError("The selection is empty: draw a lasso, or press `all shown`.")
    options = ["--project", fields["project"], "--workspace", fields["workspace"], "--title", name]
    options += ["--particles", fields["particles"]] if fields.get("particles") else []
    with rows_kept(run, name, rows, overwrite) as listed:
        return _job_of(run_command([*COMMAND, *options, "--run", str(run.root), "--rows", str(listed)]))


def run_command(command: list[str]) -> str:
    """Standard output of a command; its own words where it failed."""
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=SECONDS_FOR_THE_SERVER,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except subprocess.TimeoutExpired as error:
        raise GemError(f"CryoSPARC did not answer within {SECONDS_FOR_THE_SERVER} seconds.") from error
    if done.returncode != 0:
        said = done.stderr.strip().splitlines() or ["it gave no reason."]
        raise GemError(f"Not sent to CryoSPARC. {said[-1].removeprefix('Error: ')}")
    return done.stdout


def _job_of(output: str) -> str:
    job = output.strip().splitlines()[-1] if output.strip() else ""
    if not re.fullmatch(r"J\d+", job):
        raise GemError(f"CryoSPARC's answer is not a job number: {job[:80]!r}.")
    return job
