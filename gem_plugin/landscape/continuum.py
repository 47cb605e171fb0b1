"""A continuum of conformations: the curve that its particles lie along, how far density moves along it, and how finely it is resolved.

Latents are compared in units of their own uncertainty. Posterior N(m, s^2) and prior N(0, 1) of a latent give the likelihood of the image as
a normal around m / r with the variance s^2 / r, r = 1 - s^2 (as in populations.py); it is m / r that is followed.
"""

from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from gem_plugin.errors import InputError
from gem_plugin.landscape.curve_order import order_along_curve
from gem_plugin.landscape.populations import LARGEST_STRETCH, Posteriors

MINIMUM_PARTICLES = 100
MAXIMUM_PARTICLES = 20_000  # more are drawn from at random
N_NODES = 32  # along the curve
POINTS_BETWEEN_NODES = 8  # that the particles are compared with
FIRST_WIDTH, WIDEST = 1 / 16, 0.2  # of the kernel by which the curve is drawn, as a fraction of the particles
EMPTY_PART = 0.1  # of a loop; with more of it empty it is not closed
BEYOND_THE_ENDS = 0.2  # of the length, by which an open curve is continued for that
MINIMUM_INFORMATION = 0.1  # mean of 1 - s^2, below which a latent places no particle
N_ROUNDS = 3  # of placing the particles on the curve, and the curve among the particles
MIDDLE = 0.95  # of the particles, between the ends of an open curve
MINIMUM_POSITIONS = 3.0  # that can be distinguished; fewer are one conformation, as far as the images say


@dataclass(frozen=True, eq=False)
class Continuum:
    """A curve through the latents of some particles. An open one ends where the outermost 2.5 % of the particles begin at either end."""

    latents: np.ndarray  # (p, latent_size): posterior means along the curve, evenly spaced; the first again at the end if closed
    is_closed: bool
    length_in_latents: float  # of the curve through the latents
    n_positions: float  # that can be distinguished; NaN where the uncertainty of the latents is not known
    explained: float  # 0 to 1: fraction of the variance of the particles, less that of their uncertainty, along the curve

    @property
    def is_resolved(self) -> bool:
        """Whether the images distinguish several positions; else the particles have one conformation as far as they say."""
        return not self.n_positions < MINIMUM_POSITIONS


@dataclass(frozen=True)
class MotionAlongCurve:
    """How far density moves from end to end: the length of each Gaussian's way."""

    rms_in_angstroms: float  # root mean square over the moving density
    largest_in_angstroms: float
    moving_fraction: float  # of the density, that moves at least half as far as the largest


def find_continuum(
    posteriors: Posteriors | None,
    latents: np.ndarray,  # (n, latent_size)
    rows: np.ndarray,  # the particles that belong to it
    generator: np.random.Generator,
) -> Continuum | None:
    """The main curve of some particles; None where they are too few, or the images say nothing of their latents.

    Positions that can be distinguished: N = integral of ds / (2 sigma(s)), two standard deviations of the position to each. The
    integral of ds / sigma is that of the square root of the Fisher information; its logarithm is, up to a constant, what images can tell of the
    position (J. Rissanen, IEEE Trans. Inf. Theory 42, 40, 1996). sigma^-2 = t' C^-1 t for the unit tangent t and the covariance C of the likelihoods near s.
    """
    if posteriors is not None and posteriors.means.shape != posteriors.standard_deviations.shape:
        raise InputError(
            f"Latents have shape {posteriors.means.shape}, their uncertainties {posteriors.standard_deviations.shape}; expected the same. "
            "Run landscape again after training."
        )
    if len(rows) < MINIMUM_PARTICLES:
        return None
    if len(rows) > MAXIMUM_PARTICLES:
        rows = np.sort(generator.choice(rows, MAXIMUM_PARTICLES, replace=False))
    known = None if posteriors is None else posteriors.standard_deviations[rows]
    points, variances = _likelihoods(latents[rows].astype(np.float64), known)
    if points.shape[1] == 0 or not np.ptp(points, axis=0).any():
        return None
    order = order_along_curve(points, 0.0 if posteriors is None else 1.0, generator)
    is_closed, width = order.is_closed, FIRST_WIDTH
    nodes = _nodes_among(points[order.rows], order.position, is_closed, width)
    for _ in range(N_ROUNDS):
        position, away = _placed(points, nodes, is_closed)
        if is_closed and (start := _start_of_gap(position, _outline(nodes, True)[1][-1])) is not None:
            is_closed, position = False, (position - start) % _outline(nodes, True)[1][-1]
        width = _width(nodes, away, points.shape[1], is_closed)
        nodes = _nodes_among(points, position, is_closed, width)
    return _described(points, variances, latents[rows].astype(np.float64), nodes, is_closed, width)


def motion_along(
    positions_in_angstroms: np.ndarray,  # (p, g, 3) of the Gaussians at points along the curve
    amplitudes: np.ndarray,  # (p, g)
) -> MotionAlongCurve:
    """Path lengths of the Gaussians; the moving density is what moves at least half as far as the largest (its 99th percentile)."""
    steps = np.linalg.norm(np.diff(positions_in_angstroms.astype(np.float64), axis=0), axis=2)
    lengths, density = steps.sum(axis=0), amplitudes.mean(axis=0).astype(np.float64)
    order = np.argsort(lengths)
    below = np.cumsum(density[order]) / max(density.sum(), np.finfo(np.float64).tiny)
    largest = float(lengths[order][min(np.searchsorted(below, 0.99), len(order) - 1)])
    moves = (lengths >= largest / 2) & (lengths > 0)
    if not moves.any():
        return MotionAlongCurve(0.0, 0.0, 0.0)
    rms = float(np.sqrt(np.average(lengths[moves] ** 2, weights=density[moves])))
    return MotionAlongCurve(rms, largest, float(density[moves].sum() / density.sum()))


def _likelihoods(
    latents: np.ndarray,  # (n, latent_size)
    deviations: np.ndarray | None,  # (n, latent_size)
) -> tuple[
    np.ndarray, np.ndarray
]:  # (n, q) points and (n, q) variances, in units of the mean uncertainty of each latent
    """Of the latents of which the images say something; without uncertainties the latents as they are, with variances of 0."""
    if deviations is None:
        return latents, np.zeros_like(latents)
    information = np.clip(1 - deviations.astype(np.float64) ** 2, 1 / LARGEST_STRETCH, 1 - 1e-6)
    informative = information.mean(axis=0) >= MINIMUM_INFORMATION
    information = information[:, informative]
    variances = (1 - information) / information
    units = np.sqrt(variances.mean(axis=0))
    return latents[:, informative] / information / units, variances / units**2


def _nodes_among(
    points: np.ndarray,  # (n, q)
    position: np.ndarray,  # (n,) along the curve, in any unit
    is_closed: bool,
    width: float,  # of the kernel, as a fraction of the points
) -> np.ndarray:  # (N_NODES, q); of a closed curve the first follows the last
    """Means of the points near each node, nodes being evenly spaced in the rank of the points."""
    rank = (np.argsort(np.argsort(position, kind="stable")) + 0.5) / len(position)
    at = (np.arange(N_NODES) + 0.5) / N_NODES if is_closed else np.linspace(0, 1, N_NODES)
    away = rank[None] - at[:, None]  # (nodes, n)
    if is_closed:
        away -= np.round(away)
    weights = np.exp(-0.5 * (away / width) ** 2)
    weights /= weights.sum(axis=1, keepdims=True)
    means = weights @ points
    first = (weights * away).sum(axis=1)  # the fit is linear, so that the ends are not drawn inwards
    spread = (weights * away**2).sum(axis=1) - first**2
    slope = ((weights * away) @ points - first[:, None] * means) / np.maximum(spread, 1e-12)[:, None]
    return means - first[:, None] * slope


def _width(nodes: np.ndarray, away: np.ndarray, n_dimensions: int, is_closed: bool) -> float:
    """Wide enough that the curve does not follow the scatter across it, which would make it longer."""
    length = _outline(nodes, is_closed)[1][-1]
    scatter = np.sqrt((away**2).mean() / max(n_dimensions - 1, 1))
    return float(np.clip(scatter / max(length, 1e-12) * (1 if is_closed else 2), 1 / N_NODES, WIDEST))


def _start_of_gap(position: np.ndarray, length: float) -> float | None:
    """Where the particles begin again after a part of the loop without any; None where they are all around."""
    turned = np.sort(position)
    gaps = np.diff(np.append(turned, turned[0] + length))
    widest = int(gaps.argmax())
    if gaps[widest] < EMPTY_PART * length:
        return None
    return float(turned[(widest + 1) % len(turned)])


def _outline(nodes: np.ndarray, is_closed: bool) -> tuple[np.ndarray, np.ndarray]:
    """Points along the curve and their distance from its first node; an open one is continued beyond its ends."""
    if is_closed:
        corners = np.concatenate([nodes, nodes[:1]])
    else:
        reach = BEYOND_THE_ENDS * N_NODES
        corners = np.concatenate(
            [
                nodes[:1] - reach * (nodes[1:2] - nodes[:1]),
                nodes,
                nodes[-1:] + reach * (nodes[-1:] - nodes[-2:-1]),
            ]
        )
    at = np.arange(len(corners))
    fine = np.linspace(0, len(corners) - 1, POINTS_BETWEEN_NODES * (len(corners) - 1) + 1)
    line = np.stack([np.interp(fine, at, column) for column in corners.T], axis=1)
    distance = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(line, axis=0), axis=1))])
    return line, distance - (0.0 if is_closed else distance[POINTS_BETWEEN_NODES])


def _placed(
    points: np.ndarray, nodes: np.ndarray, is_closed: bool
) -> tuple[np.ndarray, np.ndarray]:  # (n,) distance along the curve, (n,) from it
    line, distance = _outline(nodes, is_closed)
    away, nearest = cKDTree(line).query(points)
    return distance[nearest], away


def _described(
    points: np.ndarray,
    variances: np.ndarray,
    latents: np.ndarray,
    nodes: np.ndarray,
    is_closed: bool,
    width: float,
) -> Continuum:
    line, distance = _outline(nodes, is_closed)
    position, away = _placed(points, nodes, is_closed)
    tangents = np.gradient(line, axis=0)
    tangents /= np.maximum(np.linalg.norm(tangents, axis=1, keepdims=True), np.finfo(np.float64).tiny)
    noise = _noise_along(variances, tangents[np.searchsorted(distance, position).clip(max=len(line) - 1)])
    first, last = (0.0, distance[-1]) if is_closed else _ends(position, noise)
    if not last > first:  # all of the scatter is uncertainty
        middle = np.repeat(latents.mean(axis=0, keepdims=True), N_NODES, axis=0)
        return Continuum(middle.astype(np.float32), False, 0.0, 0.0, 0.0)
    at = np.linspace(first, last, N_NODES)
    precision = _local_mean(position, 1 / np.maximum(noise, 1e-12), at, is_closed)
    is_known = bool(variances.any())
    n_positions = float((last - first) * np.sqrt(precision).mean() / 2) if is_known else float("nan")
    total = points.var(axis=0).sum() - variances.mean(axis=0).sum()
    across = (away**2).mean() - (variances.sum(axis=1) - noise).mean()
    explained = float(np.clip(1 - across / total, 0, 1)) if total > 0 else 0.0
    along = _latents_along(latents, position, at, is_closed, width)
    length = float(np.linalg.norm(np.diff(along, axis=0), axis=1).sum())
    return Continuum(along.astype(np.float32), is_closed, length, n_positions, explained)


def _latents_along(
    latents: np.ndarray, position: np.ndarray, at: np.ndarray, is_closed: bool, width: float
) -> np.ndarray:  # (p, latent_size)
    of_nodes = _nodes_among(latents, position, is_closed, width)
    if is_closed:  # from its first node around to it again
        return np.concatenate([of_nodes, of_nodes[:1]])
    where = np.maximum.accumulate(np.quantile(position, np.linspace(0, 1, N_NODES)))
    return np.stack([np.interp(at, where, column) for column in of_nodes.T], axis=1)


def _noise_along(variances: np.ndarray, tangents: np.ndarray) -> np.ndarray:  # (n,) variance along the curve
    if not variances.any():
        return np.zeros(len(variances))
    return 1 / np.maximum((tangents**2 / np.maximum(variances, 1e-12)).sum(axis=1), 1e-12)


def _ends(position: np.ndarray, noise: np.ndarray) -> tuple[float, float]:
    """Quantiles of the positions, drawn towards the mean by as much as the uncertainty has widened them."""
    observed = float(position.var())
    kept = np.sqrt(max(1 - float(noise.mean()) / observed, 0.0)) if observed > 0 else 0.0
    tail, middle = (1 - MIDDLE) / 2, float(position.mean())
    first, last = np.quantile(position, [tail, 1 - tail])
    return middle + kept * (float(first) - middle), middle + kept * (float(last) - middle)


def _local_mean(
    position: np.ndarray, values: np.ndarray, at: np.ndarray, is_closed: bool
) -> np.ndarray:  # (p,)
    width = max(float(np.ptp(at)) / N_NODES, np.finfo(np.float64).tiny)
    away = position[None] - at[:, None]
    if is_closed:
        away -= np.round(away / np.ptp(at)) * np.ptp(at)
    logarithm = -0.5 * (away / (2 * width)) ** 2
    weights = np.exp(logarithm - logarithm.max(axis=1, keepdims=True))
    return (weights * values).sum(axis=1) / weights.sum(axis=1)
