"""Time and memory of the landscape: sketch with states and maps, and exact coordinates of many particles.

  python benchmarks/bench_landscape.py [--box 128] [--gaussians 8000] [--particles 100000] [--whole]

The molecule is a random cloud of the size of an antibody, one quarter of which turns with the latents; nothing is
trained. --whole does all of landscape-full with them: states with maps, Leiden, UMAP, free energy, path. Compilation of
the kernels is part of the time. Results are kept in benchmarks/landscape.md.
"""

import argparse
import resource
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

from gem_plugin.gaussians.cloud import GaussianCloud
from gem_plugin.gaussians.volume import render_volumes
from gem_plugin.io.run.files import RunFiles
from gem_plugin.landscape.exact_coordinates import component_functionals, exact_functionals
from gem_plugin.landscape.volume_source import VolumeSource
from gem_plugin.progress import Progress
from gem_plugin.results.components import VolumeComponents
from gem_plugin.steps.landscape.settings import LandscapeSettings
from gem_plugin.steps.landscape.step import map_landscape
from gem_plugin.steps.landscape_full.settings import LandscapeFullSettings
from gem_plugin.steps.landscape_full.step import map_full_landscape

PIXEL_SIZE_IN_ANGSTROMS = 3.0
MAPS_AT_A_TIME = 4


def turning_source(n_particles: int, n_gaussians: int, box_size: int) -> VolumeSource:
    """Four balls of Gaussians; the last one turns about the z axis."""
    generator = torch.Generator().manual_seed(0)
    centres = torch.tensor([[0.0, 0, 0], [45, 30, 0], [-45, 30, 0], [0, -55, 0]])
    part = torch.arange(n_gaussians) % 4
    rest = torch.randn(n_gaussians, 3, generator=generator) * 12 + centres[part]
    angles = np.random.default_rng(0).uniform(0, 2 * np.pi, n_particles)
    latents = np.stack([np.cos(angles), np.sin(angles), 0 * angles, 0 * angles], axis=1).astype(np.float32)

    def clouds_at(some_latents: np.ndarray) -> GaussianCloud:
        z = torch.as_tensor(np.array(some_latents))
        turn = torch.zeros(len(z), 3, 3)
        turn[:, 0, 0], turn[:, 0, 1], turn[:, 1, 0], turn[:, 1, 1] = z[:, 0], -z[:, 1], z[:, 1], z[:, 0]
        turn[:, 2, 2] = 1
        positions = rest.repeat(len(z), 1, 1)
        moving = part == 3
        positions[:, moving] = torch.einsum("bij,nj->bni", turn, rest[moving])
        return GaussianCloud(positions, torch.ones(len(z), n_gaussians), torch.full((n_gaussians,), 2.1))

    def decode(some_latents: np.ndarray):
        for start in range(0, len(some_latents), MAPS_AT_A_TIME):
            clouds = clouds_at(some_latents[start : start + MAPS_AT_A_TIME])
            yield from render_volumes(clouds, box_size, PIXEL_SIZE_IN_ANGSTROMS).numpy()

    return VolumeSource(
        latents,
        box_size,
        PIXEL_SIZE_IN_ANGSTROMS,
        decode,
        clouds_at,
        PIXEL_SIZE_IN_ANGSTROMS,
        identity="benchmark",
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--box", type=int, default=128)
    parser.add_argument("--gaussians", type=int, default=8000)
    parser.add_argument("--particles", type=int, default=100_000)
    parser.add_argument("--sketch-size", type=int, default=1000)
    parser.add_argument(
        "--timed-particles", type=int, default=None, help="place only so many, and say the rate"
    )
    parser.add_argument("--whole", action="store_true", help="all of landscape-full after that")
    wanted = parser.parse_args()
    source = turning_source(wanted.particles, wanted.gaussians, wanted.box)
    with tempfile.TemporaryDirectory() as folder:
        run = RunFiles(Path(folder))
        files = run.landscape
        settings = LandscapeSettings(sketch_size=wanted.sketch_size, skip_umap=True)
        start = time.perf_counter()
        numbers = map_landscape(source, files, run, settings, Progress())
        report("sketch, mask, components, states, maps, plots", start)
        print(numbers)
        basis = VolumeComponents.load(files)
        weight_maps, _ = component_functionals(basis.pca, basis.mask)
        n_timed = wanted.timed_particles or wanted.particles
        part = turning_source(n_timed, wanted.gaussians, wanted.box)
        start = time.perf_counter()
        exact_functionals(part, weight_maps, Progress().track, "exact coordinates")
        report(f"exact coordinates of {n_timed} particles on {len(weight_maps)} components", start)
        if wanted.whole:
            start = time.perf_counter()
            full = LandscapeFullSettings()
            print(map_full_landscape(source, basis, files, run, full, Progress()))
            report(f"all of landscape-full for {wanted.particles} particles, coordinates once more", start)


def report(what: str, start: float) -> None:
    """One line with the time since start and the peak memory so far."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(f"{what}: {time.perf_counter() - start:.1f} s, peak memory {peak:.2f} GB")


if __name__ == "__main__":
    main()
