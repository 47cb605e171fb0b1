"""Whether samples (two preparations, two ligands, two optics groups) differ in the fractions of their states.

All samples have one model: the support points and kernels of populations.py come from all particles together, and each sample
gets weights of its own, with intervals from drawing its micrographs again. The differences of two samples are tested by
permutation. Under the weights of all particles, each particle has expected memberships r of the states. Their
sums over the particles of a sample, corrected by the confusion of the states M_jk = sum r_j r_k / sum r_k, are the first step
from the common fractions to those of the sample. If samples are the same, these sums do not depend on which
micrographs belong to which sample, whatever the model is: so the samples of micrographs are permuted, and the
difference over its standard error (A. Janssen, Stat. Probab. Lett. 36, 9, 1997) is compared with its values under permutation.
The p-values of the states of two samples are corrected for their number by the maximum of all, step down (P. H. Westfall and
S. S. Young, Resampling-Based Multiple Testing, 1993, algorithm 4.1), and then multiplied by the number of pairs of samples.
"""

from dataclasses import dataclass
from itertools import combinations
from typing import NamedTuple

import numpy as np

from gem_plugin.errors import InputError
from gem_plugin.landscape.mixing_weights import fit_weights
from gem_plugin.landscape.permutation_test import Units, permuted_p_values
from gem_plugin.landscape.populations import (
    LARGEST_TOGETHER,
    MINIMUM_BLOCKS,
    N_BLOCKS,
    N_DRAWS,
    N_FITS,
    FitOfStates,
    Posteriors,
    StateModel,
    across_borders,
    check_lengths,
    fit_states,
    interval_of,
    mean_of_fits,
    model_of_states,
    row_chunks,
)

SMALLEST_SINGULAR_VALUE = (
    1e-3  # of the confusion of the states, over the largest: states that are the same in all images
)


@dataclass(frozen=True, eq=False)
class SampleComparison:
    """Fractions of k states in s samples and differences in p pairs of samples; limits are those of the 90 % intervals."""

    n_particles: np.ndarray  # (s,) int64 in states
    n_groups: np.ndarray  # (s,) int64: micrographs, or what was drawn
    counted: np.ndarray  # (s, k) fractions by counting labels
    fractions: np.ndarray  # (s, k) by maximum likelihood; each row sums to 1
    lower: np.ndarray  # (s, k)
    upper: np.ndarray  # (s, k)
    largest_influences: (
        np.ndarray
    )  # (s,) 0 to 1: fraction of the variance of any state that is from one group
    pairs: np.ndarray  # (p, 2) int64: samples from 0
    differences: np.ndarray  # (p, k): second less first
    difference_lower: np.ndarray  # (p, k)
    difference_upper: np.ndarray  # (p, k)
    p_values: np.ndarray  # (p, k): two-sided, of this state alone
    corrected_p_values: np.ndarray  # (p, k): for the numbers of states and pairs
    smallest_p_values: np.ndarray  # (p,): what the corrected one cannot be below, by the number of groups


def compare_samples(
    posteriors: Posteriors | None,  # None: nothing is known of the uncertainty, and labels are counted
    labels: np.ndarray,  # (n,) int64 from 1; 0: not counted
    samples: np.ndarray,  # (n,) int64 from 1; 0: in none
    groups: np.ndarray,  # (n,) int64: rows of one micrograph have one number
    generator: np.random.Generator,
    weights: np.ndarray | None = None,  # (n,): 1 over the number of views of the particle
) -> SampleComparison:
    """Fractions of every sample, and which differ between two samples.

    Raises InputError where the arrays have different lengths, or fewer than two samples have particles in states.
    """
    check_lengths(posteriors, labels, groups, weights)
    check_lengths(None, labels, samples, None)
    rows = np.flatnonzero((labels > 0) & (samples > 0))
    n_samples, n_states = int(samples.max(initial=0)), int(labels.max())
    sizes = np.bincount(samples[rows], minlength=n_samples + 1)[1:]
    if n_samples < 2 or (sizes == 0).any():
        raise InputError(
            f"{int((sizes > 0).sum())} of {n_samples} samples have particles in states; expected at least two samples, none without "
            "particles. Compare by another column."
        )
    data = _Data(
        labels[rows] - 1,
        samples[rows] - 1,
        np.ones(len(rows)) if weights is None else weights[rows].astype(np.float64),
        n_states,
        n_samples,
    )
    units, unit_of_row = _units(groups[rows], data.samples, n_samples, generator)
    fits = _fits(posteriors, rows, data, units, unit_of_row, generator)
    return _compared(data, units, fits, generator)


class _Data(NamedTuple):
    states: np.ndarray  # (m,) from 0
    samples: np.ndarray  # (m,) from 0
    counts: np.ndarray  # (m,)
    n_states: int
    n_samples: int


class _Fits(NamedTuple):
    of_samples: list[list[FitOfStates]]  # of every sample
    memberships: np.ndarray  # (units, k): expected, summed over the rows of each unit
    sizes: np.ndarray  # (units,)
    are_apart: bool


def _units(
    groups: np.ndarray, samples: np.ndarray, n_samples: int, generator: np.random.Generator
) -> tuple[Units, np.ndarray]:  # and (m,) int64: the unit of each row
    """One unit for each micrograph and sample in it; of more micrographs than N_BLOCKS of one kind, some are joined at random."""
    _, which = np.unique(groups, return_inverse=True)
    which = which.reshape(-1)
    n_groups = int(which.max()) + 1
    holds = np.zeros((n_groups, n_samples), bool)
    holds[which, samples] = True
    kinds = np.unique(holds, axis=0, return_inverse=True)[1].reshape(-1)  # which samples a micrograph holds
    block = np.empty(n_groups, np.int64)
    n_blocks = 0
    for kind in range(int(kinds.max()) + 1):
        members = generator.permutation(np.flatnonzero(kinds == kind))
        block[members] = n_blocks + np.arange(len(members)) % N_BLOCKS
        n_blocks += min(len(members), N_BLOCKS)
    cells, unit_of_row = np.unique(block[which] * n_samples + samples, return_inverse=True)
    return Units(cells // n_samples, cells % n_samples), unit_of_row.reshape(-1)


def _fits(
    posteriors: Posteriors | None,
    rows: np.ndarray,
    data: _Data,
    units: Units,
    unit_of_row: np.ndarray,
    generator: np.random.Generator,
) -> _Fits:
    """All fits of all samples. In large sets each takes a quarter of the units of every sample."""
    of_samples: list[list[FitOfStates]] = [[] for _ in range(data.n_samples)]
    memberships = np.zeros((len(units.samples), data.n_states))
    if posteriors is None:
        model = StateModel(
            np.eye(data.n_states, dtype=np.float32)[data.states], np.arange(data.n_states), data.n_states
        )
        everything = np.arange(len(rows))
        memberships += _fit_samples(model, everything, data, unit_of_row, of_samples, N_DRAWS, generator)
        return _Fits(of_samples, memberships, np.bincount(unit_of_row, data.counts), False)
    means, information = across_borders(posteriors, rows, data.states, generator)
    part_of_unit = _ranks_in_samples(units.samples) % N_FITS
    n_units = np.bincount(units.samples)
    are_apart = len(rows) > LARGEST_TOGETHER and int(n_units.min()) >= N_FITS * MINIMUM_BLOCKS
    for number in range(N_FITS):
        part = np.flatnonzero(part_of_unit[unit_of_row] == number) if are_apart else np.arange(len(rows))
        model = model_of_states(means[part], information[part], data.states[part], data.n_states, generator)
        n_draws = N_DRAWS // N_FITS
        found = _fit_samples(model, part, data, unit_of_row, of_samples, n_draws, generator)
        memberships += found if are_apart else found / N_FITS
    return _Fits(of_samples, memberships, np.bincount(unit_of_row, data.counts), are_apart)


def _ranks_in_samples(samples: np.ndarray) -> np.ndarray:
    """The how manieth unit of its sample each is."""
    ranks = np.empty(len(samples), np.int64)
    for sample in np.unique(samples):
        members = np.flatnonzero(samples == sample)
        ranks[members] = np.arange(len(members))
    return ranks


def _fit_samples(
    model: StateModel,  # of the rows of the part
    part: np.ndarray,  # (m',) rows
    data: _Data,
    unit_of_row: np.ndarray,
    of_samples: list[list[FitOfStates]],  # to which a fit of each sample is added
    n_draws: int,
    generator: np.random.Generator,
) -> np.ndarray:  # (units, k): memberships, summed over each unit
    samples, counts, unit = data.samples[part], data.counts[part], unit_of_row[part]
    for sample, fits in enumerate(of_samples):
        chosen = np.flatnonzero(samples == sample)
        of_sample = model._replace(likelihoods=model.likelihoods[chosen])
        fits.append(fit_states(of_sample, counts[chosen], unit[chosen], n_draws, generator))
    return _corrected_memberships(model, counts, unit, int(unit_of_row.max()) + 1)


def _corrected_memberships(
    model: StateModel, counts: np.ndarray, unit: np.ndarray, n_units: int
) -> np.ndarray:
    """Expected memberships under the weights of all rows, summed over units, less what the overlap of the states confuses."""
    weights = fit_weights(model.likelihoods, counts).weights
    weights_of_states = (weights[:, None] * np.eye(model.n_states)[model.state_of_point]).astype(np.float32)
    sums, products = np.zeros((n_units, model.n_states)), np.zeros((model.n_states, model.n_states))
    for chunk in row_chunks(len(counts)):
        joint = (model.likelihoods[chunk] @ weights_of_states).astype(np.float64)
        memberships = joint / np.maximum(joint.sum(axis=1, keepdims=True), np.finfo(np.float64).tiny)
        weighted = memberships * counts[chunk, None]
        products += weighted.T @ memberships
        for state in range(model.n_states):
            sums[:, state] += np.bincount(unit[chunk], weighted[:, state], n_units)
    totals = sums.sum(axis=0)
    confusion = np.where(totals > 0, products / np.where(totals > 0, totals, 1), np.eye(model.n_states))
    return sums @ np.linalg.pinv(confusion, rcond=SMALLEST_SINGULAR_VALUE).T


def _compared(data: _Data, units: Units, fits: _Fits, generator: np.random.Generator) -> SampleComparison:
    together = [mean_of_fits(of_sample, fits.are_apart, generator) for of_sample in fits.of_samples]
    limits = [interval_of(fractions, drawn) for fractions, drawn in together]
    pairs = list(combinations(range(data.n_samples), 2))
    tests = [permuted_p_values(fits.memberships, fits.sizes, units, pair, generator) for pair in pairs]
    differences, difference_limits = [], []
    for first, second in pairs:
        differences.append(together[second][0] - together[first][0])
        difference_limits.append(interval_of(differences[-1], together[second][1] - together[first][1]))
    sizes = np.bincount(data.samples, data.counts, data.n_samples)
    counted = np.stack(
        [
            np.bincount(
                data.states[data.samples == sample], data.counts[data.samples == sample], data.n_states
            )
            for sample in range(data.n_samples)
        ]
    )
    return SampleComparison(
        n_particles=np.bincount(data.samples, minlength=data.n_samples),
        n_groups=np.bincount(units.samples, minlength=data.n_samples),
        counted=counted / sizes[:, None],
        fractions=np.array([fractions for fractions, _ in together]),
        lower=np.array([lower for lower, _ in limits]),
        upper=np.array([upper for _, upper in limits]),
        largest_influences=np.array(
            [max(one.largest_influence for one in of_sample) for of_sample in fits.of_samples]
        ),
        pairs=np.array(pairs, np.int64),
        differences=np.array(differences),
        difference_lower=np.array([lower for lower, _ in difference_limits]),
        difference_upper=np.array([upper for _, upper in difference_limits]),
        p_values=np.array([test.p_values for test in tests]),
        corrected_p_values=np.minimum(1, len(pairs) * np.array([test.corrected_p_values for test in tests])),
        smallest_p_values=np.minimum(1, len(pairs) * np.array([test.smallest for test in tests])),
    )
