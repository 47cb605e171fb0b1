"""The conformation that an atomic model shows, among those of the particles: from there its atoms are moved."""

import numpy as np

from gem_plugin.landscape.motion.atoms import agreement_with_model
from gem_plugin.landscape.volume_source import VolumeSource
from gem_plugin.progress import Track, untracked

CONFORMATIONS_COMPARED = 200
PARTICLES_OF_A_MEAN = 50  # whose Gaussians are averaged; more change nothing that can be seen
Clouds = tuple[np.ndarray, np.ndarray]  # positions (k, n, 3), amplitudes (k, n)


def reference_for(
    atoms: np.ndarray,
    source: VolumeSource,
    generator: np.random.Generator,
    track: Track = untracked,
    rows: np.ndarray | None = None,  # (k,) int64: neither excluded nor outliers; default: all
) -> Clouds:
    """The conformation that the model shows: of the mean and some particles the one with most density at the atoms.

    Where a part goes all around, the mean shows it nowhere, and a model was fitted to one of its positions.
    """
    rows = np.arange(source.n_particles) if rows is None else rows
    mean = mean_cloud(source, rows, generator)
    chosen = np.sort(generator.permutation(rows)[:CONFORMATIONS_COMPARED])
    some = clouds_of(source, source.latents[chosen])
    positions, amplitudes = (np.concatenate(pair) for pair in zip(mean, some, strict=True))
    best = int(agreement_with_model(atoms, positions, amplitudes, track).argmax())
    return positions[best : best + 1], amplitudes[best : best + 1]


def clouds_of(source: VolumeSource, latents: np.ndarray) -> Clouds:
    """The Gaussians at points of the latent space."""
    assert source.clouds_at is not None
    cloud = source.clouds_at(latents.astype(np.float32))
    positions = cloud.positions.double().cpu().numpy()
    amplitudes = cloud.amplitudes.double().cpu().numpy()
    return positions, np.broadcast_to(amplitudes, positions.shape[:2])


def mean_cloud(source: VolumeSource, rows: np.ndarray, generator: np.random.Generator) -> Clouds:
    """The mean of the Gaussians of some of the rows."""
    chosen = np.sort(generator.permutation(rows)[:PARTICLES_OF_A_MEAN])
    positions, amplitudes = clouds_of(source, source.latents[chosen])
    return positions.mean(0, keepdims=True), amplitudes.mean(0, keepdims=True)
