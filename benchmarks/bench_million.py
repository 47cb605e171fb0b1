"""From a star file to the explorer with 10,000, 100,000 and 1,000,000 particles of 64 px: time, memory and disk of each step.

python benchmarks/bench_million.py --folder FOLDER [-n 10000 100000] [--epochs 2] [--threads 2] [--keep-images]

The set is made in pieces of 10,000: clean images of the phantom with its turning arm, drawn once, each piece with noise of its
own (signal-to-noise ratio 0.05), so that 10,000 poses and conformations are seen again and again, in new noise. Stacks of the set are
deleted once `prepare` has written its own, which leaves 16 GB for a million; at the height of `prepare` it takes 33 GB.

Every step is a process of its own, as a user starts it. What it took is written down in FOLDER/N/measured.json, so that the
same command goes on after the last step that ended; an interrupted training resumes. Memory is the highest of all processes of
the step together, without the pages of files that the system may drop again (anonymous and shared memory of /proc). Cost per
particle is processor time, which other programs disturb least; training counts its epochs and its validation particles too.
With `--table` what was measured so far is written to benchmarks/million.md and nothing else is done.
"""

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from gem_plugin.io.mrc.maps import read_map, write_map
from gem_plugin.io.mrc.stacks import write_stack

PIECE = 10_000
BOX, PIXEL_SIZE, SNR = 64, 4.0, 0.05
IMAGES_AT_A_TIME = 1_000
PARTICLES_PER_MICROGRAPH = 100
SECONDS_BETWEEN_LOOKS = 0.2
MAXIMUM_GIGABYTES = 8.0
GROWTH = 1.25  # of the cost per particle from the smallest set: what more is called growth
GOALS = "nothing over 8 GB; no step's cost per particle grows from 10,000 to 1,000,000"
STEPS = ("make", "prepare", "consensus", "train", "landscape", "landscape-full", "report", "explore")
REMARKS = "Measured on "
REPORT = Path(__file__).parent / "million.md"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "gem_million")
    parser.add_argument("-n", type=int, nargs="+", default=[10_000])
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--keep-images", action="store_true", help="keep the stacks that prepare has read")
    parser.add_argument("--table", action="store_true", help="only write the table")
    arguments = parser.parse_args()
    if not arguments.table:
        for n in arguments.n:
            measure_set(arguments.folder.absolute(), n, arguments)
    measured = read_all(arguments.folder)
    print(table(measured))
    if arguments.table:
        write_page(measured)


def measure_set(folder: Path, n: int, wanted: argparse.Namespace) -> None:
    """All steps of one set that are not measured yet."""
    if n % PIECE:
        raise SystemExit(f"-n is {n}; expected a multiple of {PIECE}, the size of a piece.")
    place = folder / str(n)
    place.mkdir(parents=True, exist_ok=True)
    data, run = place / "data", place / "run"
    threads = ["--threads", str(wanted.threads)]
    commands: dict[str, list[str]] = {
        "prepare": [
            "prepare", str(run), "--particles", str(data / "particles.star"), "--map", str(data / "consensus.mrc"),
            "--datadir", str(data),
        ],
        "consensus": ["consensus", str(run), "--map", str(data / "consensus.mrc")],
        "train": ["train", str(run), "--epochs", str(wanted.epochs), *threads],
        "landscape": ["landscape", str(run)],
        "landscape-full": ["landscape-full", str(run)],
        "report": ["report", str(run)],
    }  # fmt: skip
    for step in STEPS:
        if step in read_measured(place):
            continue
        print(f"{n:,} particles: {step}", flush=True)
        before = bytes_in(place)
        if step == "make":
            with watched([os.getpid()]) as numbers:
                make_set(folder / "clean", data, n)
        elif step == "explore":
            numbers = explore(run)
        else:
            numbers = run_step(commands[step], place / f"{step}.log")
        if step == "prepare" and not wanted.keep_images:
            numbers["disk_at_most"] = bytes_in(place) / 1e9
            for stack in data.glob("piece*.mrcs"):
                stack.unlink()
            before = 0
        numbers["disk"] = max(0, bytes_in(place) - before) / 1e9
        if step == "train":
            numbers["epochs"] = wanted.epochs
        keep(place, step, numbers)


def run_step(command: list[str], log: Path) -> dict[str, float]:
    """One command of gem-em in a process of its own."""
    with open(log, "a") as out:
        process = subprocess.Popen([sys.executable, "-m", "gem_plugin", *command], stdout=out, stderr=out)
        with watched([process.pid]) as numbers:
            code = process.wait()
    if code:
        raise SystemExit(f"{' '.join(command)} ended with code {code}; see {log}.")
    return numbers


def explore(run: Path) -> dict[str, float]:
    """Start of the explorer until it has its address, first paint of its page, and the first molecule after a click."""
    from bench_explore import click, open_browser, wait_for

    start = time.perf_counter()
    command = [sys.executable, "-m", "gem_plugin", "explore", str(run), "--no-browser"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            with watched([server.pid]) as numbers:
                line = next(line for line in server.stdout if "http://" in line)
                ready = time.perf_counter() - start
                browser = open_browser()
                try:
                    browser.get(line.split()[-1])
                    wait_for(browser, "return window.gemIsReady === true")
                    paint = float(browser.execute_script("return window.gemFirstPaint"))
                    browser.set_script_timeout(300)
                    first = click(browser, 0)[0]
                    second = click(browser, 1)[0]
                finally:
                    browser.quit()
                seconds_of_server = cpu_seconds_of([server.pid])
        finally:
            server.terminate()
    clicks = {"first_click_ms": first, "second_click_ms": second, "first_paint_ms": paint}
    return {**numbers, "seconds": ready, "cpu": seconds_of_server, **clicks}


# the set


def make_set(clean: Path, data: Path, n: int) -> None:
    """Stacks of PIECE particles, a star file and the consensus; pieces that are there already stay."""
    make_clean(clean)
    data.mkdir(exist_ok=True)
    images = np.load(clean / "images.npy", mmap_mode="r")
    for piece in range(n // PIECE):
        path = data / f"piece{piece:04d}.mrcs"
        if not path.is_file():
            write_piece(path, images, piece)
    shutil.copy(clean / "consensus.mrc", data / "consensus.mrc")
    header, rows = split_star((clean / "particles.star").read_text())
    partial = data / "particles.star.part"
    with open(partial, "w") as handle:
        handle.write(header)
        for piece in range(n // PIECE):
            handle.writelines(rows_of_piece(rows, piece))
    partial.rename(data / "particles.star")


def make_clean(folder: Path) -> None:
    """Images without noise, on the scale on which noise has standard deviation 1."""
    from gem_plugin.progress import Progress
    from gem_plugin.steps.simulate.settings import SimulateSettings
    from gem_plugin.steps.simulate.step import run_simulate

    if (folder / "images.npy").is_file():
        return
    settings = SimulateSettings(
        out=folder,
        turn_to=180.0,
        wells=3,
        n_particles=PIECE,
        box=BOX,
        pixel_size=PIXEL_SIZE,
        snr=0,
        overwrite=True,
    )
    run_simulate(settings, Progress())
    images = read_map_stack(folder / "particles.mrcs")
    scale = float((images.var(axis=(1, 2)).mean() / SNR) ** 0.5)
    consensus = read_map(folder / "consensus.mrc")
    write_map(folder / "consensus.mrc", consensus.volume / scale, PIXEL_SIZE)
    np.save(folder / "images.part.npy", (images / scale).astype(np.float32))
    (folder / "images.part.npy").rename(folder / "images.npy")
    (folder / "particles.mrcs").unlink()


def read_map_stack(path: Path) -> np.ndarray:  # (PIECE, BOX, BOX) float32
    return np.fromfile(path, np.float32, offset=1024).reshape(PIECE, BOX, BOX)


def write_piece(path: Path, images: np.ndarray, piece: int) -> None:
    """The clean images with noise of this piece."""
    generator = np.random.default_rng((1, piece))
    partial = path.with_name(f"part_{path.name}")
    with write_stack(partial, PIXEL_SIZE) as writer:
        for start in range(0, PIECE, IMAGES_AT_A_TIME):
            noise = generator.standard_normal((IMAGES_AT_A_TIME, BOX, BOX), dtype=np.float32)
            writer.append(noise + images[start : start + IMAGES_AT_A_TIME])
    partial.rename(path)


def split_star(text: str) -> tuple[str, list[list[str]]]:
    """All before the rows of the particles, and the rows in words."""
    lines = text.splitlines(keepends=True)
    first = next(number for number, line in enumerate(lines) if "@" in line)
    return "".join(lines[:first]), [line.split() for line in lines[first:] if line.strip()]


def rows_of_piece(rows: list[list[str]], piece: int) -> Iterator[str]:
    """The same particles in another stack and on other micrographs; columns as relion_particle_columns writes them."""
    for number, row in enumerate(rows):
        micrograph = (piece * PIECE + number) // PARTICLES_PER_MICROGRAPH + 1
        name = f"{number + 1:06d}@piece{piece:04d}.mrcs"
        yield " ".join([name, f"micrograph{micrograph:05d}.mrc", row[2], str(micrograph), *row[4:]]) + "\n"


# what is measured


@contextmanager
def watched(processes: list[int]) -> Iterator[dict[str, float]]:
    """Seconds, processor time, and the highest memory of these processes with all that they start, when the block has ended."""
    numbers: dict[str, float] = {}
    highest, is_over = [0.0], threading.Event()

    def look() -> None:
        while not is_over.wait(SECONDS_BETWEEN_LOOKS):
            highest[0] = max(highest[0], gigabytes_of(tree_of(processes)))

    start, before = time.perf_counter(), _cpu_seconds()
    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield numbers
    finally:
        is_over.set()
        thread.join()
    numbers["seconds"] = time.perf_counter() - start
    numbers["cpu"] = _cpu_seconds() - before
    numbers["memory"] = highest[0]


def _cpu_seconds() -> float:
    """Of this process and of those that it started and that have ended."""
    used = [resource.getrusage(whose) for whose in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def cpu_seconds_of(processes: list[int]) -> float:
    """Of processes that still run."""
    ticks = os.sysconf("SC_CLK_TCK")
    total = 0.0
    for process in tree_of(processes):
        fields = _text(f"/proc/{process}/stat").rpartition(")")[2].split()
        total += (int(fields[11]) + int(fields[12])) / ticks if fields else 0.0
    return total


def tree_of(processes: list[int]) -> list[int]:
    """These processes and all that they started."""
    found: list[int] = []
    waiting = list(processes)
    while waiting:
        process = waiting.pop()
        found.append(process)
        for task in _entries(f"/proc/{process}/task"):
            waiting += [int(child) for child in _text(f"/proc/{process}/task/{task}/children").split()]
    return found


def gigabytes_of(processes: list[int]) -> float:
    """Anonymous and shared memory: what only more memory or swap can hold."""
    kilobytes = 0
    for process in processes:
        for line in _text(f"/proc/{process}/status").splitlines():
            if line.startswith(("RssAnon", "RssShmem")):
                kilobytes += int(line.split()[1])
    return kilobytes * 1024 / 1e9


def _text(path: str) -> str:
    try:
        return Path(path).read_text()
    except OSError:  # it has just ended
        return ""


def _entries(path: str) -> list[str]:
    try:
        return os.listdir(path)
    except OSError:
        return []


def bytes_in(folder: Path) -> int:
    """On the disk, each file once however many names it has."""
    seen: dict[tuple[int, int], int] = {}
    for root, _, names in os.walk(folder):
        for name in names:
            one = os.lstat(os.path.join(root, name))
            seen[one.st_dev, one.st_ino] = one.st_blocks * 512
    return sum(seen.values())


# what is kept

Measured = dict[str, dict[str, float]]  # step -> numbers


def read_measured(place: Path) -> Measured:
    path = place / "measured.json"
    return json.loads(path.read_text()) if path.is_file() else {}


def keep(place: Path, step: str, numbers: dict[str, float]) -> None:
    measured = {**read_measured(place), step: {name: round(value, 4) for name, value in numbers.items()}}
    partial = place / "measured.part.json"
    partial.write_text(json.dumps(measured, indent=1))
    partial.rename(place / "measured.json")
    print(f"  {measured[step]}", flush=True)


def read_all(folder: Path) -> dict[int, Measured]:
    places = sorted((one for one in folder.iterdir() if one.name.isdigit()), key=lambda one: int(one.name))
    return {int(place.name): read_measured(place) for place in places}


def cost(step: str, numbers: dict[str, float], n: int) -> float:
    """Milliseconds of processor time per particle; of training, per particle and epoch."""
    return 1000 * numbers["cpu"] / n / (numbers.get("epochs") or 1)


def table(measured: dict[int, Measured]) -> str:
    """Markdown: a row for each step and size."""
    lines = [
        "| step | particles | wall time | processor time | per particle | memory | disk |",
        "|---|---|---|---|---|---|---|",
    ]
    for step in STEPS:
        smallest: list[float] = []
        for n, steps in measured.items():
            if step not in steps:
                continue
            one = steps[step]
            each = cost(step, one, n)
            smallest = smallest or [each]
            grown = " (grows)" if each > GROWTH * smallest[0] else ""
            large = " (over 8 GB)" if one["memory"] > MAXIMUM_GIGABYTES else ""
            more = f", first click {one['first_click_ms']:.0f} ms" if step == "explore" else ""
            disk = f"{one['disk']:.2f} GB" + (
                f" (at most {one['disk_at_most']:.1f})" if "disk_at_most" in one else ""
            )
            lines.append(
                f"| {step} | {n:,} | {one['seconds']:.1f} s{more} | {one['cpu']:.1f} s | {each:.3f} ms{grown} "
                f"| {one['memory']:.2f} GB{large} | {disk} |"
            )
    return "\n".join(lines)


def write_page(measured: dict[int, Measured]) -> None:
    lines = [
        "# A million particles, from star file to explorer",
        "",
        __doc__.split("\n\n")[2].replace("\n", " "),
        "",
    ]
    lines += [f"Goals: {GOALS}. Box {BOX}, {PIXEL_SIZE} Å, SNR {SNR}.", "", table(measured), ""]
    said = REPORT.read_text(encoding="utf-8") if REPORT.is_file() else ""  # by hand, below the table
    _, mark, remarks = said.partition(REMARKS)
    REPORT.write_text("\n".join(lines) + ("\n" + mark + remarks if mark else ""), encoding="utf-8")


if __name__ == "__main__":
    main()
