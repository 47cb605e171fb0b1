"""Whether the states of landscape-full are those of landscape: how many of their particles they have in common."""

from pathlib import Path

import numpy as np

from gem_plugin.io.run.files import RunFiles

MINIMUM_IN_COMMON = 0.8  # of the particles of either state: then half-maps of one are those of the other


def fractions_in_common(
    states: np.ndarray,  # (n,) int64 from 1; 0: none
    others: np.ndarray,  # (n,)
) -> dict[int, float]:
    """Of the particles that either set has in a state, the fraction that both have there, by state.

    Particles without a state in one of the sets are left out. Empty where the sets are of other particles, or of
    other numbers of states.
    """
    if states.shape != others.shape or states.max(initial=0) != others.max(initial=0):
        return {}
    in_both = (states > 0) & (others > 0)
    n_states = int(states.max(initial=0))
    sizes, other_sizes, common = (
        np.bincount(one, minlength=n_states + 1)[1:]
        for one in (states[in_both], others[in_both], states[in_both & (states == others)])
    )
    either = np.maximum(sizes + other_sizes - common, 1)
    return {number: float(common[number - 1] / either[number - 1]) for number in range(1, n_states + 1)}


def full_states_in_common(run: RunFiles, full_states: Path | None = None) -> dict[int, float]:
    """Of the states of landscape and of landscape-full; empty where the run lacks one of them."""
    paths = run.landscape.particle_states, full_states or run.landscape.full.particle_states
    if not all(path.is_file() for path in paths):
        return {}
    return fractions_in_common(*(np.load(path, allow_pickle=False) for path in paths))
