"""Comparing samples: how often is a difference found where there is none, and how often where 20 are 30 %?

Simulated are latents and their posteriors, as in bench_populations.py: three states, the second with 20 % in the first sample, and
with 20 or 30 % in the second. Micrographs of 100 particles differ in their fractions. In "classes" both samples are in every
micrograph, one of them with a quarter of its particles. --train N makes one set of images of two samples, trains on it
and compares: what the whole chain gives.
"""

import argparse
import time

import numpy as np
from bench_populations import NOISES, Planted, simulate

from gem_plugin.landscape import sample_comparison
from gem_plugin.landscape.populations import Posteriors
from gem_plugin.landscape.sample_comparison import SampleComparison, compare_samples

CENTRES = ((-1.0, 0.0), (0.8, 0.9), (0.8, -0.9))
FRACTIONS = {20: (0.75, 0.20, 0.05), 30: (0.65, 0.30, 0.05)}
SIGNIFICANT = 0.05
DRAWS = 200  # for the intervals of each repeat, instead of 1,000; p-values do not depend on it
SIZES = {  # particles of the two samples
    "3,000 + 3,000": (3000, 3000),
    "1,000 + 5,000": (1000, 5000),
    "1,000 + 1,000": (1000, 1000),
}
CLASSES = "classes, 1,500 + 4,500"


def two_samples(
    size: str, second: int, noise: str, generator: np.random.Generator
) -> tuple[Posteriors, np.ndarray, np.ndarray, np.ndarray]:  # posteriors, labels, samples, micrographs
    if size == CLASSES:
        return _classes(second, noise, generator)
    parts = [
        simulate(Planted(CENTRES, FRACTIONS[percent]), NOISES[noise], n_particles, generator)
        for percent, n_particles in zip((20, second), SIZES[size], strict=True)
    ]
    posteriors = Posteriors(*(np.concatenate([part[0][i] for part in parts]) for i in range(2)))
    samples = np.repeat([1, 2], SIZES[size])
    micrographs = np.concatenate([1_000_000 * number + part[2] for number, part in enumerate(parts)])
    return posteriors, np.concatenate([part[1] for part in parts]), samples, micrographs


def _classes(
    second: int, noise: str, generator: np.random.Generator
) -> tuple[Posteriors, np.ndarray, np.ndarray, np.ndarray]:
    """Each micrograph has its fractions; where the second class differs, some of its particles of state 1 are of state 2."""
    posteriors, labels, micrographs = simulate(
        Planted(CENTRES, FRACTIONS[20]), NOISES[noise], 6000, generator
    )
    samples = np.where(generator.random(6000) < 0.75, 2, 1)
    if second != 20:
        others = simulate(Planted(CENTRES, FRACTIONS[second]), NOISES[noise], 6000, generator)
        is_second = samples == 2
        posteriors = Posteriors(
            *(np.where(is_second[:, None], new, old) for new, old in zip(others[0], posteriors))
        )
        labels = np.where(is_second, others[1], labels)
    return posteriors, labels, samples, micrographs


def measure(size: str, second: int, noise: str, repeats: int) -> None:
    found: list[SampleComparison] = []
    cases = [*SIZES, CLASSES]
    for repeat in range(repeats):
        generator = np.random.default_rng([repeat, cases.index(size), second, list(NOISES).index(noise)])
        found.append(compare_samples(*two_samples(size, second, noise, generator), generator))
    truth = np.subtract(FRACTIONS[second], FRACTIONS[20])
    corrected = np.array([one.corrected_p_values[0] for one in found])
    differences = np.array([one.differences[0] for one in found])
    covered = np.array(
        [(one.difference_lower[0] <= truth) & (truth <= one.difference_upper[0]) for one in found]
    ).mean(axis=0)
    print(
        f"{size:24} {noise:5} {second:3} %  any state {100 * (corrected < SIGNIFICANT).any(axis=1).mean():5.1f} %  "
        f"state 2 {100 * (corrected[:, 1] < SIGNIFICANT).mean():5.1f} %  state 3 {100 * (corrected[:, 2] < SIGNIFICANT).mean():5.1f} %  "
        f"difference of state 2 {100 * differences[:, 1].mean():5.1f} +- {100 * differences[:, 1].std():.1f} %  "
        f"coverage {'/'.join(f'{100 * one:.0f}' for one in covered)}",
        flush=True,
    )


def measure_speed(n_particles: int, n_states: int) -> None:
    """As bench_populations.py, in two samples."""
    generator = np.random.default_rng(0)
    centres = tuple(map(tuple, generator.normal(size=(n_states, 2)) * 1.2))
    fractions = tuple(generator.dirichlet(np.full(n_states, 3.0)))
    posteriors, labels, micrographs = simulate(Planted(centres, fractions), 0.1, n_particles, generator)
    samples = 1 + micrographs % 2
    start, used = time.monotonic(), time.process_time()
    compare_samples(posteriors, labels, samples, micrographs, generator)
    print(
        f"{n_particles:,} particles, {n_states} states, two samples: {time.monotonic() - start:.1f} s, "
        f"processor time {time.process_time() - used:.1f} s"
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repeats", type=int, default=200)
    parser.add_argument("--particles", type=int, default=1_000_000, help="for the time; 0: not measured")
    parser.add_argument("--states", type=int, default=20)
    options = parser.parse_args()
    draws, sample_comparison.N_DRAWS = sample_comparison.N_DRAWS, DRAWS
    for size in [*SIZES, CLASSES] if options.repeats else []:
        for noise in NOISES:
            for second in (20, 30):
                measure(size, second, noise, options.repeats)
    sample_comparison.N_DRAWS = draws
    if options.particles:
        measure_speed(options.particles, options.states)


if __name__ == "__main__":
    main()
