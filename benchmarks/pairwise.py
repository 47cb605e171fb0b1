"""Any two checkouts beside each other: the same set, each prepared once, then trained in turn, so that a busy machine slows both.

    python benchmarks/pairwise.py OLD NEW [--box 64] [--epochs 6] [--rounds 3] [--threads 2] [--new-options=--no-refine-poses]

OLD and NEW are folders of the repository (`git worktree add OLD v0.1.0`). Both run with this Python and its packages, and their own
default settings. Rates are particles a second of whole epochs, validation and refinement of poses included, without the first epoch,
in which code is compiled; the last column is the loss on held-out particles.
"""

import argparse
import csv
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

N_PARTICLES = {64: 12_000, 128: 4_000}


class Training(NamedTuple):
    """One training of one checkout."""

    particles_per_second: float
    processor_microseconds: float  # a particle, of the whole command
    held_out_loss: float


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("old", type=Path)
    parser.add_argument("new", type=Path)
    parser.add_argument("--box", type=int, default=64)
    parser.add_argument("--particles", type=int, help="default: 12,000 of 64 px, 4,000 of 128 px")
    parser.add_argument(
        "--set", type=Path, help="folder with particles.star and consensus.mrc, instead of a simulated set"
    )
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument(
        "--new-options",
        default="",
        help="more options of `train` for NEW, as where OLD does not do the same work",
    )
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir()))
    options = parser.parse_args()
    checkouts = {"old": options.old.resolve(), "new": options.new.resolve()}
    options.work.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=options.work) as work:
        files = set_of(options, checkouts["new"], Path(work))
        for name, checkout in checkouts.items():
            prepare(checkout, files, Path(work) / name, options.threads)
        rounds = [
            {
                name: train(
                    checkout, Path(work) / name, options, options.new_options.split() if name == "new" else []
                )
                for name, checkout in checkouts.items()
            }
            for _ in range(options.rounds)
        ]
    report(rounds)


def set_of(options: argparse.Namespace, checkout: Path, work: Path) -> tuple[Path, Path]:
    """Star file and map."""
    if options.set:
        return options.set / "particles.star", options.set / "consensus.mrc"
    n = options.particles or N_PARTICLES.get(options.box, 4_000)
    folder = work / "set"
    sizes = f"--n-particles {n} --box {options.box} --apix {384 / options.box} --conformations 20"
    run(checkout, ["simulate", "--out", str(folder), *sizes.split()], options.threads)
    return folder / "particles.star", folder / "consensus.mrc"


def prepare(checkout: Path, files: tuple[Path, Path], folder: Path, threads: int) -> None:
    particles, reference = map(str, files)
    run(checkout, ["prepare", str(folder), "--particles", particles, "--map", reference], threads)
    run(checkout, ["consensus", str(folder), "--map", reference], threads)


def train(checkout: Path, prepared: Path, options: argparse.Namespace, more: list[str]) -> Training:
    folder = prepared.with_name("training")
    shutil.copytree(prepared, folder)
    try:
        before = processor_seconds()
        run(checkout, ["train", str(folder), "--epochs", str(options.epochs), *more], options.threads)
        spent = processor_seconds() - before
        with open(folder / "train" / "history.csv", newline="", encoding="utf-8") as handle:
            epochs = list(csv.DictReader(handle))
        numbers = json.loads((folder / "summary.json").read_text())["train"]
    finally:
        shutil.rmtree(folder)
    n_particles = numbers["particles"] - numbers["validation_particles"]
    seconds = sum(float(row["seconds"]) for row in epochs[1:])
    return Training(
        n_particles * (len(epochs) - 1) / seconds,
        1e6 * spent / (n_particles * len(epochs)),
        float(epochs[-1]["validation_loss"]),
    )


def run(checkout: Path, arguments: list[str], threads: int) -> None:
    environment = {**os.environ, "PYTHONPATH": str(checkout), "OMP_NUM_THREADS": str(threads)}
    command = [sys.executable, "-m", "gem_plugin", *arguments]
    done = subprocess.run(command, env=environment, cwd=checkout, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed in {checkout}:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")


def processor_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def report(rounds: list[dict[str, Training]]) -> None:
    print(
        "| round | old: particles/s | new | ratio | old: processor us a particle | new | old: held-out loss | new |"
    )
    print("|---|---|---|---|---|---|---|---|")
    ratios = []
    for number, both in enumerate(rounds, start=1):
        old, new = both["old"], both["new"]
        ratios.append(new.particles_per_second / old.particles_per_second)
        print(
            f"| {number} | {old.particles_per_second:,.0f} | {new.particles_per_second:,.0f} | {ratios[-1]:.2f} "
            f"| {old.processor_microseconds:.0f} | {new.processor_microseconds:.0f} "
            f"| {old.held_out_loss:.3f} | {new.held_out_loss:.3f} |"
        )
    print(f"Median ratio: {statistics.median(ratios):.2f}. Machine load {os.getloadavg()[0]:.1f}.")


if __name__ == "__main__":
    main()
