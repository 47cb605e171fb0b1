"""A star file of 5,000,000 particles, read and checked as `gem-em prepare` does before its first image. Goal: 60 s, 6 GB.

python benchmarks/bench_star.py [--particles 5000000] [--views 1] [--folder FOLDER]

The file has the columns of a Refine3D job of RELION 4 (26, about 0.3 kB a row) and stacks of 100 images each, of which only
the headers are read (their images are holes in the files). With --views 14 it is expanded: 14 rows an image. Time is from
the call of prepare to the first look at an image, memory the highest that the process took, both in a process of its own.
"""

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from gem_plugin.io.mrc.header import HEADER_BYTES, mrc_header_bytes

BOX, PIXEL_SIZE, IMAGES_PER_STACK = 64, 1.05, 100
GOAL_IN_SECONDS, GOAL_IN_GIGABYTES = 60, 6.0
ROWS_AT_A_TIME = 50_000
OPTICS = f"""
# version 30001

data_optics

loop_
_rlnOpticsGroupName #1
_rlnOpticsGroup #2
_rlnVoltage #3
_rlnSphericalAberration #4
_rlnAmplitudeContrast #5
_rlnImagePixelSize #6
_rlnImageSize #7
_rlnImageDimensionality #8
opticsGroup1            1   300.000000     2.700000     0.100000     {PIXEL_SIZE:.6f}           {BOX}            2


# version 30001

data_particles

loop_
"""
NUMBERS = {  # label and how its values are drawn
    "_rlnCoordinateX": (0, 4000),
    "_rlnCoordinateY": (0, 4000),
    "_rlnAutopickFigureOfMerit": (0, 1),
    "_rlnCtfMaxResolution": (3, 5),
    "_rlnCtfFigureOfMerit": (0, 1),
    "_rlnDefocusU": (9000, 16000),
    "_rlnDefocusV": (9000, 16000),
    "_rlnDefocusAngle": (-90, 90),
    "_rlnCtfBfactor": (0, 0),
    "_rlnCtfScalefactor": (1, 1),
    "_rlnPhaseShift": (0, 0),
    "_rlnAngleRot": (-180, 180),
    "_rlnAngleTilt": (0, 180),
    "_rlnAnglePsi": (-180, 180),
    "_rlnOriginXAngst": (-5, 5),
    "_rlnOriginYAngst": (-5, 5),
    "_rlnNormCorrection": (0.5, 1.5),
    "_rlnLogLikeliContribution": (1e4, 9e4),
    "_rlnMaxValueProbDistribution": (0, 1),
}
WHOLE_NUMBERS = {
    "_rlnOpticsGroup": (1, 2),
    "_rlnGroupNumber": (1, 5000),
    "_rlnClassNumber": (1, 2),
    "_rlnNrOfSignificantSamples": (1, 50),
    "_rlnRandomSubset": (1, 3),
}
TEXTS = ("_rlnImageName", "_rlnMicrographName")


def stack_name(number: int) -> str:
    return f"Extract/job012/Movies/FoilHole_{7_000_000 + number}_Data_{5_000_000 + number}_fractions.mrcs"


def write_star(path: Path, n_rows: int, views: int) -> None:
    random = np.random.default_rng(0)
    labels = [*TEXTS, *NUMBERS, *WHOLE_NUMBERS]
    line = "%s %s " + " ".join(["%12.6f"] * len(NUMBERS) + ["%12d"] * len(WHOLE_NUMBERS)) + " \n"
    with open(path, "w", encoding="ascii") as handle:
        handle.write(OPTICS + "".join(f"{label} #{number}\n" for number, label in enumerate(labels, 1)))
        for start in range(0, n_rows, ROWS_AT_A_TIME):
            rows = np.arange(start, min(start + ROWS_AT_A_TIME, n_rows))
            images = rows // views
            stacks = [stack_name(number) for number in (images // IMAGES_PER_STACK).tolist()]
            columns = [
                [f"{slice_ + 1:06d}@{stack}" for slice_, stack in zip(images % IMAGES_PER_STACK, stacks)],
                [stack.replace("Extract/job012/Movies", "MotionCorr/job002/Movies")[:-1] for stack in stacks],
            ]
            for label, (lowest, highest) in NUMBERS.items():
                of_image = not label.startswith(("_rlnAngle", "_rlnOrigin"))
                values = random.uniform(lowest, highest, len(rows))
                columns.append((values[np.searchsorted(images, images)] if of_image else values).tolist())
            columns += [random.integers(*limits, len(rows)).tolist() for limits in WHOLE_NUMBERS.values()]
            handle.writelines(line % values for values in zip(*columns))


def make_stacks(folder: Path, n_images: int) -> None:
    """Stacks with a header and holes for images."""
    header = mrc_header_bytes((IMAGES_PER_STACK, BOX, BOX), PIXEL_SIZE, False, (0, 0, 0, 1))
    for number in range(-(-n_images // IMAGES_PER_STACK)):
        path = folder / stack_name(number)
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(path, "wb") as handle:
            handle.write(header)
            handle.truncate(HEADER_BYTES + IMAGES_PER_STACK * BOX**2 * 4)


def highest_memory_in_gigabytes() -> float:
    """Of this process alone: getrusage counts what the process that started it took before."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    line = next(line for line in status.splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024 / 1e9


def measure(folder: Path) -> None:
    """Prepare, up to its first image."""
    from gem_plugin.io.run.files import RunFiles
    from gem_plugin.progress import Progress
    from gem_plugin.steps.prepare.settings import PrepareSettings
    from gem_plugin.steps.prepare.step import run_prepare

    class AtFirstImageError(Exception):
        pass

    class UpToImages(Progress):
        def track(self, items, description, total=None, unit="step"):
            if description == "Inspecting some images":
                raise AtFirstImageError
            return super().track(items, description, total, unit)

    start = time.perf_counter()
    try:
        run_prepare(
            RunFiles(folder / "run"),
            PrepareSettings(particles=folder / "run_data.star", box=16),
            UpToImages(),
        )
    except AtFirstImageError:
        seconds = time.perf_counter() - start
    used = resource.getrusage(resource.RUSAGE_SELF)
    print(
        f"{(folder / 'run_data.star').stat().st_size / 1e9:.2f} GB of text read and checked in {seconds:.1f} s "
        f"(goal {GOAL_IN_SECONDS} s; processor time {used.ru_utime + used.ru_stime:.1f} s), "
        f"peak {highest_memory_in_gigabytes():.2f} GB (goal {GOAL_IN_GIGABYTES} GB)",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--particles", type=int, default=5_000_000, help="rows of the star file")
    parser.add_argument("--views", type=int, default=1, help="rows an image")
    parser.add_argument("--folder", type=Path, help="where the files are made and kept; default: temporary")
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        measure(options.measure)
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary)
        if not (folder / "run_data.star").is_file():
            make_stacks(folder, -(-options.particles // options.views))
            write_star(folder / "run_data.star", options.particles, options.views)
        subprocess.run([sys.executable, __file__, "--measure", str(folder)], check=True)


if __name__ == "__main__":
    main()
