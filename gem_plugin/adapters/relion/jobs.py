"""The External jobs: which steps each does. Entry points gem-external-run, -train, -landscape, -landscape-full,
-reconstruct, -select.

The entry points import no torch: they start the worker (job_worker.py) and watch it.
"""

import sys
from dataclasses import dataclass

from gem_plugin.adapters.relion.watcher import run_external_job
from gem_plugin.pipeline.step_table import RUN_STEPS


@dataclass(frozen=True)
class RelionJob:
    """One kind of External job."""

    steps: tuple[str, ...]  # in working order
    needs_earlier_job: bool  # whether it works on the results in another job's folder
    help: str


JOBS = {
    "run": RelionJob(
        RUN_STEPS, False, "All steps: from refined particles and their map to states and report."
    ),
    "train": RelionJob(
        ("prepare", "consensus", "train", "analyze", "report"),
        False,
        "Learn how the molecule moves; latents of every particle.",
    ),
    "landscape": RelionJob(
        ("landscape", "report"), True, "Conformational states from the latents of a train job."
    ),
    "landscape-full": RelionJob(
        ("landscape-full", "report"),
        True,
        "Coordinates, free energy and state of every particle of a landscape job.",
    ),
    "reconstruct": RelionJob(
        ("reconstruct", "diagnose", "report"),
        True,
        "Half-maps, resolution and checks of the states of a landscape job, from the particles themselves.",
    ),
    "select": RelionJob(("select",), True, "One particles.star of chosen states: --states 1,3."),
}


def run_main() -> None:
    """gem-external-run"""
    sys.exit(start_job("run", sys.argv[1:]))


def train_main() -> None:
    """gem-external-train"""
    sys.exit(start_job("train", sys.argv[1:]))


def landscape_main() -> None:
    """gem-external-landscape"""
    sys.exit(start_job("landscape", sys.argv[1:]))


def landscape_full_main() -> None:
    """gem-external-landscape-full"""
    sys.exit(start_job("landscape-full", sys.argv[1:]))


def reconstruct_main() -> None:
    """gem-external-reconstruct"""
    sys.exit(start_job("reconstruct", sys.argv[1:]))


def select_main() -> None:
    """gem-external-select"""
    sys.exit(start_job("select", sys.argv[1:]))


def start_job(name: str, arguments: list[str]) -> int:
    """Run one job under the eyes of a watcher; gives the exit code."""
    return run_external_job([sys.executable, "-m", "gem_plugin.adapters.relion.worker", name], arguments)
