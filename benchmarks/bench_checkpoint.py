"""What checkpoints cost: seconds in writing them over seconds of training, at the default settings.

python benchmarks/bench_checkpoint.py [-n 12000] [--box 64] [--apix 6] [--epochs 4] [--out FOLDER]

A checkpoint (model, optimiser, history) is written, synced to the disk and renamed after every epoch. --out should lie
on the disk that runs lie on: a memory disk shows nothing.
"""

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import Any

from gem_plugin.heterogeneity.settings import TrainSettings
from gem_plugin.io.run.files import RunFiles
from gem_plugin.progress import Progress
from gem_plugin.steps.consensus.settings import ConsensusSettings
from gem_plugin.steps.consensus.step import run_consensus
from gem_plugin.steps.prepare.settings import PrepareSettings
from gem_plugin.steps.prepare.step import run_prepare
from gem_plugin.steps.simulate.settings import SimulateSettings
from gem_plugin.steps.simulate.step import run_simulate
from gem_plugin.steps.train import epochs as training_loop
from gem_plugin.steps.train.step import run_train

GOAL_IN_PERCENT = 2.0


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("-n", type=int, default=12_000)
    parser.add_argument("--box", type=int, default=64)
    parser.add_argument("--apix", type=float, default=6.0)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument(
        "--out", type=Path, help="a new folder on the disk to be measured; default: a temporary one"
    )
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.out) as folder:
        print(json.dumps(measure(Path(folder), options), indent=2))


def measure(folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    data, run, progress = folder / "data", RunFiles(folder / "run"), Progress()
    run_simulate(
        SimulateSettings(data, n_particles=options.n, box=options.box, pixel_size=options.apix), progress
    )
    run_prepare(run, PrepareSettings(particles=data / "particles.star", box=options.box), progress)
    run_consensus(run, ConsensusSettings(map=data / "consensus.mrc"), progress)
    seconds: list[float] = []
    original = training_loop.save_training

    def timed(*arguments: Any) -> None:
        start = time.perf_counter()
        original(*arguments)
        seconds.append(time.perf_counter() - start)

    training_loop.save_training = timed
    start = time.perf_counter()
    run_train(run, TrainSettings(epochs=options.epochs), progress)
    total = time.perf_counter() - start
    return {
        "particles": options.n,
        "box": options.box,
        "checkpoints": len(seconds),
        "megabytes_each": round(run.checkpoint.stat().st_size / 1e6, 2),
        "seconds_in_checkpoints": round(sum(seconds), 3),
        "seconds_of_training": round(total, 1),
        "percent": round(100 * sum(seconds) / total, 3),
        "goal_in_percent": GOAL_IN_PERCENT,
    }


if __name__ == "__main__":
    main()
