"""outliers.npy: the probability of each particle to be an outlier: noise alone, or no molecule where its pose says.

Training estimates it. The file is absent in runs of earlier versions and where it was turned off. Outliers stay as rows
everywhere and can be selected; they are in no state and in no population, as the particles of excluded.csv.
"""

import numpy as np

from gem_plugin.errors import InputError
from gem_plugin.io.array_files import read_array, write_array
from gem_plugin.io.run.excluded import used_particles
from gem_plugin.io.run.files import RunFiles

MINIMUM_PROBABILITY = 0.5  # above which a particle is an outlier
MADE_BY = "gem-em train"


def read_outliers(run: RunFiles, n_particles: int) -> np.ndarray | None:  # (n,) float32
    """The probabilities; None where training left none. InputError where they are of other particles."""
    if not run.outliers.is_file():
        return None
    probabilities = read_array(run.outliers, MADE_BY)
    if probabilities.shape != (n_particles,):
        raise InputError(
            f"{run.outliers} has the shape {probabilities.shape}; expected one number for each of {n_particles} particles. "
            f"Run `{MADE_BY} {run.root}` again."
        )
    if not ((probabilities >= 0) & (probabilities <= 1)).all():
        raise InputError(
            f"{run.outliers} holds values outside 0 to 1; expected probabilities. Run `{MADE_BY} {run.root}` again."
        )
    return probabilities


def write_outliers(run: RunFiles, probabilities: np.ndarray) -> None:  # (n,)
    """Replace the probabilities, in the order of the input."""
    write_array(run.outliers, probabilities.astype(np.float32))


def is_outlier(run: RunFiles, n_particles: int) -> np.ndarray:  # (n,) bool
    """Particles that are more probably outliers than not; none where training left no probabilities."""
    probabilities = read_outliers(run, n_particles)
    if probabilities is None:
        return np.zeros(n_particles, dtype=bool)
    return probabilities > MINIMUM_PROBABILITY


def count_in_states(run: RunFiles, n_particles: int) -> np.ndarray:  # (n,) bool
    """True for the particles that may be in states: neither excluded nor outliers. All may be False."""
    return used_particles(run, n_particles) & ~is_outlier(run, n_particles)


def particles_in_states(run: RunFiles, n_particles: int) -> np.ndarray:  # (n,) bool
    """The same, for steps that need at least one such particle: InputError where all are outliers."""
    counted = count_in_states(run, n_particles)
    if n_particles and not counted.any():
        raise InputError(
            f"All {n_particles:,} particles of {run.root} are excluded or look like outliers ({run.outliers.name}), so there are no "
            "states. Check the contrast (--invert-contrast), the poses and the map, or train with --no-outliers."
        )
    return counted


def outliers_in_words(run: RunFiles, n_particles: int) -> str:
    """A sentence on how many there are; empty where there are none. Excluded particles are not counted."""
    n_outliers = int((is_outlier(run, n_particles) & used_particles(run, n_particles)).sum())
    if not n_outliers:
        return ""
    fraction = f"{n_outliers / n_particles:.1%}".replace("%", " %")
    verb, are = ("looks", "is") if n_outliers == 1 else ("look", "are")
    who = "it" if n_outliers == 1 else "they"
    return (
        f"{n_outliers:,} of {n_particles:,} particles ({fraction}) {verb} like noise or {'lies' if n_outliers == 1 else 'lie'} "
        f"elsewhere; {who} {are} in no state."
    )
