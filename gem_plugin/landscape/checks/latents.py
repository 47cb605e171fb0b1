"""Checks of the latents: do they follow what they should not, have they collapsed, is training overdone."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from gem_plugin.landscape.checks.diagnostic import Diagnostic, not_measured
from gem_plugin.particles.views import one_view_each
from gem_plugin.units import COLLAPSED_KL_IN_NATS

N_LATENT_GROUPS = 12
N_BINS = 8
N_DIRECTIONS = 12
N_SHUFFLES = 100
MAXIMUM_PARTICLES = 20_000  # enough for a fraction of a percent
MAXIMUM_FRACTION_OF_INFORMATION = 0.05
MINIMUM_Z_SCORE = 5.0  # above the shuffled pairs; with many particles the smallest dependence is significant
MINIMUM_SUPPORT_ERRORS = 2.0  # standard errors above zero; noise reaches this in one run of forty
OVERFITTING_RISE = 0.02  # of the range that the evidence bound of held-out particles went through
MINIMUM_AGREEMENT = 0.5  # fraction of the variance of one model's latents that another one's explain
MAXIMUM_DUPLICATE_FRACTION = 0.001


class SampleSize(NamedTuple):
    """How much a check of dependence looks at."""

    n_particles: int = MAXIMUM_PARTICLES
    n_shuffles: int = N_SHUFFLES


def check_dependence(
    name: str,  # "defocus", ...
    latents: np.ndarray,  # (n, latent_size)
    groups: np.ndarray,  # (n,) int: the bin of every particle in what the latents should not follow
    generator: np.random.Generator,
    particle_indices: np.ndarray | None = None,  # (n,) int64: of several views of one particle, one counts
    size: SampleSize | None = None,
) -> Diagnostic:
    """Mutual information of latent groups and bins, less what shuffled pairs have, as a fraction of the groups' entropy."""
    rows = generator.permutation(len(latents))
    rows = rows if particle_indices is None else one_view_each(rows, particle_indices)
    size = size or SampleSize()
    rows = rows[: size.n_particles]
    labels, groups = group_latents(latents[rows], generator), groups[rows]
    found = mutual_information(labels, groups)
    shuffled = np.array(
        [mutual_information(labels, generator.permutation(groups)) for _ in range(size.n_shuffles)]
    )
    entropy = mutual_information(labels, labels)
    fraction = float((found - shuffled.mean()) / max(entropy, 1e-12))
    z_score = float((found - shuffled.mean()) / max(shuffled.std(), 1e-12))
    is_bad = fraction > MAXIMUM_FRACTION_OF_INFORMATION and z_score > MINIMUM_Z_SCORE
    follows = "follow" if is_bad else "do not follow"
    return Diagnostic(
        f"latents follow {name}",
        fraction,
        MAXIMUM_FRACTION_OF_INFORMATION,
        is_bad,
        f"The latents {follows} the {name}: it explains {max(fraction, 0):.1%} of the information in the latents "
        f"({z_score:.1f} standard deviations above shuffled pairs).",
        f"Colour the latents by {name} in the report. States that differ in it are states of the imaging, not of the "
        "molecule; check poses and CTF, or use fewer latents.",
    )


def mutual_information(first: np.ndarray, second: np.ndarray) -> float:  # labels, (n,) int each -> nats
    """Of two labellings of the same particles; of one with itself it is the entropy."""
    _, first = np.unique(first, return_inverse=True)
    _, second = np.unique(second, return_inverse=True)
    n_second = int(second.max()) + 1
    counts = np.bincount(first * n_second + second, minlength=(int(first.max()) + 1) * n_second)
    joint = counts.reshape(-1, n_second) / len(first)
    expected = joint.sum(1, keepdims=True) * joint.sum(0, keepdims=True)
    there = joint > 0
    return float((joint[there] * np.log(joint[there] / expected[there])).sum())


def group_latents(latents: np.ndarray, generator: np.random.Generator) -> np.ndarray:  # (n,) int
    """Neighbours in the latent space, by k-means."""
    from sklearn.cluster import MiniBatchKMeans

    n_groups = min(N_LATENT_GROUPS, len(np.unique(latents, axis=0)))
    seed = int(generator.integers(2**31))
    return MiniBatchKMeans(n_groups, random_state=seed, n_init=3).fit_predict(latents)


def equal_bins(values: np.ndarray) -> np.ndarray:  # (n,) -> (n,) int
    """Bins that hold equally many particles; equal values share one."""
    edges = np.unique(np.quantile(values, np.linspace(0, 1, N_BINS + 1)[1:-1]))
    return np.searchsorted(edges, values, side="left")


def view_bins(rotation_matrices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:  # (n, 3, 3) -> two (n,) int
    """Direction of view (the beam's axis seen from the molecule) and in-plane angle (psi)."""
    spiral = np.arange(N_DIRECTIONS) + 0.5
    height = 1 - 2 * spiral / N_DIRECTIONS
    azimuth = spiral * np.pi * (3 - 5**0.5)  # golden spiral: points evenly distributed on the sphere
    radius = np.sqrt(1 - height**2)
    points = np.stack([radius * np.cos(azimuth), radius * np.sin(azimuth), height], axis=1)
    directions = (rotation_matrices[:, 2] @ points.T).argmax(axis=1)
    psi = np.arctan2(rotation_matrices[:, 1, 2], rotation_matrices[:, 0, 2])
    return directions, np.floor((psi + np.pi) / (2 * np.pi) * N_BINS).clip(0, N_BINS - 1).astype(int)


def check_collapse(kl_in_nats: float) -> Diagnostic:
    """Whether the latents carry information."""
    is_bad = not kl_in_nats >= COLLAPSED_KL_IN_NATS
    return Diagnostic(
        "latent space collapsed",
        kl_in_nats,
        COLLAPSED_KL_IN_NATS,
        is_bad,
        f"The latents carry {kl_in_nats:.2f} nats per particle; to distinguish two equal states takes 0.69."
        + (
            " They have collapsed to the prior: all particles have nearly the same conformation."
            if is_bad
            else ""
        ),
        "Either nothing moves, or the signal is too weak to show it: use more particles, a mask, or a larger --box.",
    )


def check_support(
    nats: float | None,  # None or NaN: not measured
    standard_error: float | None,
) -> Diagnostic:
    """Whether held-out particles fit the flexible model better than a single structure (held_out_support.py)."""
    name = "latents not supported by held-out particles"
    if nats is None or standard_error is None or not np.isfinite(nats):
        why = "There are no held-out validation particles, or the loss is not the squared error."
        return not_measured(name, MINIMUM_SUPPORT_ERRORS, why, "Train with --validation-fraction 0.05.")
    errors = nats / max(standard_error, 1e-9)
    is_bad = errors < MINIMUM_SUPPORT_ERRORS
    verdict = "do not fit" if is_bad else "fit"
    return Diagnostic(
        name,
        errors,
        MINIMUM_SUPPORT_ERRORS,
        is_bad,
        f"Held-out particles {verdict} the flexible model better than a single structure "
        f"({nats:.1f} ± {standard_error:.1f} nats per particle after the complexity penalty).",
        "The states may be noise: do not interpret them. More particles, a mask around what may move, or a lower --kl-weight "
        "with reconstructed maps as the judge.",
    )


def check_overfitting(evidence_bounds: np.ndarray) -> Diagnostic:  # (epochs,)
    """Whether the evidence bound of held-out particles (their loss plus what their latents cost) rose again."""
    name = "trained too long"
    bounds = evidence_bounds[np.isfinite(evidence_bounds)]
    if len(bounds) < 3 or np.ptp(bounds) == 0:
        why = "There are no held-out validation particles, or too few epochs."
        return not_measured(name, OVERFITTING_RISE, why, "Train with --validation-fraction 0.05.")
    rise = float((bounds[-1] - bounds.min()) / np.ptp(bounds))
    best = int(bounds.argmin()) + 1
    return Diagnostic(
        name,
        rise,
        OVERFITTING_RISE,
        rise > OVERFITTING_RISE,
        f"On held-out particles the loss was lowest after epoch {best} of {len(bounds)} and rose since by "
        f"{rise:.1%} of its range.",
        f"Train again with --epochs {best}.",
    )


def check_training_length(summary: Mapping[str, Any]) -> Diagnostic:
    """Whether held-out particles still gained when training reached its longest length (heterogeneity/training_plan.py)."""
    name = "trained too briefly"
    gain, threshold = summary.get("gain_in_nats"), summary.get("gain_threshold")
    if gain is None or threshold is None:
        why = summary.get("ended", "Whether more training would help was not measured.")
        return not_measured(name, 0.0, why, "Train without --epochs, with --validation-fraction 0.05.")
    return Diagnostic(
        name,
        gain,
        threshold,
        gain > threshold,
        summary["ended"],
        f"Train on with --epochs {2 * summary['epochs']}.",
    )


def evidence_bounds(
    history: Mapping[str, np.ndarray],
) -> np.ndarray:  # column -> (epochs,); (epochs,) or (0,)
    """Loss and KL divergence of the held-out particles, added: minus their evidence bound, up to a constant."""
    losses = history.get("validation_loss", np.zeros(0))
    return losses + history.get("validation_kl", np.zeros_like(losses))


def training_checks(history: Mapping[str, np.ndarray], summary: Mapping[str, Any]) -> list[Diagnostic]:
    """All that history.csv and the summary of the train step show; empty before training."""
    if not len(history.get("kl", ())):
        return []
    return [
        check_collapse(float(history["kl"][-1])),
        check_support(summary.get("support_in_nats"), summary.get("support_error")),
        check_overfitting(evidence_bounds(history)),
        check_training_length(summary),
    ]


def check_agreement(first_from_second: float, second_from_first: float) -> Diagnostic:
    """Whether two models that were trained separately order the particles alike."""
    value = min(first_from_second, second_from_first)
    return Diagnostic(
        "latents differ between trainings",
        value,
        MINIMUM_AGREEMENT,
        value < MINIMUM_AGREEMENT,
        f"The latents of one training explain {first_from_second:.0%} and {second_from_first:.0%} of those of the other.",
        "Believe only what both trainings show; train longer, or with fewer latents.",
    )


def check_half_sets_are_given(half_sets: np.ndarray) -> Diagnostic:  # (n,) 1 or 2, 0 where not given
    """Whether every particle has a half-set."""
    missing = float((~np.isin(half_sets, (1, 2))).mean())
    return Diagnostic(
        "half-sets missing",
        missing,
        0.0,
        missing > 0,
        f"{missing:.1%} of the particles have no half-set from the refinement; they are assigned to half-sets at random.",
        "Their poses then come from both halves, and half-map resolutions are too good. Start from a refinement with half-sets.",
    )


def check_half_sets(
    half_sets: np.ndarray,  # (n,) 1 or 2, 0 where not given
    fingerprints: np.ndarray,  # (n,) one value an image: equal only for equal images
) -> list[Diagnostic]:
    """Whether the half-sets were given, and whether an image lies in both."""
    _, image = np.unique(fingerprints, return_inverse=True)
    in_first, in_second = (np.bincount(image, half_sets == half, image.max() + 1) > 0 for half in (1, 2))
    shared = float((in_first & in_second)[image].mean())
    return [
        check_half_sets_are_given(half_sets),
        Diagnostic(
            "same image in both half-sets",
            shared,
            MAXIMUM_DUPLICATE_FRACTION,
            shared > MAXIMUM_DUPLICATE_FRACTION,
            f"{shared:.2%} of the particles have an identical image in the other half-set.",
            "Remove duplicates (RELION: Subset selection; CryoSPARC: Remove Duplicates) and refine again.",
        ),
    ]
