"""The sketch landscape beside cryoDRGN's analyze_landscape: same box, same number of volumes, same options.

    python benchmarks/bench_landscape_cryodrgn.py [--cryodrgn /path/to/bin/cryodrgn] [-N 20] [--box 64]

Both are called as programs, so that the start of each is counted. cryoDRGN (4.3.1) is only run when its path is given;
its run has the default networks (three layers of 1,024). Neither is trained: time does not depend on the weights.
UMAP is left out of both, for cryoDRGN takes it from an earlier analysis. The first of our two runs may compile kernels.
"""

import argparse
import pickle
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from untrained_runs import write_cryodrgn_run, write_gaussian_run

GOAL_RATIO = 20
WIDTH_OF_BOX_IN_ANGSTROMS = 384.0
N_GAUSSIANS = {64: 1600, 128: 8000}
EPOCH = "1"


def timed(command: list[object]) -> float:
    """Seconds of a program that must succeed."""
    start = time.perf_counter()
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{command[0]} failed:\n{done.stdout}\n{done.stderr}")
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cryodrgn", type=Path)
    parser.add_argument("-N", "--volumes", type=int, default=20)
    parser.add_argument("--box", type=int, default=64, choices=tuple(N_GAUSSIANS))
    parser.add_argument("--particles", type=int, default=64, help="a k-means of them makes the sketch")
    wanted = parser.parse_args()
    pixel_size = WIDTH_OF_BOX_IN_ANGSTROMS / wanted.box
    options: list[object] = [
        "-N",
        wanted.volumes,
        "-d",
        wanted.box,
        "--Apix",
        pixel_size,
        "--dilate",
        5,
        "-M",
        min(5, wanted.volumes),
    ]
    options += ["--linkage", "average", "--pc-dim", min(10, wanted.volumes - 1), "--skip-umap"]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        run = write_gaussian_run(
            folder / "ours", wanted.particles, N_GAUSSIANS[wanted.box], wanted.box, pixel_size
        )
        program = [sys.executable, "-m", "gem_plugin", "landscape", run.root]
        like_theirs = ["--pca-weights", "none", "--keep-volumes", "--device", "cpu"]
        seconds = [
            timed([*program, *options, *like_theirs, "-o", folder / f"landscape{number}"])
            for number in (1, 2)
        ]
        ours = seconds[1]
        print(
            f"gem-em landscape, {wanted.volumes} maps of {wanted.box}^3 from {N_GAUSSIANS[wanted.box]} Gaussians: "
            f"{ours:.1f} s (first run, with compilation where needed: {seconds[0]:.1f} s)"
        )
        if wanted.cryodrgn is None:
            print("cryoDRGN was not run: its path is not given (--cryodrgn)")
            return
        theirs = folder / "theirs"
        write_cryodrgn_run(theirs, wanted.cryodrgn, wanted.particles, wanted.box, pixel_size)
        out = theirs / "landscape"
        out.mkdir()
        (out / "umap.pkl").write_bytes(pickle.dumps(np.zeros((wanted.particles, 2), np.float32)))
        their_options = [int(word) if isinstance(word, float) else word for word in options]
        reference = timed([wanted.cryodrgn, "analyze_landscape", theirs, EPOCH, *their_options, "-o", out])
        print(
            f"cryodrgn analyze_landscape, as many maps of that box from its default decoder: {reference:.1f} s; "
            f"ratio {reference / ours:.0f} (goal {GOAL_RATIO})"
        )


if __name__ == "__main__":
    main()
