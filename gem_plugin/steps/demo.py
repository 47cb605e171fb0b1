"""Step demo: a made-up molecule with a known motion goes the whole way, through the same External jobs as in RELION."""

import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from gem_plugin.errors import InputError, RunError
from gem_plugin.io.array_files import read_array, read_arrays
from gem_plugin.io.landscape_files import LandscapeFiles
from gem_plugin.io.relion_project import (
    ExternalJob,
    has_succeeded,
    start_project,
    write_job_star,
    write_pipeline,
)
from gem_plugin.io.run_files import RunFiles
from gem_plugin.landscape.known_motion import MotionRecovery, mean_angle_in_degrees, recover_motion
from gem_plugin.progress import Progress
from gem_plugin.settings import check_settings, setting
from gem_plugin.steps.simulate import SimulateSettings, run_simulate

SIMULATED = "Simulated"  # folder of the project with the particles and the consensus map
ANGLE_BETWEEN_WELLS_IN_DEGREES = 60.0
N_WELLS = 3
TURN_TO_IN_DEGREES = N_WELLS * ANGLE_BETWEEN_WELLS_IN_DEGREES


@dataclass(frozen=True)
class DemoSettings:
    """Size of the demonstration."""

    out: Path = setting(Path("demo_project"), "Folder of the RELION project that is made; must be new.")
    n_particles: int = setting(3000, "Number of particles.", 200, 1_000_000)
    box: int = setting(64, "Box in pixels, even.", 32, 256)
    pixel_size: float = setting(4.0, "Pixel size in Angstrom.", 1, 10, flag="--apix")
    snr: float = setting(0.1, "Variance of signal over noise in the images.", 1e-4, 100)
    epochs: int = setting(60, "Passes over the particles in training.", 1, 10_000)
    sketch_size: int = setting(300, "Maps that sketch the landscape.", 10, 10_000)
    threads: int = setting(2, "Threads, as in RELION's Running tab.", 1, 1024, flag="-j")
    seed: int = setting(0, "Seed of everything random.", 0)


def run_demo(settings: DemoSettings, progress: Progress) -> dict[str, Any]:
    """Simulate, then train, landscape and select as External jobs; compare with the truth."""
    check_settings(settings)
    if settings.out.exists() and any(settings.out.iterdir()):
        raise InputError(f"{settings.out} is not empty. Give another folder with --out, or remove it.")
    start = time.monotonic()
    progress.say(f"Making {settings.n_particles} particles of an antibody-like molecule, one arm turning")
    run_simulate(_simulation(settings), progress)
    start_project(settings.out)
    train, landscape = _train_job(settings), _landscape_job(settings)
    jobs = [train, landscape]
    _run_jobs(settings.out, [train, landscape], [], progress)
    largest_state = _largest_state(settings.out / landscape.folder)
    select = _select_job(settings, landscape, largest_state)
    _run_jobs(settings.out, [select], jobs, progress)
    return _report(settings, [*jobs, select], time.monotonic() - start, progress)


def _simulation(settings: DemoSettings) -> SimulateSettings:
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
        parameters={"sketch_size": str(settings.sketch_size), "n_states": str(N_WELLS)},
        n_threads=settings.threads,
    )


def _select_job(settings: DemoSettings, landscape: ExternalJob, state: int) -> ExternalJob:
    return ExternalJob(
        folder="External/job003/",
        program=_program("gem-external-select"),
        inputs={"in_part": f"{landscape.folder}particles.star"},
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


def _run_jobs(project: Path, jobs: list[ExternalJob], earlier: list[ExternalJob], progress: Progress) -> None:
    """Run External jobs one after the other, from the project folder, as RELION does."""
    done = list(earlier)
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
                progress.say(f"  {line.rstrip()}")
            process.wait()
        done.append(job)
        write_pipeline(project, done)
        if process.returncode or not has_succeeded(project, job):
            raise RunError(f"{job.folder} failed; see {project / job.folder / 'run.err'}.")


def _largest_state(landscape_folder: Path) -> int:
    files = LandscapeFiles(RunFiles(landscape_folder).landscape)
    counts = np.bincount(read_array(files.particle_states, "gem-em landscape"))
    return int(counts[1:].argmax()) + 1


def _report(
    settings: DemoSettings, jobs: list[ExternalJob], seconds: float, progress: Progress
) -> dict[str, Any]:
    """The table at the end: states, particles, and how well the known motion was recovered."""
    project = settings.out
    truth = read_arrays(project / SIMULATED / "truth.npz", "gem-em demo")
    angles = truth["angles_in_degrees"][truth["which"]]
    train, landscape = (RunFiles(project / job.folder) for job in jobs[:2])
    latents = read_array(train.latents, "gem-em demo")
    states = read_array(LandscapeFiles(landscape.landscape).particle_states, "gem-em demo")
    recovery = recover_motion(latents, angles, np.random.default_rng(settings.seed))
    for line in _table(states, angles, recovery):
        progress.say(line)
    progress.say("")
    for what, path in {
        "report": landscape.pdf_log,
        "state maps": LandscapeFiles(landscape.landscape).states,
        "particles of the largest state": project / jobs[2].folder / "particles.star",
        "RELION project": project,
    }.items():
        progress.say(f"{what + ':':<32}{path}")
    progress.say(f"{'time:':<32}{seconds / 60:.1f} minutes")
    return {"median_error_in_degrees": recovery.median_error_in_degrees, "seconds": seconds}


def _table(states: np.ndarray, angles: np.ndarray, recovery: MotionRecovery) -> list[str]:
    """Lines of text; the true angle of a state is known only because the data were simulated."""
    lines = ["", "state   particles   true angle of the arm (mean, middle 80 %)"]
    for state in np.unique(states[states > 0]):
        members = angles[states == state]
        low, high = np.percentile(members, [10, 90])
        lines.append(
            f"{state:5d}   {len(members):9d}   {mean_angle_in_degrees(members):5.0f} degrees ({low:.0f} to {high:.0f})"
        )
    lines += [
        "",
        f"The arm's angle, predicted from the latents of each particle: median error {recovery.median_error_in_degrees:.1f} degrees",
        f"(a guess would be {recovery.median_error_of_guessing_in_degrees:.1f} degrees off; mean cosine of the error {recovery.correlation:.3f}).",
    ]
    return lines
