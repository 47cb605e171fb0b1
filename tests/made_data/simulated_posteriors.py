"""Particles of two states as exact posteriors of simulated latents."""

import numpy as np

from gem_plugin.landscape.populations import Posteriors

CENTRES = np.array([-1.0, 1.0])


def simulated(
    fraction: float, noise: float, seed: int, n_particles: int = 4000
) -> tuple[Posteriors, np.ndarray, np.ndarray]:
    """Two states of the first latent, seen with noise; the second latent is nearly unknown. 40 micrographs."""
    generator = np.random.default_rng(seed)
    states = (generator.random(n_particles) > fraction).astype(np.int64)
    latents = np.stack([CENTRES[states], generator.normal(size=n_particles)], axis=1)
    variances = np.tile([noise, 50 * noise], (n_particles, 1))
    seen = latents + np.sqrt(variances) * generator.normal(size=latents.shape)
    known = 1 / (1 + variances)
    labels = 1 + (seen[:, 0] > 0).astype(np.int64)
    return Posteriors(known * seen, np.sqrt(variances * known)), labels, np.arange(n_particles) // 100


def two_samples(
    fractions: tuple[float, ...], seed: int, n_particles: int = 2000, noise: float = 0.4
) -> tuple[Posteriors, np.ndarray, np.ndarray, np.ndarray]:
    """Posteriors, labels, samples from 1 and micrographs of 100 particles; the first state has these fractions."""
    parts = [simulated(one, noise, 100 * seed + number, n_particles) for number, one in enumerate(fractions)]
    posteriors = Posteriors(*(np.concatenate([part[0][i] for part in parts]) for i in range(2)))
    samples = np.repeat(np.arange(1, len(parts) + 1), n_particles)
    micrographs = np.concatenate([1000 * number + part[2] for number, part in enumerate(parts)])
    return posteriors, np.concatenate([part[1] for part in parts]), samples, micrographs
