"""Half-maps of 20,000 particles at box 128, with FSC, mask and files: ours and relion_reconstruct's on the same subset.

python benchmarks/bench_reconstruct.py [-n 20000] [--box 128] [--out FOLDER]

The phantom is simulated and prepared first (not timed). RELION's two half-maps are made by two processes side by side,
as it has no threads for this. The agreement is the lowest FSC of our half-map 1 and RELION's between the first shell and
Nyquist / 1.5, inside a ball that leaves out the corners of the box. Without RELION only our time is measured.
"""

import argparse
import json
import os
import resource
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import torch
from torch import Tensor

from gem_plugin.imaging.fourier import fourier_shell_correlation
from gem_plugin.io.mrc.maps import read_map
from gem_plugin.io.run.files import RunFiles
from gem_plugin.particles.prepared import load_prepared
from gem_plugin.progress import Progress
from gem_plugin.steps.prepare.settings import PrepareSettings
from gem_plugin.steps.prepare.step import run_prepare
from gem_plugin.steps.reconstruct.half_maps import (
    Measuring,
    back_project,
    half_maps_of,
    half_sets_of,
    write_and_measure,
)
from gem_plugin.steps.simulate.settings import SimulateSettings
from gem_plugin.steps.simulate.step import run_simulate

GOAL_IN_SECONDS, GOAL_OF_AGREEMENT = 120, 0.99
MAXIMUM_FRACTION_OF_NYQUIST = 1 / 1.5
EDGE_IN_PIXELS = 3


def main() -> None:
    options = parse_options()
    with tempfile.TemporaryDirectory() as temporary:
        out = options.out or Path(temporary)
        run = make_prepared_run(out, options)
        result = {"particles": options.n, "box": options.box, "threads": torch.get_num_threads()}
        result |= measure_ours(run)
        relion = shutil.which("relion_reconstruct")
        result |= (
            measure_relion(out, run, relion) if relion else {"relion": "relion_reconstruct is not on PATH"}
        )
    print(json.dumps(result, indent=2))


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("-n", type=int, default=20_000)
    parser.add_argument("--box", type=int, default=128)
    parser.add_argument("--apix", type=float, default=3.0)
    parser.add_argument("--snr", type=float, default=0.05)
    parser.add_argument(
        "--out", type=Path, help="keep data and maps here, and take data that are there already"
    )
    return parser.parse_args()


def make_prepared_run(out: Path, options: argparse.Namespace) -> RunFiles:
    run, data = RunFiles(out / "run"), out / "data"
    if not (data / "particles.star").is_file():
        run_simulate(
            SimulateSettings(
                data, n_particles=options.n, box=options.box, pixel_size=options.apix, snr=options.snr
            ),
            Progress(),
        )
    if not run.prepared_table.is_file():
        run_prepare(run, PrepareSettings(particles=data / "particles.star", box=options.box), Progress())
    return run


def measure_ours(run: RunFiles) -> dict[str, float]:
    """What gem-em reconstruct does for one map: insertion, half-maps, mask, corrected FSC, filtered map, files."""
    prepared = load_prepared(run)
    halves, device = half_sets_of(prepared, 0), torch.device("cpu")
    back_project(prepared, torch.arange(8).numpy(), halves, device, Progress(), "compiling")
    files, start = run.reconstruct, time.perf_counter()
    rows = torch.arange(len(prepared.table)).numpy()
    both = back_project(prepared, rows, halves, device, Progress(), "all particles")
    inserted = time.perf_counter()
    row = write_and_measure(files, "all", half_maps_of(both, Progress(), "all"), Measuring(seed=0))
    end = time.perf_counter()
    return {
        "seconds": round(end - start, 1),
        "goal_in_seconds": GOAL_IN_SECONDS,
        "seconds_of_insertion": round(inserted - start, 1),
        "particles_per_second": round(len(rows) / (end - start)),
        "peak_memory_in_gigabytes": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6, 2),
        "resolution_in_angstroms": row["resolution_in_angstroms"],
    }


def measure_relion(out: Path, run: RunFiles, program: str) -> dict[str, float]:
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    start = time.perf_counter()
    processes = [
        subprocess.Popen(
            [
                program,
                "--i",
                "particles.star",
                "--o",
                f"relion_half{half}.mrc",
                "--ctf",
                "--subset",
                str(half),
            ],
            cwd=out / "data",
            env=environment,
            stdout=subprocess.DEVNULL,
        )
        for half in (1, 2)
    ]
    if any([process.wait() for process in processes]):
        raise SystemExit("relion_reconstruct failed; see its messages above.")
    seconds = time.perf_counter() - start
    agreements = [
        agreement(
            read_map(run.reconstruct.half_map("all", half)).volume,
            read_map(out / "data" / f"relion_half{half}.mrc").volume,
        )
        for half in (1, 2)
    ]
    return {
        "relion_seconds": round(seconds, 1),
        "agreement_with_relion": round(min(agreements), 4),
        "goal_of_agreement": GOAL_OF_AGREEMENT,
    }


def agreement(ours, theirs) -> float:  # type: ignore[no-untyped-def]
    first, second = torch.from_numpy(ours), torch.from_numpy(theirs)
    ball = soft_ball(len(first))
    curve = fourier_shell_correlation(first * ball, second * ball)
    return float(curve[1 : round(len(first) / 2 * MAXIMUM_FRACTION_OF_NYQUIST) + 1].min())


def soft_ball(box: int) -> Tensor:
    axis = torch.arange(box) - box // 2.0
    radius = torch.sqrt(axis[:, None, None] ** 2 + axis[None, :, None] ** 2 + axis[None, None, :] ** 2)
    return ((box / 2 - EDGE_IN_PIXELS - radius) / EDGE_IN_PIXELS + 0.5).clamp(0, 1)


if __name__ == "__main__":
    main()
