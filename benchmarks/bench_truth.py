"""Make sets whose every atom is known, train on them with default settings, and score the runs against the truth.

One command fills one table (csv and markdown): FSC-AUC per conformation and per image, what the latents know, the error of
the motion, false amplitude change, pose errors before and after, junk, states, time. Every change of a default is judged by
the whole table. Sets are made once in the work folder; those that need the shared folder are skipped where it is absent.
"""

import argparse
import gc
import io
import json
import shutil
import subprocess
import tempfile
import time
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from truth.machine import locked, machine_class
from truth.score import check_settings_of_training, count_states, score_run, train
from truth.sets import N_PARTICLES_QUICK, SETS, USUAL_SETS, CannotMakeError, MadeSet, ensure_set
from truth.table import add_rows

import gem_plugin
from gem_plugin.io.run.files import RunFiles
from gem_plugin.pipeline.logged_progress import LoggedProgress

REPOSITORY = Path(__file__).resolve().parent.parent
STATES_ARE_COUNTED_UP_TO = 10  # true states: where more are planted, the number of states says little


def main() -> None:
    options = parse_options()
    settings = json.loads(options.train)
    check_settings_of_training(settings)
    jobs = [(SETS[name], repeat) for name in options.sets for repeat in range(options.repeats)]
    for made, repeat in jobs:
        row = identity(options, made, repeat)
        start = time.monotonic()
        try:
            if options.only_make:
                make_only(options, made)
                continue
            row |= measure(options, made, options.seed + repeat, settings)
            print(f"{made.name}: {summary(row)} ({time.monotonic() - start:.0f} s)", flush=True)
        except CannotMakeError as error:
            row["failed"] = f"skipped: {error}"
            print(f"{made.name}: {row['failed']}", flush=True)
        except Exception as error:  # one set must not cost the others
            row["failed"] = f"{type(error).__name__}: {error}"
            print(f"{made.name}: {traceback.format_exc()}", flush=True)
        add_rows(options.table, [row])
        gc.collect()
    if not options.only_make:
        print(f"\n{options.table.with_suffix('.md').read_text()}")


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    parser.add_argument("--sets", nargs="+", default=list(USUAL_SETS), metavar="NAME", help=", ".join(SETS))
    parser.add_argument("--work", type=Path, help="folder of sets and runs", default=default_work_folder())
    parser.add_argument("--shared", type=Path, default=REPOSITORY.parent / "shared", help="data folder")
    parser.add_argument(
        "--table", type=Path, help="csv file, kept and added to; default: truth.csv in --work"
    )
    parser.add_argument("--train", default="{}", help='settings of training as JSON, as in {"epochs": 20}')
    parser.add_argument("--seed", type=int, default=0, help="of the sets and of the first training")
    parser.add_argument(
        "--repeats", type=int, default=1, help="trainings of each set, each with the next seed"
    )
    parser.add_argument("--quick", action="store_true", help=f"sets of {N_PARTICLES_QUICK:,} particles")
    parser.add_argument("--lock", type=Path, help="file whose lock is held while training, for timings")
    parser.add_argument("--keep-runs", action="store_true", help="keep the run folders (200 MB each)")
    parser.add_argument("--only-make", action="store_true", help="make the sets and stop")
    options = parser.parse_args()
    options.table = options.table or options.work / "truth.csv"
    unknown = [name for name in options.sets if name not in SETS]
    if unknown:
        parser.error(f"there is no set {', '.join(unknown)}; there is {', '.join(SETS)}")
    return options


def default_work_folder() -> Path:
    return Path(tempfile.gettempdir()) / "gem_truth"


def identity(options: argparse.Namespace, made: MadeSet, repeat: int) -> dict[str, Any]:
    return {
        "set": made.name + (" (quick)" if options.quick else ""),
        "seed": options.seed,
        "training_seed": options.seed + repeat,
        "train": options.train,
        "commit": commit_of_package(),
        "machine": machine_class(),
    }


def make_only(options: argparse.Namespace, made: MadeSet) -> tuple[int, Path]:  # number of particles, folder
    """Make one set where it is not there."""
    n_particles = min(N_PARTICLES_QUICK, made.n_particles) if options.quick else made.n_particles
    return n_particles, ensure_set(options.work, options.shared, made, n_particles, options.seed)


def measure(
    options: argparse.Namespace, made: MadeSet, training_seed: int, settings: Mapping[str, Any]
) -> dict[str, Any]:
    """Make one set, train on it, and score the run."""
    n_particles, dataset = make_only(options, made)
    folder = Path(tempfile.mkdtemp(prefix=f"{dataset.name}_", dir=_made(options.work / "runs")))
    run = RunFiles(folder)
    try:
        progress = LoggedProgress(run.log, io.StringIO())
        row: dict[str, Any] = {"particles": n_particles}
        with locked(options.lock):
            row |= train(dataset, run, {"seed": training_seed, **settings}, progress)
        row |= score_run(dataset, run, options.seed)
        if row["true_states"] <= STATES_ARE_COUNTED_UP_TO:
            row["states_found"] = count_states(run, training_seed, progress)
        return row
    finally:
        if options.keep_runs:
            print(f"{made.name}: run in {folder}")
        else:
            shutil.rmtree(folder)


def summary(row: Mapping[str, Any]) -> str:
    shown = ("per_conformation", "per_image", "motion_error", "angle_error_after", "training_seconds")
    return ", ".join(f"{name} {row[name]:.4g}" for name in shown if row.get(name) is not None)


def commit_of_package() -> str:
    """The short commit that changed the package last, with + where it was changed since."""
    git = ["git", "--no-optional-locks", "-C", str(Path(gem_plugin.__file__).parent)]
    commit, changes = (
        subprocess.run([*git, *words, "--", "."], capture_output=True, text=True).stdout.strip()
        for words in (["log", "-1", "--format=%h"], ["status", "--porcelain"])
    )
    return (commit or "unknown") + ("+" if changes else "")


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


if __name__ == "__main__":
    main()
