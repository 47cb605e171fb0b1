"""A tilt-series set of 20,000 particles x 41 tilts in 20,000 stacks: read and checked, then images of single particles. Goal: 4 GB.

python benchmarks/bench_tilt_series.py [--particles 20000] [--folder FOLDER]

The stacks are holes in files (64 px, float32), so that headers cost what they cost and images come from memory. Time is that of
read_tilt_series and of reading all tilts of 500 particles in random order; memory the highest that the process took.
"""

import argparse
import os
import resource
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from gem_plugin.io.mrc.header import mrc_header_bytes
from gem_plugin.notices import listening
from gem_plugin.particles.tilt_series import read_tilt_series
from gem_plugin.particles.tilt_series.images import TiltImageReader
from gem_plugin.steps.simulate.settings import SimulateSettings
from gem_plugin.steps.simulate.tilt_files import write_relion_project
from gem_plugin.steps.simulate.tilt_truth import draw_truth

BOX, PIXEL_SIZE, N_TOMOGRAMS, PARTICLES_READ = 64, 3.0, 100, 500


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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--particles", type=int, default=20_000)
    parser.add_argument("--folder", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        write_set(Path(folder), arguments.particles)
        print(measure(Path(folder)))


if __name__ == "__main__":
    main()
