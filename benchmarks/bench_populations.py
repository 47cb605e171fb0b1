"""Populations of states: do the 90 % intervals contain the planted fractions, and how long do a million particles take?

Simulated are the latents and their posteriors, not images and trainings: true latents are drawn from planted states, each
posterior is the exact one under Gaussian noise, and the state of a particle is the planted one nearest to its most likely
latents. Micrographs differ in their fractions (a Dirichlet distribution around the planted ones). Coverage is that of the fractions planted,
so it holds for chance in particles and micrographs, and for posteriors that are right.
"""

import argparse
import resource
import time
from typing import NamedTuple

import numpy as np
from scipy.spatial import cKDTree

from gem_plugin.landscape.populations import Posteriors, estimate_populations

NOISES = {"low": 0.1, "high": 0.4}  # variance of the noise of a latent; states are 2 latent units apart
PER_MICROGRAPH = 100
CONCENTRATION = 40.0  # of the Dirichlet distribution: as if a micrograph had 40 independent regions
BARRIER_CROSSED = 0.0021374  # of a basin of standard deviation 0.35 at 1 from the border
SECONDS_ALLOWED = 60


class Planted(NamedTuple):
    centres: tuple[tuple[float, float], ...]
    fractions: tuple[float, ...]
    width: float = 0.05  # standard deviation along the first latent


CASES = {
    "80/15/5": Planted(((-1, 0), (0.8, 0.9), (0.8, -0.9)), (0.8, 0.15, 0.05)),
    "50/50": Planted(((-1, 0), (1, 0)), (0.5, 0.5)),
    "95/5": Planted(((-1, 0), (1, 0)), (0.95, 0.05)),
    "two basins": Planted(((-1, 0), (1, 0)), (0.65, 0.35), 0.35),
}


def simulate(
    planted: Planted, noise: float, n_particles: int, generator: np.random.Generator
) -> tuple[Posteriors, np.ndarray, np.ndarray]:  # posteriors, labels from 1, micrographs
    """Latents: 1 and 2 separate the states, 3 is a motion that all share, 4 is nearly unknown."""
    centres = np.array(planted.centres)
    micrographs = np.arange(n_particles) // PER_MICROGRAPH
    fractions = generator.dirichlet(np.array(planted.fractions) * CONCENTRATION, micrographs[-1] + 1)
    drawn = generator.random(n_particles)[:, None] > np.cumsum(fractions, axis=1)[micrographs]
    states = np.minimum(drawn.sum(axis=1), len(centres) - 1)
    latents = generator.normal(size=(n_particles, 4)) * [planted.width, 0.3, 0.8, 1]
    latents[:, :2] += centres[states]
    factor = np.exp(0.3 * generator.normal(size=(n_particles, 1)))  # images differ in thickness and defocus
    posteriors = posteriors_of(latents, noise * factor * [1, 1, 0.5, 50], generator)
    return posteriors, 1 + _nearest(posteriors, centres), micrographs


def posteriors_of(latents: np.ndarray, noise: np.ndarray, generator: np.random.Generator) -> Posteriors:
    """Exact posteriors under a standard normal prior of latents that were seen with noise of these variances."""
    seen = latents + np.sqrt(noise) * generator.normal(size=latents.shape)
    known = 1 / (1 + noise)
    return Posteriors((known * seen).astype(np.float32), np.sqrt(noise * known).astype(np.float32))


def _nearest(posteriors: Posteriors, centres: np.ndarray) -> np.ndarray:  # (n,) from 0
    axes = centres.shape[1]
    seen = posteriors.means[:, :axes] / (1 - posteriors.standard_deviations[:, :axes] ** 2)
    return cKDTree(centres).query(seen)[1]


def planted_fractions(planted: Planted) -> np.ndarray:
    """On each side of the border: a basin reaches over it a little."""
    fractions = np.array(planted.fractions)
    if planted.width < 0.1:
        return fractions
    return fractions + BARRIER_CROSSED * (fractions[::-1] - fractions)


def measure_coverage(name: str, noise: str, n_particles: int, repeats: int) -> None:
    planted = CASES[name]
    truth = planted_fractions(planted)
    found = []
    for repeat in range(repeats):
        generator = np.random.default_rng([repeat, list(CASES).index(name), list(NOISES).index(noise)])
        found.append(
            estimate_populations(*simulate(planted, NOISES[noise], n_particles, generator), generator)
        )
    covered = np.array([(one.lower <= truth) & (truth <= one.upper) for one in found]).mean(axis=0)
    print(
        f"{name:11} {noise:5} {_texts(truth):20} {_texts(np.mean([one.counted for one in found], axis=0)):20} "
        f"{_texts(np.mean([one.fractions for one in found], axis=0)):20} "
        f"{_texts(np.mean([(one.upper - one.lower) / 2 for one in found], axis=0)):20} {_texts(covered, 0)}",
        flush=True,
    )


def _texts(fractions: np.ndarray, digits: int = 1) -> str:
    return "/".join(f"{100 * fraction:.{digits}f}" for fraction in fractions)


def measure_speed(n_particles: int, n_states: int) -> None:
    generator = np.random.default_rng(0)
    centres = generator.normal(size=(n_states, 3)) * 1.2
    states = generator.choice(n_states, n_particles, p=generator.dirichlet(np.full(n_states, 3.0)))
    latents = 0.05 * generator.normal(size=(n_particles, 4))
    latents[:, :3] += centres[states]
    noise = 0.1 * np.exp(0.3 * generator.normal(size=(n_particles, 1))) * [1, 1, 1, 50]
    posteriors = posteriors_of(latents, noise, generator)
    labels = 1 + _nearest(posteriors, centres)
    start, used = time.monotonic(), time.process_time()
    found = estimate_populations(posteriors, labels, np.arange(n_particles) // PER_MICROGRAPH, generator)
    seconds, used = time.monotonic() - start, time.process_time() - used
    truth = np.bincount(states, minlength=n_states) / n_particles
    print(
        f"{n_particles:,} particles, {n_states} states: {seconds:.1f} s (goal {SECONDS_ALLOWED}), processor time {used:.1f} s, "
        f"peak {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6:.2f} GB; largest error {100 * abs(found.fractions - truth).max():.2f} %, "
        f"of counting {100 * abs(found.counted - truth).max():.2f} %"
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repeats", type=int, default=200)
    parser.add_argument("-n", type=int, default=6000, help="particles of each repeat")
    parser.add_argument("--particles", type=int, default=1_000_000, help="for the time; 0: not measured")
    parser.add_argument("--states", type=int, default=20)
    options = parser.parse_args()
    if options.repeats:
        print(
            "planted     noise truth                counted              by likelihood        half-width           coverage (goal 85 to 95 %)"
        )
    for name in CASES if options.repeats else ():
        for noise in NOISES:
            measure_coverage(name, noise, options.n, options.repeats)
    if options.particles:
        measure_speed(options.particles, options.states)


if __name__ == "__main__":
    main()
