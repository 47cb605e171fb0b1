"""The images of prepare, a few megabytes at a time: cropped, normalised, unusable ones zero, their noise measured on the way."""

import contextlib
import dataclasses
import functools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from gem_plugin.imaging.fourier import fourier_crop_images
from gem_plugin.imaging.normalisation import measure_background, standard_deviations
from gem_plugin.particles.images import ParticleImages, RawImages
from gem_plugin.particles.odd_phases import OddPhaseRemoval
from gem_plugin.particles.read_ahead import results_in_order
from gem_plugin.particles.table import ParticleTable
from gem_plugin.progress import Progress
from gem_plugin.steps.prepare.exclusion import Exclusions
from gem_plugin.steps.prepare.noise import NoiseOfKinds, NoiseOfSome, kinds_of_noise

MAXIMUM_RELATIVE_STANDARD_DEVIATION = (
    10.0  # of an image's pixels, over the median of all: more is a defect, such as a hot pixel
)
MAXIMUM_COUNTED_STANDARD_DEVIATION = (
    1.5  # of a background, over that of a usual image; in the noise spectrum it counts as this
)


@dataclass(frozen=True)
class Plan:
    """How each image is turned into a prepared one."""

    working_box: int
    mask: Tensor  # (working box, working box) bool: background
    is_normalised_here: bool
    background_standard_deviation: float  # of a usual prepared image
    grey_scale_factor: float  # 1 unless normalised images were cropped, which lowers their noise
    usual_variation: float  # standard deviation of a usual prepared image, particle and all; 0 where unknown
    odd_phases: OddPhaseRemoval  # on the working grid


class Chunk(NamedTuple):
    """Some images as they are written, and what was found on the way."""

    images: np.ndarray  # (rows, working box, working box) float32
    reasons: dict[int, str]  # why an image cannot be used
    noise: list[NoiseOfSome]


class Preparing(NamedTuple):
    """What is needed to prepare any of the images; exclusions and noise learn from each."""

    images: ParticleImages
    plan: Plan
    exclusions: Exclusions
    noise: NoiseOfKinds

    def chunks(self) -> list[np.ndarray]:
        """All images in pieces that are worked on together: rows of the table."""
        return self.images.in_chunks(np.arange(len(self.images)))

    @contextlib.contextmanager
    def prepared(self, chunks: list[np.ndarray], progress: Progress) -> Iterator[Iterator[Chunk]]:
        """The prepared images of the chunks in their order."""
        prepare = functools.partial(_prepare_chunk, self.images, self.plan, self.exclusions, self.noise)
        with results_in_order(chunks, self.images.read_raw, prepare) as results:
            yield progress.track(results, "Preparing images", len(chunks), "chunk")

    def learn(self, reasons: dict[int, str], noise: list[NoiseOfSome]) -> None:
        """From what was found on the way; InputError where too many images cannot be used."""
        for image, reason in reasons.items():
            self.exclusions.add_image(image, reason)
        self.noise.add_measured(noise)
        self.exclusions.check()


def working_pixel_size(table: ParticleTable, plan: Plan) -> float:
    return table.pixel_size_in_angstroms * table.box_size / plan.working_box


def working_table(table: ParticleTable, plan: Plan) -> ParticleTable:
    """The table of the prepared images, which have positive density."""
    return dataclasses.replace(
        table,
        contrast_sign=np.ones(len(table), dtype=np.float32),
        pixel_size_in_angstroms=working_pixel_size(table, plan),
        box_size=plan.working_box,
        optics=table.optics.of_prepared_images(),
        own_box_sizes=np.zeros(0, np.int32),  # one size from here on
        own_pixel_sizes=np.zeros(0),
        noise_rows=kinds_of_noise(table),
    )


def _prepare_images(images: Tensor, plan: Plan) -> Tensor:
    cropped = fourier_crop_images(images, plan.working_box)
    if not plan.is_normalised_here:
        return cropped if plan.grey_scale_factor == 1 else cropped.mul_(plan.grey_scale_factor)
    background = measure_background(cropped, plan.mask)
    cropped -= background.means[:, None, None]
    return cropped.div_(background.standard_deviations[:, None, None])


def _prepare_chunk(
    images: ParticleImages,
    plan: Plan,
    exclusions: Exclusions,  # read only
    noise: NoiseOfKinds,
    rows: np.ndarray,
    raw: RawImages,  # of these rows
) -> Chunk:
    """Images that vary far more than usual would drown the noise of all others. Several threads do this at once."""
    read, reasons = images.checked(rows, raw)
    prepared = plan.odd_phases.corrected(_prepare_images(read, plan), images.table.optics_rows[rows])
    for position in (position for position, row in enumerate(rows.tolist()) if row in reasons):
        prepared[position] = 0  # not 0 over 0
    if plan.usual_variation > 0:
        ratios = standard_deviations(prepared.flatten(1)) / plan.usual_variation
        for position in torch.nonzero(ratios > MAXIMUM_RELATIVE_STANDARD_DEVIATION).flatten().tolist():
            reasons.setdefault(
                int(rows[position]),
                f"its image varies over {MAXIMUM_RELATIVE_STANDARD_DEVIATION:.0f} times as much as the others "
                "(hot pixels, or a damaged micrograph)",
            )
            prepared[position] = 0
    is_good = exclusions.are_left(rows)
    is_good[[position for position, row in enumerate(rows.tolist()) if row in reasons]] = False
    is_good &= noise.is_measured[rows]
    good = prepared if is_good.all() else prepared[torch.from_numpy(is_good)]
    of_noise = _noise_without_excess(good, rows[is_good], plan, noise) if len(good) else []
    return Chunk(prepared.numpy(), reasons, of_noise)


def _noise_without_excess(
    images: Tensor, rows: np.ndarray, plan: Plan, noise: NoiseOfKinds
) -> list[NoiseOfSome]:
    """Images whose background varies more than usual (ice, carbon) scaled down, so that a few do not set the noise of all."""
    background = measure_background(images, plan.mask)
    limit = MAXIMUM_COUNTED_STANDARD_DEVIATION * plan.background_standard_deviation
    if not limit > 0 or bool((background.standard_deviations <= limit).all()):  # without noise, or as usual
        return noise.measure(images, rows, background.means)
    scales = limit / background.standard_deviations.clamp_min(limit)
    return noise.measure(images * scales[:, None, None], rows, background.means * scales)
