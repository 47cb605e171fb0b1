"""Checks of the states: does clustering find them again, do the particles support them, does a mask cut them."""

import numpy as np
import torch

from gem_plugin.imaging.resolution import RESOLUTION_FSC, half_transform_radius
from gem_plugin.landscape.checks.diagnostic import Diagnostic
from gem_plugin.landscape.states import build_tree, cut_into_states
from gem_plugin.particles.views import particles_of

N_ROUNDS = 20
KEPT_FRACTION = 0.8
MINIMUM_JACCARD = (
    0.6  # below, a cluster should not be trusted (Hennig 2007, Comput. Stat. Data Anal. 52, 258)
)
MINIMUM_Z_SCORE = (
    4.0  # of the correlation of the two half-differences; a random subset reaches it once in 30,000
)
MINIMUM_DECODED_AGREEMENT = 0.3
MAXIMUM_FRACTION_OUTSIDE = 0.02
DENSITY_FRACTION_OF_MAXIMUM = 0.2  # what counts as molecule


def check_stability(
    distances: np.ndarray,  # (k, k) between the sketch maps
    labels: np.ndarray,  # (k,) from 1
    linkage: str,
    generator: np.random.Generator,
    particle_indices: np.ndarray | None = None,  # (k,) int64: maps of one particle are left out together
) -> list[Diagnostic]:
    """Each state's mean overlap (Jaccard) with the nearest cluster when a fifth of the maps is left out."""
    stability = cluster_jaccards(distances, labels, linkage, generator, particle_indices)
    return [
        Diagnostic(
            f"state {number} is unstable",
            float(value),
            MINIMUM_JACCARD,
            bool(value < MINIMUM_JACCARD),
            f"When a fifth of the maps is left out, state {number} is found again to {value:.0%}.",
            "The border to its neighbours is arbitrary: request another number of states (-M), or merge it.",
        )
        for number, value in enumerate(stability, start=1)
    ]


def cluster_jaccards(
    distances: np.ndarray,
    labels: np.ndarray,
    linkage: str,
    generator: np.random.Generator,
    particle_indices: np.ndarray | None = None,
) -> np.ndarray:  # (states,)
    """Mean over rounds of the largest overlap of each state with any cluster of the subset."""
    n_states, own = int(labels.max()), np.arange(len(labels))
    which, n_particles = particles_of(own, own if particle_indices is None else particle_indices)
    found = []
    for _ in range(N_ROUNDS):
        drawn = generator.permutation(n_particles)[: max(int(KEPT_FRACTION * n_particles), 2)]
        kept = np.flatnonzero(np.isin(which, drawn))
        if len(kept) < n_states:
            continue
        tree = build_tree(distances[np.ix_(kept, kept)], linkage)
        again = cut_into_states(tree, n_states, np.ones(len(kept)))
        found.append([_best_overlap(labels[kept] == number, again) for number in range(1, n_states + 1)])
    return np.nanmean(np.array(found), axis=0)


def _best_overlap(member: np.ndarray, clusters: np.ndarray) -> float:
    if not member.any():
        return float("nan")
    others = [clusters == number for number in np.unique(clusters[member])]
    return max(float((member & other).sum() / (member | other).sum()) for other in others)


def check_against_noise(
    name: str,  # "state 3"
    correlation: float,  # of the half-differences, see half_map_support.py
    z_score: float,
    decoded_agreement: float | None,
) -> list[Diagnostic]:
    """Whether the particles of a state differ from the rest, and in the way that the decoder draws."""
    is_noise = z_score < MINIMUM_Z_SCORE
    compared = "as for a random subset" if is_noise else "more than random subsets reach"
    found = [
        Diagnostic(
            f"{name} may be noise",
            z_score,
            MINIMUM_Z_SCORE,
            is_noise,
            f"The difference of {name} from the map of all particles correlates between its two half-maps: {correlation:.3f}, "
            f"{z_score:.1f} standard errors above zero, {compared}.",
            "Do not interpret this state: its particles, back-projected, do not differ from the rest.",
        )
    ]
    if decoded_agreement is not None and not is_noise:
        is_bad = decoded_agreement < MINIMUM_DECODED_AGREEMENT
        found.append(
            Diagnostic(
                f"decoded map of {name} is not what its particles show",
                decoded_agreement,
                MINIMUM_DECODED_AGREEMENT,
                is_bad,
                f"The decoded difference of {name} agrees with the measured one to {decoded_agreement:.2f} "
                "(1: the same; noise of the measurement lowers it).",
                "Show the reconstructed map of this state, not the decoded one.",
            )
        )
    return found


def check_control(z_score: float) -> Diagnostic:
    """Whether the half-maps of a random subset agree where nothing real can."""
    return Diagnostic(
        "half-maps share noise",
        abs(z_score),
        MINIMUM_Z_SCORE,
        abs(z_score) >= MINIMUM_Z_SCORE,
        f"For a random subset the half-differences agree by {z_score:.1f} standard errors; nothing real can agree there.",
        "The half-sets are not independent: look for duplicate particles, and for half-sets made after the refinement.",
    )


def particles_needed(
    shell_correlation_of_all: np.ndarray,  # (box // 2,) half-maps of all particles
    n_all: int,
    decoded_mean: np.ndarray,  # (box, box, box)
    decoded_difference: np.ndarray,  # (box, box, box): a state less the mean
) -> float:
    """How many particles show a difference of this size in half-maps, given how noisy the map of all is.

    FSC / (1 - FSC) of all half-maps is signal over noise of n_all / 2 particles in each shell. Scaled to the power of
    the difference and averaged with that power, it must reach RESOLUTION_FSC / (1 - RESOLUTION_FSC).
    """
    power, counts = _shell_power(decoded_difference)
    of_mean, _ = _shell_power(decoded_mean)
    inner = slice(1, len(shell_correlation_of_all))
    kept = np.clip(shell_correlation_of_all, 0, 0.999)
    per_particle = kept / (1 - kept) / (n_all / 2) * power / np.maximum(of_mean, 1e-30)
    weight = (power * counts)[inner]
    mean = float((per_particle[inner] * weight).sum() / max(weight.sum(), 1e-30))
    return 2 * RESOLUTION_FSC / (1 - RESOLUTION_FSC) / max(mean, 1e-12)


def _shell_power(volume: np.ndarray) -> tuple[np.ndarray, np.ndarray]:  # (box // 2,) each
    box_size = len(volume)
    shells = half_transform_radius(box_size).round().long().flatten()
    power = torch.fft.rfftn(torch.as_tensor(volume).double()).abs().square().flatten()
    counts = torch.bincount(shells)[: box_size // 2].double()
    sums = torch.bincount(shells, power)[: box_size // 2]
    return (sums / counts).numpy(), counts.numpy()


def check_size(name: str, n_particles: int, needed: float) -> Diagnostic:
    """Whether a state has enough particles for its difference to show."""
    return Diagnostic(
        f"{name} has too few particles",
        n_particles / needed,
        1.0,
        n_particles < needed,
        f"{name.capitalize()} has {n_particles} particles; at this noise about {needed:,.0f} show a difference of its size.",
        "Request fewer states (-M), or collect more particles; its map is the decoder's guess.",
    )


def check_mask(name: str, mask: np.ndarray, state_maps: dict[int, np.ndarray]) -> Diagnostic:
    """Whether a mask cuts through the density of any state."""
    fractions = {number: _fraction_outside(mask, volume) for number, volume in state_maps.items()}
    worst = max(fractions, key=lambda number: fractions[number])
    return Diagnostic(
        f"{name} cuts through motion",
        fractions[worst],
        MAXIMUM_FRACTION_OUTSIDE,
        fractions[worst] > MAXIMUM_FRACTION_OUTSIDE,
        f"{fractions[worst]:.1%} of the density of state {worst} lies outside the {name}.",
        "Make the mask wider (RELION: Mask creation with more extension), so that the moving part stays inside.",
    )


def _fraction_outside(mask: np.ndarray, volume: np.ndarray) -> float:
    density = np.where(volume > DENSITY_FRACTION_OF_MAXIMUM * volume.max(), volume, 0)
    return float((density * (1 - np.clip(mask, 0, 1))).sum() / max(density.sum(), 1e-30))
