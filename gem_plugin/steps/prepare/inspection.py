"""A look at some images of every stack and optics group: are they normalised, and light on dark, all alike?

Joined sets may be neither: half of them of another extraction, or of another program. A stack is looked at by a few
images, however many there are, and again by more where it seems to be dark.
"""

import functools
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from gem_plugin.imaging.fourier import fourier_crop_images
from gem_plugin.imaging.normalisation import measure_background, standard_deviations
from gem_plugin.particles.identity import numbered
from gem_plugin.particles.image_sizes import noise_on_grid
from gem_plugin.particles.images import ParticleImages, RawImages
from gem_plugin.particles.read_ahead import results_in_order
from gem_plugin.particles.table import ParticleTable
from gem_plugin.progress import Progress
from gem_plugin.steps.prepare.exclusion import Exclusions

SAMPLED_IMAGES = 500  # at least: enough to know the level and scale of the background to a per cent
SAMPLED_IMAGES_OF_A_STACK = 4  # at least
MAXIMUM_SAMPLED_IMAGES = 20_000
IMAGES_OF_A_SECOND_LOOK = 100  # of a stack that seems to be dark
MAXIMUM_STACKS_OF_A_SECOND_LOOK = 200
SEED = 0
MAXIMUM_NORMALISED_MEAN = (
    0.2  # RELION normalises to 0 and 1; a soft radius or a rescaled box shifts it a little
)
MAXIMUM_NORMALISED_STANDARD_DEVIATION = 0.2
MAXIMUM_MEAN_OF_ONE_IMAGE = 0.5  # on ice or carbon a normalised image differs outside its own radius
MAXIMUM_STANDARD_DEVIATION_OF_ONE_IMAGE = 0.5
MAXIMUM_FRACTION_OFF = 0.01  # of the images: more, and all are normalised
STANDARD_ERRORS_ALLOWED = 3.0  # of a background of few pixels
DARK_PARTICLE_SIGNIFICANCE = 5.0  # standard errors below the background
SUSPICIOUS_SIGNIFICANCE = 1.0  # below: worth a second look
DARK_OVER_LIGHT = 0.5  # as strong, at least, as light particles are on average
NAMES_SHOWN = 3


class Measured(NamedTuple):
    """What was seen of some images, row by row."""

    rows: np.ndarray  # (k,) int64
    means: np.ndarray  # (k,) of the background
    standard_deviations: (
        np.ndarray
    )  # (k,) of the background, with the noise beyond the own Nyquist of coarser pixels
    cropped_standard_deviations: np.ndarray  # (k,) the same at the working box
    contrasts: np.ndarray  # (k,) level of the particle over the background, in its standard deviations
    variations: np.ndarray  # (k,) standard deviation of the whole cropped image

    def at(self, chosen: np.ndarray) -> "Measured":
        return Measured(*(values[chosen] for values in self))


class Look(NamedTuple):
    """How images are looked at."""

    images: ParticleImages  # each image once
    original_mask: Tensor  # (box, box) bool: background
    mask: Tensor  # (working box, working box) bool
    exclusions: Exclusions
    progress: Progress


class Groups:
    """Which stack and which optics group every particle is of."""

    def __init__(self, table: ParticleTable) -> None:
        self.stacks = numbered(table.stack_names)  # (n,)
        self.stack_names = list(dict.fromkeys(table.stack_names.tolist()))
        self.optics = table.optics_groups  # (n,)
        different, of_optics = np.unique(self.optics, return_inverse=True)
        pairs = self.stacks * len(different) + of_optics.reshape(-1)
        _, cells = np.unique(pairs, return_inverse=True)
        self.cells = cells.reshape(-1)  # (n,): each stack and optics group together

    def kinds(self) -> list[tuple[str, np.ndarray]]:
        """The division into optics groups, then that into stacks."""
        return [("optics group", self.optics), ("stack", self.stacks)]

    def name(self, kind: str, number: int) -> str:
        return f"{kind} {number}" if kind == "optics group" else f"stack {self.stack_names[number]}"

    def names(self, kind: str, numbers: Sequence[int]) -> str:
        shown = ", ".join(self.name(kind, number) for number in numbers[:NAMES_SHOWN])
        n_more = len(numbers) - NAMES_SHOWN
        return f"{shown} and {n_more} more" if n_more > 0 else shown


def rows_to_look_at(
    cells: np.ndarray,  # (n,) number of the cell of every particle
) -> np.ndarray:  # (k,) int64, sorted
    """Some of every cell, the same every time: at least four, and 500 in all where there are as many."""
    n_particles, n_cells = len(cells), int(cells.max()) + 1
    per_cell = max(SAMPLED_IMAGES_OF_A_STACK, -(-SAMPLED_IMAGES // n_cells))
    per_cell = max(1, min(per_cell, MAXIMUM_SAMPLED_IMAGES // n_cells))
    order = np.random.default_rng(SEED).permutation(n_particles)
    order = order[np.argsort(cells[order], kind="stable")]
    counts = np.bincount(cells, minlength=n_cells)
    rank = np.arange(n_particles) - np.repeat(np.cumsum(counts) - counts, counts)
    chosen = order[rank < per_cell]
    if len(chosen) > MAXIMUM_SAMPLED_IMAGES:
        chosen = np.random.default_rng(SEED).permutation(chosen)[:MAXIMUM_SAMPLED_IMAGES]
    return np.sort(chosen)


def measure_images(look: Look, rows: np.ndarray, title: str) -> Measured:
    """Backgrounds and contrasts of the images that can be used; the others are left out from now on."""
    chunks = look.images.in_chunks(rows)
    parts: list[list[np.ndarray]] = []
    measure = functools.partial(_measure_chunk, look)
    with results_in_order(chunks, look.images.read_raw, measure) as results:
        for reasons, measured in look.progress.track(results, title, len(chunks), "chunk"):
            for image, reason in reasons.items():
                look.exclusions.add_image(image, reason)
            parts += [measured] if len(measured[0]) else []
    if not parts:
        return Measured(np.zeros(0, dtype=np.int64), *(np.zeros(0) for _ in Measured._fields[1:]))
    return Measured(*(np.concatenate(values) for values in zip(*parts, strict=True)))


def _measure_chunk(look: Look, rows: np.ndarray, raw: RawImages) -> tuple[dict[int, str], list[np.ndarray]]:
    """Reasons why images cannot be used, and what was measured of the others."""
    images, reasons = look.images.checked(rows, raw)
    is_good = look.exclusions.are_left(rows) & ~np.isin(rows, list(reasons))
    good = images if is_good.all() else images[torch.from_numpy(is_good)]
    if not len(good):
        return reasons, [rows[is_good]]
    used = rows[is_good]
    expected = torch.from_numpy(noise_on_grid(look.images.table.take(used))).float()
    return reasons, [used, *_measure(good, expected, look)]


def _measure(
    images: Tensor,  # (k, box, box)
    expected: Tensor,  # (k,): the standard deviation of a normalised background, below 1 for coarser pixels
    look: Look,
) -> list[np.ndarray]:
    background = measure_background(images, look.original_mask)
    small = fourier_crop_images(images, len(look.mask))
    cropped = measure_background(small, look.mask)
    inside = measure_background(images, ~look.original_mask).means - background.means
    has_noise = background.standard_deviations > 0
    found = [
        background.means,
        background.standard_deviations / expected,
        cropped.standard_deviations,
        torch.where(has_noise, inside / background.standard_deviations, 0.0),
        standard_deviations(small.flatten(1)),
    ]
    return [values.double().numpy() for values in found]


def why_not_normalised(measured: Measured, groups: Groups, n_background_pixels: int) -> tuple[bool, str]:
    """Whether the images are not all normalised, and a sentence where some are and others are not."""
    if not len(measured.rows):
        return False, ""
    allowed = STANDARD_ERRORS_ALLOWED / n_background_pixels**0.5
    is_off, named = _are_off(measured, allowed), []
    for kind, of_particle in groups.kinds():
        numbers = of_particle[measured.rows]
        bad = [
            number
            for number, rows in _members(numbers)
            if len(rows) >= SAMPLED_IMAGES_OF_A_STACK and not _is_normalised(measured.at(rows), allowed)
        ]
        if not is_off[np.isin(numbers, bad)].any():  # a little off, but all of it
            is_off |= np.isin(numbers, bad)
        named += [groups.names(kind, bad)] if bad and len(np.unique(of_particle)) > 1 else []
    cells = groups.cells[measured.rows]
    counts, sampled = np.bincount(groups.cells), np.bincount(cells, minlength=groups.cells.max() + 1)
    weights = (counts / np.maximum(sampled, 1))[cells]  # images that each one stands for
    fraction = float(weights[is_off].sum() / weights.sum())
    if fraction <= MAXIMUM_FRACTION_OFF and not named:
        return not _is_normalised(measured, 0.0), ""
    if fraction >= 1 - MAXIMUM_FRACTION_OFF:
        return True, ""
    where = f" ({'; '.join(named)})" if named else ""
    return True, (
        f"About {100 * fraction:.2g} % of the images{where} do not have a background of mean 0 and standard deviation 1, the "
        "others have: the set seems to be joined of different extractions."
    )


def dark_among_light(measured: Measured, groups: Groups) -> tuple[np.ndarray, str]:
    """Particles (n,) bool of optics groups or stacks that are dark where the others are light, and their names.

    Compared is the level of the particle over its background; noise is that of an image within its own stack.
    """
    is_dark = np.zeros(len(groups.cells), dtype=bool)
    noise = _noise_within(measured.contrasts, groups.cells[measured.rows])
    named = []
    for kind, of_particle in groups.kinds():
        numbers = of_particle[measured.rows]
        left = ~is_dark[measured.rows]
        means = {
            number: _mean_and_error(measured.contrasts[rows], noise) for number, rows in _members(numbers)
        }
        light = [mean for mean, error in means.values() if mean > DARK_PARTICLE_SIGNIFICANCE * error]
        if not light:
            continue
        limit = -DARK_OVER_LIGHT * float(np.median(light))
        dark = [
            int(number)
            for number, (mean, error) in means.items()
            if mean < min(limit, -DARK_PARTICLE_SIGNIFICANCE * error) and left[numbers == number].any()
        ]
        if dark:
            is_dark |= np.isin(of_particle, dark)
            named.append(groups.names(kind, dark))
    return is_dark, "; ".join(named)


def stacks_worth_a_second_look(measured: Measured, groups: Groups) -> np.ndarray:  # (k,) int64 rows, sorted
    """More rows of stacks that seem to be dark, where most particles are light."""
    if not len(measured.rows) or measured.contrasts.mean() <= 0:
        return np.zeros(0, dtype=np.int64)
    numbers = groups.stacks[measured.rows]
    noise = _noise_within(measured.contrasts, numbers)
    found = []
    for number, rows in _members(numbers):
        mean, error = _mean_and_error(measured.contrasts[rows], noise)
        if mean < -SUSPICIOUS_SIGNIFICANCE * error:
            found.append((mean / error, number))
    suspicious = [number for _, number in sorted(found)[:MAXIMUM_STACKS_OF_A_SECOND_LOOK]]
    generator = np.random.default_rng(SEED)
    more = [
        generator.permutation(np.setdiff1d(np.flatnonzero(groups.stacks == number), measured.rows))
        for number in suspicious
    ]
    return np.sort(
        np.concatenate([np.zeros(0, np.int64), *(rows[:IMAGES_OF_A_SECOND_LOOK] for rows in more)])
    )


def _is_normalised(measured: Measured, allowed: float) -> bool:
    """By the medians."""
    return bool(
        np.median(np.abs(measured.means)) < MAXIMUM_NORMALISED_MEAN + allowed
        and np.median(np.abs(measured.standard_deviations - 1))
        < MAXIMUM_NORMALISED_STANDARD_DEVIATION + allowed
    )


def _are_off(measured: Measured, allowed: float) -> np.ndarray:  # (k,) bool
    """Single images that are far from normalised."""
    ratios = np.maximum(measured.standard_deviations, 1 / np.maximum(measured.standard_deviations, 1e-9))
    return (np.abs(measured.means) > MAXIMUM_MEAN_OF_ONE_IMAGE + allowed) | (
        ratios > 1 + MAXIMUM_STANDARD_DEVIATION_OF_ONE_IMAGE + allowed
    )


def _members(numbers: np.ndarray) -> list[tuple[int, np.ndarray]]:
    """Each number with its positions."""
    order = np.argsort(numbers, kind="stable")
    different, starts = np.unique(numbers[order], return_index=True)
    return list(zip(different.tolist(), np.split(order, starts[1:]), strict=True))


def _noise_within(values: np.ndarray, numbers: np.ndarray) -> float:
    """Standard deviation of single values about the means of their groups."""
    _, which = np.unique(numbers, return_inverse=True)
    counts = np.bincount(which)
    residuals = values - (np.bincount(which, weights=values) / counts)[which]
    return float(np.sqrt((residuals**2).sum() / max(1, len(values) - len(counts))))


def _mean_and_error(values: np.ndarray, noise: float) -> tuple[float, float]:
    return float(values.mean()), max(noise / len(values) ** 0.5, 1e-9)
