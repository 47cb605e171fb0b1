"""One epoch over a million particles with images on disk: peak memory and cost per particle.

python benchmarks/bench_large_set.py [-n 1000000] [--box 16]
"""

import argparse
import resource
import tempfile
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from gem_plugin.heterogeneity.settings import TrainSettings
from gem_plugin.io.gaussian_files import GaussianArrays, write_gaussians
from gem_plugin.io.mrc.stacks import write_stack
from gem_plugin.io.run.files import RunFiles
from gem_plugin.particles.prepared import ParticleOrigin, save_prepared_table
from gem_plugin.particles.table import ParticleTable
from gem_plugin.progress import Progress
from gem_plugin.steps.train import step as train

PIXEL_SIZE = 12.0
CHUNK = 50_000


def make_run(run: RunFiles, n: int, box: int) -> None:
    """Noise images and random poses, in the form that prepare leaves."""
    generator = np.random.default_rng(0)
    with write_stack(run.prepared_images, PIXEL_SIZE) as writer:
        for start in range(0, n, CHUNK):
            writer.append(generator.standard_normal((min(CHUNK, n - start), box, box), dtype=np.float32))
    one = np.ones(n, np.float32)
    names = np.array([f"{row + 1:07d}@noise.mrcs" for row in range(n)], dtype=object)
    table = ParticleTable(
        names, np.full(n, "noise.mrcs", dtype=object), np.arange(n), Rotation.random(n, random_state=0).as_matrix().astype(np.float32),
        np.zeros((n, 2), np.float32), 15000 * one, 15000 * one, 0 * one, 0 * one, 0 * one, one, 300 * one, 2.7 * one, 0.1 * one, one,
        (np.arange(n) % 2 + 1).astype(np.int8), np.ones(n, np.int64), PIXEL_SIZE, box,
    )  # fmt: skip
    origin = ParticleOrigin(run.root / "particles.star", None, box, PIXEL_SIZE)
    save_prepared_table(run.prepared_table, table, np.ones(box // 2 + 1), origin)
    positions = generator.standard_normal((300, 3)).astype(np.float32) * box * PIXEL_SIZE / 8
    width = np.full(300, 0.7 * PIXEL_SIZE, np.float32)
    write_gaussians(run.consensus_gaussians, GaussianArrays(positions, np.full(300, 0.05, np.float32), width))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("-n", type=int, default=1_000_000)
    parser.add_argument("--box", type=int, default=16)
    arguments = parser.parse_args()
    train._write_particles = lambda run, latents: None  # there is no star file behind this set
    for n in sorted({min(10_000, arguments.n), arguments.n}):
        with tempfile.TemporaryDirectory() as folder:
            run = RunFiles(Path(folder))
            make_run(run, n, arguments.box)
            settings = TrainSettings(epochs=1, batch_size=256, cache="disk", encoder_box=16)
            numbers = train.run_train(run, settings, Progress())
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
        print(
            f"{n} particles: {numbers['particles_per_second']} particles/s, peak memory {peak:.2f} GB (goal 3)",
            flush=True,
        )


if __name__ == "__main__":
    main()
