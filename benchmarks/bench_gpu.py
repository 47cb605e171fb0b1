"""Everything on one GPU in one go, in under nine minutes: kernels, projection, training, a whole run, landscape, half-maps, wrong
poses, tilt series, and small sets of other kinds: symmetric, tilt series with wrong poses, symmetric tilt series.

    python benchmarks/bench_gpu.py --out FOLDER [--shared ../shared]

Writes gpu.json with every number, after each part, and gpu.md with the tables. A part that fails says why and the others go on.
It runs from a bare machine with Python 3.10 to 3.13, a torch for CUDA and the packages of pyproject.toml; `--device cpu --tiny`
runs all of it in small on a CPU, to test the script.
"""

import argparse
import importlib.metadata
import json
import os
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

REPOSITORY = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(REPOSITORY))  # a bare machine has no installed gem_plugin

from gpu import kernels, other_sets, rates, whole_runs  # noqa: E402
from gpu.report import as_markdown  # noqa: E402
from truth.machine import machine_class  # noqa: E402
from truth.sets import CannotMakeError  # noqa: E402

PACKAGES = ("torch", "triton", "numpy", "numba")
PARTS = (
    "kernels",
    "projection",
    "training",
    "run",
    "landscape",
    "reconstruct",
    "poses",
    "tilt_series",
    "other_sets",
)
SECONDS_FOR_ALL = 540
SECONDS_OF_A_PART = {
    "kernels": 60,
    "projection": 30,
    "training": 60,
    "run": 120,
    "landscape": 60,
    "reconstruct": 30,
    "poses": 60,
    "tilt_series": 60,
    "other_sets": 60,
}
OF_THE_RUN = ("run", "landscape", "reconstruct")  # parts that share the set and the run of 128 px
EPOCHS_OF_TILT_SERIES = 8


def main() -> None:
    options = parse_options()
    options.out.mkdir(parents=True, exist_ok=True)
    results: dict[str, Any] = {"machine": describe(options.device), "seconds": {}}
    start = time.monotonic()
    with tempfile.TemporaryDirectory(dir=options.work) as work, making(options, Path(work)) as sets:
        for part in options.parts:
            left = options.seconds - (time.monotonic() - start)
            if left < SECONDS_OF_A_PART[part] and not options.tiny:
                results[part] = {"left_out": f"{left:.0f} s were left"}
                continue
            before = time.monotonic()
            results[part] = tried(lambda part=part: measure(part, options, sets, Path(work)))
            results["seconds"][part] = time.monotonic() - before
            results["seconds"]["all"] = time.monotonic() - start
            write(options.out, results)
            print(f"{part}: {results['seconds'][part]:.0f} s", flush=True)
    print(as_markdown(results))


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=REPOSITORY / "benchmarks", help="gpu.json and gpu.md")
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir()), help="room for 5 GB")
    parser.add_argument("--shared", type=Path, default=REPOSITORY.parent / "shared", help="data folder")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--particles", type=int, default=20_000, help="of the whole run, at 128 px")
    parser.add_argument("--seconds", type=float, default=SECONDS_FOR_ALL, help="for all parts together")
    parser.add_argument("--tiny", action="store_true", help="sizes for a test of this script")
    options = parser.parse_args()
    if options.device == "cuda" and not torch.cuda.is_available():
        parser.error("torch sees no CUDA device; --device cpu --tiny tests the script without one")
    return options


def describe(device: str) -> dict[str, Any]:
    """The machine and the versions, without its name."""
    versions = {name: importlib.metadata.version(name) for name in PACKAGES if is_installed(name)}
    said = {"processors": machine_class(), "threads": torch.get_num_threads(), **versions}
    if device == "cuda":
        card = torch.cuda.get_device_properties(0)
        said |= {"card": card.name, "gigabytes": card.total_memory / 1e9, "cuda": torch.version.cuda}
    return said


def is_installed(name: str) -> bool:
    try:
        importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


@contextmanager
def making(options: argparse.Namespace, work: Path) -> Iterator[dict[str, Future[Path]]]:
    """The sets of the parts that need one, made by the processors one after another while the GPU does the first parts."""
    box, small_box, n_particles, n_tilted = 128, 64, options.particles, 1000
    if options.tiny:
        box, small_box, n_particles, n_tilted = 32, 32, 300, 20
    n_pieces = max(1, min(12, (os.cpu_count() or 1) - 2))
    n_with_wrong_poses = min(12_000, n_particles)
    with ThreadPoolExecutor(1) as pool:
        sets: dict[str, Future[Path]] = {}
        if set(OF_THE_RUN) & set(options.parts):
            made = pool.submit(whole_runs.make_set, work, options.shared, n_particles, box, n_pieces)
            sets |= dict.fromkeys(OF_THE_RUN, made)
        if "poses" in options.parts:
            sets["poses"] = pool.submit(
                whole_runs.make_set_with_wrong_poses, work, options.shared, n_with_wrong_poses, n_pieces
            )
        if "tilt_series" in options.parts:
            sets["tilt_series"] = pool.submit(whole_runs.make_tilt_series, work, n_tilted, small_box)
        if "other_sets" in options.parts:
            sets["other_sets"] = pool.submit(other_sets.make_sets, work / "other_sets", sizes_of(options))
        yield sets


def sizes_of(options: argparse.Namespace) -> other_sets.Sizes:
    return other_sets.Sizes().smaller() if options.tiny else other_sets.Sizes()


def measure(part: str, options: argparse.Namespace, sets: dict[str, Future[Path]], work: Path) -> Any:
    device = torch.device(options.device)
    if part == "kernels":
        boxes = kernels.BOXES[:2] if options.tiny else kernels.BOXES
        return {
            "tests": kernels.run_kernel_tests(device),
            "rows": kernels.compare_with_reference(device, boxes),
        }
    if part == "projection":
        return rates.projection_rates(device, ((32, 200, 4),) if options.tiny else rates.PROJECTIONS)
    if part == "training":
        sizes = [rates.SIZES[0].smaller()] if options.tiny else rates.SIZES
        return {"rows": [tried(lambda size=size: rates.training_rate(size, device, True)) for size in sizes]}
    path, run = sets[part].result(), work / "run"
    if part == "other_sets":
        return {"rows": other_sets.run_sets(path, options.device, sizes_of(options))}
    settings = {"epochs": 1, "max_gaussians": 200} if options.tiny else {}
    if part == "run":
        return whole_runs.train_and_score(path, run, options.device, settings)
    if part == "poses":
        return whole_runs.refine_poses(path, work / "run_poses", options.device, settings)
    if part == "tilt_series":
        settings = {"epochs": EPOCHS_OF_TILT_SERIES, **settings}
        row = whole_runs.train_tilt_series(path, work / "run_tilt_series", options.device, settings)
        size = rates.TILT_SERIES.smaller() if options.tiny else rates.TILT_SERIES
        return row | rates.tilt_series_rates(size, device)
    if part == "landscape":
        sizes = (20, 100) if options.tiny else (whole_runs.N_MAPS, whole_runs.N_PLACED)
        return whole_runs.map_landscape(run, options.device, *sizes)
    return whole_runs.reconstruct(run, options.device)


def tried(action: Callable[[], Any]) -> Any:
    """What an action gives, or the reason why it failed."""
    try:
        return action()
    except CannotMakeError as error:
        return {"failed": str(error)}
    except Exception as error:  # one part must not cost the others
        traceback.print_exc()
        return {"failed": f"{type(error).__name__}: {str(error)[:500]}"}


def write(folder: Path, results: dict[str, Any]) -> None:
    (folder / "gpu.json").write_text(json.dumps(results, indent=1, default=str) + "\n", encoding="utf-8")
    (folder / "gpu.md").write_text(as_markdown(results), encoding="utf-8")


if __name__ == "__main__":
    main()
