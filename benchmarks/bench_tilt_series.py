"""A tilt-series set of 20,000 particles x 41 tilts in 20,000 stacks: read and checked, then images of single particles. Goal: 4 GB.

python benchmarks/bench_tilt_series.py [--particles 20000] [--folder FOLDER] [--train]

The stacks are holes in files (64 px, float32), so that headers cost what they cost and images come from memory. Time is that of
read_tilt_series and of reading all tilts of 500 particles in random order; memory the highest that the process took.

--train: also an epoch of training with images on disk, in a process of its own. Prepared images are noise (16 kB each on disk), the
cloud is random; memory is that which belongs to the process, without pages of files, sampled every tenth of a second (Linux).
"""

import argparse
import io
import os
import resource
import sys
import tempfile
import threading
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from gem_plugin.heterogeneity.settings import TrainSettings
from gem_plugin.io.gaussian_files import GaussianArrays, write_gaussians
from gem_plugin.io.mrc.header import mrc_header_bytes
from gem_plugin.io.mrc.stacks import write_stack
from gem_plugin.io.run.files import RunFiles
from gem_plugin.notices import listening
from gem_plugin.particles.prepared import ParticleOrigin, save_prepared_table
from gem_plugin.particles.tilt_series import read_tilt_series
from gem_plugin.particles.tilt_series.images import TiltImageReader
from gem_plugin.particles.tilt_series.saved import save_tilt_series, table_of_particles
from gem_plugin.progress import Progress
from gem_plugin.steps.simulate.settings import SimulateSettings
from gem_plugin.steps.simulate.tilt_files import write_relion_project
from gem_plugin.steps.simulate.tilt_truth import draw_truth
from gem_plugin.steps.train.step import run_train

BOX, PIXEL_SIZE, N_TOMOGRAMS, PARTICLES_READ = 64, 3.0, 100, 500
IMAGES_WRITTEN = 1024  # at a time


def write_set(folder: Path, n_particles: int) -> None:
    """Star files of a simulated project, and a stack of holes for every particle."""
    settings = SimulateSettings(
        tilt_series=True,
        n_particles=n_particles,
        box=BOX,
        pixel_size=PIXEL_SIZE,
        tomograms=N_TOMOGRAMS,
        fewest_tilts=41,
        subtomogram_angles=True,
    )
    truth = draw_truth(settings, np.random.default_rng(0))
    write_relion_project(folder, truth, truth.particles.angles, settings)
    n_tilts = len(truth.tomograms[0])
    header = mrc_header_bytes((n_tilts, BOX, BOX), PIXEL_SIZE, False, (0.0, 0.0, 0.0, 0.0))
    for name in truth.particles.names:
        tomogram, number = name.split("/")
        path = folder / "Subtomograms" / tomogram / f"{number}_stack2d.mrcs"
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(path, "wb") as handle:
            handle.write(header)
            handle.truncate(len(header) + n_tilts * BOX * BOX * 4)


def measure(folder: Path) -> str:
    start, processor = time.perf_counter(), time.process_time()
    with listening(lambda notice: None):
        particles = read_tilt_series(folder / "optimisation_set.star")
    took, processor = time.perf_counter() - start, time.process_time() - processor
    n_open = len(os.listdir("/proc/self/fd")) if Path("/proc/self/fd").is_dir() else 0
    chosen = np.random.default_rng(0).permutation(len(particles))[:PARTICLES_READ]
    start = time.perf_counter()
    n_images = 0
    with TiltImageReader(particles) as reader:
        for particle in chosen:
            n_images += len(reader.read(particles.images_of(np.array([particle]))))
    rate = n_images / (time.perf_counter() - start)
    memory = (
        resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024) / 1e9
    )
    return (
        f"{particles.counts}: read and checked in {took:.1f} s ({processor:.1f} s of processor time), {n_open} files open after it; "
        f"images of single particles {rate:,.0f} per s; {memory:.2f} GB"
    )


def train_on_disk(folder: Path, n_gaussians: int = 4800) -> str:
    """An epoch, latents and all, on noise."""
    run = RunFiles(folder / "run")
    with listening(lambda notice: None):
        particles = read_tilt_series(folder / "optimisation_set.star")
    generator = np.random.default_rng(0)
    n_images = len(particles.images)
    run.prepared_tilt_series.parent.mkdir(parents=True)
    save_tilt_series(run.prepared_tilt_series, particles, np.ones(n_images, np.float32))
    origin = ParticleOrigin(particles.path, folder, BOX, PIXEL_SIZE)
    save_prepared_table(run.prepared_table, table_of_particles(particles), np.ones(BOX // 2 + 1), origin)
    noise = generator.standard_normal((IMAGES_WRITTEN, BOX, BOX), np.float32)
    with write_stack(run.prepared_images, PIXEL_SIZE) as stack:
        for start in range(0, n_images, IMAGES_WRITTEN):
            stack.append(noise[: n_images - start])
    run.consensus_gaussians.parent.mkdir()
    positions = generator.normal(0, 20, (n_gaussians, 3)).astype(np.float32)
    ones = np.ones(n_gaussians, np.float32)
    write_gaussians(run.consensus_gaussians, GaussianArrays(positions, 0.1 * ones, 1.5 * ones))
    del particles, noise
    own: list[int] = []
    threading.Thread(target=_sample_memory, args=(own,), daemon=True).start()
    start, processor = time.perf_counter(), time.process_time()
    run_train(run, TrainSettings(epochs=1, cache="disk"), Progress(io.StringIO()))
    return (
        f"training on {n_images:,} images on disk: one epoch and latents in {time.perf_counter() - start:.0f} s "
        f"({time.process_time() - processor:.0f} s of processor time), {max(own) / 1e9:.2f} GB of its own"
    )


def _sample_memory(own: list[int]) -> None:
    while True:
        lines = Path("/proc/self/status").read_text().splitlines()
        own.append(next(int(line.split()[1]) * 1024 for line in lines if line.startswith("RssAnon")))
        time.sleep(0.1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--particles", type=int, default=20_000)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--train", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        write_set(Path(folder), arguments.particles)
        print(measure(Path(folder)))
        if arguments.train:
            with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as processes:
                print(processes.submit(train_on_disk, Path(folder)).result())


if __name__ == "__main__":
    main()
