"""Step demo: a made-up molecule with a known motion goes the whole way, through the same External jobs as in RELION.

What it says at the end is in demo_report.
"""

import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from gem_plugin.errors import InputError, RunError
from gem_plugin.io.relion_project import (
    ExternalJob,
    has_succeeded,
    start_project,
    write_job_star,
    write_pipeline,
)
from gem_plugin.landscape.printed_rounds import PushedLoop
from gem_plugin.progress import Progress
from gem_plugin.settings import check_settings
from gem_plugin.steps.demo.figures import DemoPlaces, compare_with_truth, largest_state
from gem_plugin.steps.demo.settings import DemoSettings
from gem_plugin.steps.simulate.settings import SimulateSettings
from gem_plugin.steps.simulate.step import run_simulate

SIMULATED = "Simulated"  # folder of the project with the particles and the consensus map
ANGLE_BETWEEN_WELLS_IN_DEGREES = 60.0
N_WELLS = 3
EPOCHS_BETWEEN_LINES = 10
TRAINING_BEGINS = "train: "
TURN_TO_IN_DEGREES = N_WELLS * ANGLE_BETWEEN_WELLS_IN_DEGREES


def run_demo(settings: DemoSettings, progress: Progress) -> dict[str, Any]:
    """Simulate, then train, landscape and select as External jobs; compare with the truth."""
    check_settings(settings)
    if settings.out.exists() and any(settings.out.iterdir()):
        raise InputError(f"{settings.out} is not empty. Give another folder with --out, or remove it.")
    start = time.monotonic()
    progress.say(
        f"Simulating {settings.n_particles} particles of an antibody-like molecule with one rotating arm"
    )
    run_simulate(simulation_of(settings), progress)
    start_project(settings.out)
    jobs = [_train_job(settings), landscape := _landscape_job(settings)]
    _run_jobs(settings.out, jobs, [], progress, settings.epochs)
    select = _select_job(settings, landscape, largest_state(settings.out / landscape.folder))
    _run_jobs(settings.out, [select], jobs, progress)
    folders = (SIMULATED, *(job.folder for job in [*jobs, select]))
    places = DemoPlaces(settings.out, *(settings.out / folder for folder in folders))
    summary = compare_with_truth(places, settings.seed, progress)
    progress.say(f"{'time:':<32}{(time.monotonic() - start) / 60:.1f} minutes")
    return summary


def simulation_of(settings: DemoSettings) -> SimulateSettings:
    return SimulateSettings(
        out=settings.out / SIMULATED,
        turn_to=TURN_TO_IN_DEGREES,
        wells=N_WELLS,
        n_particles=settings.n_particles,
        box=settings.box,
        pixel_size=settings.pixel_size,
        snr=settings.snr,
        stack_folder=SIMULATED,
        seed=settings.seed,
    )


def _train_job(settings: DemoSettings) -> ExternalJob:
    return ExternalJob(
        folder="External/job001/",
        program=_program("gem-external-train"),
        inputs={"in_part": f"{SIMULATED}/particles.star", "in_3dref": f"{SIMULATED}/consensus.mrc"},
        parameters={"epochs": str(settings.epochs), "seed": str(settings.seed)},
        n_threads=settings.threads,
    )


def _landscape_job(settings: DemoSettings) -> ExternalJob:
    return ExternalJob(
        folder="External/job002/",
        program=_program("gem-external-landscape"),
        inputs={"in_part": "External/job001/particles.star"},
        parameters={"sketch_size": str(settings.sketch_size), "n_states": "auto"},
        n_threads=settings.threads,
    )


def _select_job(settings: DemoSettings, landscape: ExternalJob, state: int) -> ExternalJob:
    return ExternalJob(
        folder="External/job003/",
        program=_program("gem-external-select"),
        inputs={"in_part": f"{landscape.folder}landscape/states/state_{state:03d}.star"},
        parameters={"states": str(state)},
        n_threads=settings.threads,
    )


def _program(name: str) -> str:
    """The console script that was installed beside this Python."""
    beside = Path(sys.executable).parent / name
    found = str(beside) if beside.exists() else shutil.which(name)
    if found is None:
        raise RunError(f"{name} is not installed. Install the package: pip install -c constraints.txt -e .")
    return found


def _run_jobs(
    project: Path,
    jobs: list[ExternalJob],
    earlier: list[ExternalJob],
    progress: Progress,
    n_epochs: int = 0,  # of a training among them
) -> None:
    """Run External jobs one after the other, from the project folder, as RELION does."""
    done = list(earlier)
    training = PushedLoop(progress.track, "training", unit="epoch")
    for job in jobs:
        write_job_star(project, job)
        progress.say(f"$ {' '.join([Path(job.program).name, *job.command()[1:]])}")
        with (
            open(project / job.folder / "run.out", "w") as out,
            open(project / job.folder / "run.err", "w") as err,
        ):
            process = subprocess.Popen(
                job.command(),
                cwd=project,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=err,
                text=True,
            )
            assert process.stdout is not None
            for line in process.stdout:
                out.write(line)
                out.flush()
                _tell_epochs(training, line, n_epochs)
                if _is_worth_showing(line):
                    progress.say(f"  {line.rstrip()}")
            process.wait()
        done.append(job)
        write_pipeline(project, done)
        if process.returncode or not has_succeeded(project, job):
            raise RunError(f"{job.folder} failed; see {project / job.folder / 'run.err'}.")


def _tell_epochs(training: PushedLoop, line: str, n_epochs: int) -> None:
    """The log of the job tells when training begins, and each epoch that is done."""
    if line.startswith(TRAINING_BEGINS):
        training.advance_to(0, n_epochs)
    elif epoch := re.match(r"Epoch (\d+):", line):
        training.advance_to(int(epoch[1]), n_epochs)


def _is_worth_showing(line: str) -> bool:
    """Of the epochs, every tenth; run.out has them all."""
    epoch = re.match(r"Epoch (\d+)( of)?", line)
    return epoch is None or (epoch[2] is None and int(epoch[1]) % EPOCHS_BETWEEN_LINES == 0)
