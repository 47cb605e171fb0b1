"""prepare beside what the machine can do: 200,000 particles of 256 px in 2,000 stacks, to 128 px. Goal: 70 % of it, 1 GB.

python benchmarks/bench_prepare.py [-n 200000] [--stacks 2000] [--names 2] [--views 1] [--box 256] [--folder FOLDER]

Two limits are measured on the same files: reading the bytes of the stacks in order by one thread, and one Fourier transform
of each image forward at the box and one back at the working box, on all processors. The slower one is the limit. Stacks are
dropped from the page cache before each measurement. With --names 2 every two stacks are one file on disk under two names
(hard links, far apart in the particle file), which halves the room; how many bytes came from the disk is printed.

Where other programs run beside it, wall times say little: the processor time of each part is printed too, and how many images
a second it would be if this had all processors to itself.

With --views 14 the particles are those of a D7 complex, expanded: 14 rows an image. Prepare then runs on the set without and
with its copies. Time is wall time of the whole step, memory the highest of its process, in a process of its own.
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from gem_plugin.io.mrc.stacks import write_stack

PIXEL_SIZE = 1.05
GOAL, GOAL_IN_GIGABYTES = 0.7, 1.0
IMAGES_OF_NOISE = 64  # drawn once; stacks hold them moved and mixed
BYTES_OF_A_READ = 2**22
MAXIMUM_BYTES_OF_LIMIT = 20 * 10**9
IMAGES_OF_A_TRANSFORM, ROUNDS_OF_TRANSFORMS = 16, 300
HEADER = """data_optics

loop_
_rlnOpticsGroup #1
_rlnVoltage #2
_rlnSphericalAberration #3
_rlnAmplitudeContrast #4
_rlnImagePixelSize #5
_rlnImageSize #6
_rlnImageDimensionality #7
1 300 2.7 0.1 {pixel_size} {box} 2

data_particles

loop_
_rlnImageName #1
_rlnOpticsGroup #2
_rlnDefocusU #3
_rlnDefocusV #4
_rlnDefocusAngle #5
_rlnAngleRot #6
_rlnAngleTilt #7
_rlnAnglePsi #8
_rlnOriginXAngst #9
_rlnOriginYAngst #10
_rlnRandomSubset #11
"""


def stack_name(number: int) -> str:
    return f"Extract/job012/Movies/mic{number:05d}.mrcs"


def make_stacks(folder: Path, options: argparse.Namespace) -> None:
    """Noise of mean 0 and standard deviation 1 around light discs."""
    random = np.random.default_rng(0)
    box, per_stack = options.box, options.n // options.stacks
    offsets = np.arange(box) - box // 2
    disc = 0.3 * (offsets[:, None] ** 2 + offsets**2 < (box / 4) ** 2)
    noise = random.standard_normal((IMAGES_OF_NOISE, box, box), np.float32)
    n_files = options.stacks // options.names
    (folder / stack_name(0)).parent.mkdir(parents=True)
    for number in range(n_files):
        with write_stack(folder / stack_name(number), PIXEL_SIZE) as writer:
            for _ in range(per_stack):
                first, second = random.integers(IMAGES_OF_NOISE, size=2)
                moved = np.roll(noise[second], random.integers(box, size=2), axis=(0, 1))
                writer.append((np.float32(0.6) * noise[first] + np.float32(0.8) * moved + disc)[None])
        for other in range(number + n_files, options.stacks, n_files):
            os.link(folder / stack_name(number), folder / stack_name(other))


def write_star(path: Path, options: argparse.Namespace, views: int) -> None:
    """Every image once, or in the copies of its pose by D7."""
    from scipy.spatial.transform import Rotation

    from gem_plugin.imaging.symmetry import symmetry_operators

    random = np.random.default_rng(1)
    per_stack = options.n // options.stacks
    operators = symmetry_operators("D7" if views == 14 else "C1")
    matrices = Rotation.random(options.n, random).as_matrix()[:, None] @ operators[None]
    angles = Rotation.from_matrix(matrices.reshape(-1, 3, 3)).inv().as_euler("ZYZ", degrees=True)
    shifts = random.uniform(-3, 3, (options.n, 2))
    defoci = random.uniform(9000, 16000, options.n)
    with open(path, "w", encoding="ascii") as handle:
        handle.write(HEADER.format(pixel_size=PIXEL_SIZE, box=options.box))
        for image in range(options.n):
            name = f"{image % per_stack + 1:06d}@{stack_name(image // per_stack)}"
            start = f"{name} 1 {defoci[image]:.4f} {defoci[image] - 100:.4f} 30.0"
            end = f"{shifts[image, 0]:.4f} {shifts[image, 1]:.4f} {image % 2 + 1}\n"
            for rot, tilt, psi in angles[image * views : (image + 1) * views].tolist():
                handle.write(f"{start} {rot:.6f} {tilt:.6f} {psi:.6f} {end}")


def drop_from_page_cache(folder: Path) -> None:
    for path in sorted(folder.glob("Extract/job012/Movies/*.mrcs")):
        handle = os.open(path, os.O_RDONLY)
        os.fsync(handle)
        os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(handle)


def processor_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def highest_memory_in_gigabytes() -> float:
    """Of this process alone: getrusage counts what the process that started it took before."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    line = next(line for line in status.splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024 / 1e9


def speed(n_images: float, seconds: float, used: float) -> str:
    """Images a second by the clock, and if all processors had worked all the time."""
    per_image = 1e6 * used / n_images
    alone = len(os.sched_getaffinity(0)) * 1e6 / per_image
    return f"{n_images / seconds:.0f} images/s (processor time {per_image:.0f} us an image: {alone:.0f} images/s alone)"


def images_per_second_of_disk(folder: Path, options: argparse.Namespace) -> float:
    """The bytes of the stacks in order, each file once, up to 20 GB."""
    drop_from_page_cache(folder)
    buffer = bytearray(BYTES_OF_A_READ)
    read, start, used = 0, time.perf_counter(), processor_seconds()
    for number in range(options.stacks // options.names):
        with open(folder / stack_name(number), "rb", buffering=0) as handle:
            while count := handle.readinto(buffer):
                read += count
        if read > MAXIMUM_BYTES_OF_LIMIT:
            break
    seconds, n_images = time.perf_counter() - start, read / (4 * options.box**2)
    reading = speed(n_images, seconds, processor_seconds() - used)
    print(f"Disk: {read / 1e9:.1f} GB read at {read / seconds / 1e9:.2f} GB/s, {reading}", flush=True)
    return n_images / seconds


def images_per_second_of_transforms(options: argparse.Namespace) -> float:
    """As torch makes them, one thread a processor."""
    import torch

    n_threads = torch.get_num_threads()
    images = torch.randn(IMAGES_OF_A_TRANSFORM, options.box, options.box)
    half = options.working_box // 2
    small = torch.fft.rfft2(torch.randn(IMAGES_OF_A_TRANSFORM, options.working_box, options.working_box))

    def transform(_: int) -> None:
        torch.fft.rfft2(images)
        torch.fft.irfft2(small, s=(2 * half, 2 * half))

    with ThreadPoolExecutor(n_threads, initializer=torch.set_num_threads, initargs=(1,)) as pool:
        list(pool.map(transform, range(20)))
        start, used = time.perf_counter(), processor_seconds()
        list(pool.map(transform, range(ROUNDS_OF_TRANSFORMS)))
        seconds, used = time.perf_counter() - start, processor_seconds() - used
    n_images = ROUNDS_OF_TRANSFORMS * IMAGES_OF_A_TRANSFORM
    print(f"Transforms: {speed(n_images, seconds, used)}, {n_threads} threads", flush=True)
    return n_images / seconds


def measure(star: Path, options: argparse.Namespace) -> None:
    """Wall time and memory of the step; the last line is for the caller."""
    from gem_plugin.io.run.files import RunFiles
    from gem_plugin.progress import Progress
    from gem_plugin.steps.prepare.settings import PrepareSettings
    from gem_plugin.steps.prepare.step import run_prepare

    run = RunFiles(star.parent / f"run_{star.stem}")
    start, used = time.perf_counter(), processor_seconds()
    numbers = run_prepare(run, PrepareSettings(particles=star, box=options.working_box), Progress())
    seconds, used = time.perf_counter() - start, processor_seconds() - used
    from_disk = resource.getrusage(resource.RUSAGE_SELF).ru_inblock * 512
    print(
        f"{star.name}, {numbers['particles']} rows: {seconds:.1f} s, {speed(options.n, seconds, used)}, "
        f"{from_disk / 1e9:.1f} GB from the disk, stack of {run.prepared_images.stat().st_size / 1e9:.2f} GB, "
        f"peak {highest_memory_in_gigabytes():.2f} GB (goal {GOAL_IN_GIGABYTES} GB)",
        flush=True,
    )
    run.prepared_images.unlink()
    print(seconds)


def seconds_of(star: Path, arguments: list[str]) -> float:
    drop_from_page_cache(star.parent)
    command = [sys.executable, __file__, *arguments, "--measure", str(star)]
    text = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    *lines, last = text.splitlines()
    print("\n".join(lines), flush=True)
    return float(last)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("-n", type=int, default=200_000, help="images")
    parser.add_argument("--stacks", type=int, default=2000)
    parser.add_argument("--names", type=int, default=1, help="of each file on disk")
    parser.add_argument("--views", type=int, default=1, choices=(1, 14), help="14: also expanded by D7")
    parser.add_argument("--box", type=int, default=256)
    parser.add_argument("--working-box", type=int, default=128)
    parser.add_argument("--folder", type=Path, help="where the stacks are made and kept; default: temporary")
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        measure(options.measure, options)
        return
    with tempfile.TemporaryDirectory() as temporary:
        compare(options.folder or Path(temporary), options)


def compare(folder: Path, options: argparse.Namespace) -> None:
    if not (folder / stack_name(0)).is_file():
        make_stacks(folder, options)
    star = folder / "particles.star"
    write_star(star, options, views=1)
    limit = min(images_per_second_of_disk(folder, options), images_per_second_of_transforms(options))
    seconds = seconds_of(star, sys.argv[1:])
    rate = options.n / seconds
    print(f"{rate:.0f} images/s; the slower limit is {limit:.0f}: {rate / limit:.0%} of it (goal {GOAL:.0%})")
    if options.views > 1:
        expanded = folder / "expanded.star"
        write_star(expanded, options, options.views)
        ratio = seconds_of(expanded, sys.argv[1:]) / seconds
        print(f"With {options.views} views an image prepare takes {ratio:.2f} times as long")


if __name__ == "__main__":
    main()
