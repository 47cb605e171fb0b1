"""prepare: read the particles, Fourier-crop and normalise their images into one stack, measure the noise."""

import dataclasses
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gem_plugin.errors import InputError
from gem_plugin.imaging.fourier import fourier_crop_images
from gem_plugin.imaging.normalisation import (
    background_mask,
    background_power,
    measure_background,
    noise_spectrum_from_power,
)
from gem_plugin.io.mrc.header import HEADER_BYTES
from gem_plugin.io.mrc.stacks import write_stack
from gem_plugin.io.run.files import RunFiles
from gem_plugin.io.whole_files import check_folder_is_writable
from gem_plugin.particles.images import BYTES_PER_VALUE, ParticleImages, open_particle_images
from gem_plugin.particles.map_checks import read_matching_map, read_matching_mask
from gem_plugin.particles.prepared import ParticleOrigin, save_prepared_table
from gem_plugin.particles.table import ParticleTable
from gem_plugin.progress import Progress
from gem_plugin.results.image_search import image_search, report_found_stacks
from gem_plugin.results.particle_file import ParticleFile, find_particle_file
from gem_plugin.settings import check_settings
from gem_plugin.steps.prepare.settings import PrepareSettings

SAMPLED_IMAGES = 500  # enough to know the level and scale of the background to a per cent
MAXIMUM_NORMALISED_MEAN = (
    0.2  # RELION normalises to 0 and 1; a soft radius or a rescaled box shifts it a little
)
MAXIMUM_NORMALISED_STANDARD_DEVIATION = 0.2
MAXIMUM_RELATIVE_STANDARD_DEVIATION = (
    10.0  # of an image's pixels, over the median of all: more is a defect, such as a hot pixel
)
ROWS_NAMED = 5
MAXIMUM_COUNTED_STANDARD_DEVIATION = (
    1.5  # of a background, over that of a usual image; in the noise spectrum it counts as this
)
DARK_PARTICLE_SIGNIFICANCE = 5.0  # standard errors below the background


@dataclass(frozen=True)
class _Plan:
    """How each image is turned into a prepared one."""

    working_box: int
    mask: Tensor  # (working box, working box) bool: background
    is_normalised_here: bool
    background_standard_deviation: float  # of a usual prepared image
    grey_scale_factor: float  # 1 unless normalised images were cropped, which lowers their noise


def run_prepare(run: RunFiles, settings: PrepareSettings, progress: Progress) -> dict[str, Any]:
    """Write the prepared stack and table."""
    check_settings(settings)
    if settings.particles is None:
        raise InputError(
            "--particles is missing; expected a .star, .cs or .csg file, or a CryoSPARC job directory."
        )
    particle_file = Path(settings.particles)
    with progress.waiting(f"reading {particle_file.name}"):
        particles = find_particle_file(particle_file)
        table = _read_table(settings, particles)
    working_box = _working_box(settings.box, table.box_size)
    with progress.waiting("stacks of the images"):
        stacks = particles.find_images(table, image_search(settings))
        report_found_stacks(stacks, progress)
        opened = open_particle_images(table, particle_file, stacks.paths, progress.track)
    with opened as images:
        _check_maps(settings, table)  # after the stacks, which say whether the star file has the box right
        check_folder_is_writable(run.prepared_images.parent)
        _check_disk_space(run.prepared_images.parent, len(table), working_box)
        plan = _make_plan(images, working_box, settings, progress)
        noise_spectrum = _write_images(run.prepared_images, images, plan, progress)
    origin = ParticleOrigin(
        particle_file.absolute(), settings.project_folder, table.box_size, table.pixel_size_in_angstroms
    )
    working_table = _working_table(table, plan)
    save_prepared_table(run.prepared_table, working_table, noise_spectrum, origin)
    return {
        "particles": len(table),
        "stacks": images.n_stacks,
        "box": working_box,
        "pixel_size_in_angstroms": round(working_table.pixel_size_in_angstroms, 6),
        "original_box": table.box_size,
        "original_pixel_size_in_angstroms": table.pixel_size_in_angstroms,
        "background_normalised_here": plan.is_normalised_here,
        "grey_scale_factor": round(plan.grey_scale_factor, 6),
        "noise_power": round(float(noise_spectrum.mean()), 4),
    }


def _read_table(settings: PrepareSettings, particles: ParticleFile) -> ParticleTable:
    """The table, with the contrast as the user requests it."""
    table = particles.read_table(image_search(settings), settings.pixel_size)
    if settings.invert_contrast:
        table = dataclasses.replace(table, contrast_sign=-table.contrast_sign)
    return table


def _check_maps(settings: PrepareSettings, table: ParticleTable) -> None:
    if settings.map is not None:
        read_matching_map(Path(settings.map), table.box_size, table.pixel_size_in_angstroms)
    if settings.mask is not None:
        read_matching_mask(Path(settings.mask), table.box_size, table.pixel_size_in_angstroms)


def _working_box(requested: int, original: int) -> int:
    """The requested box, or the largest even box that the images allow."""
    if requested % 2:
        raise InputError(
            f"--box is {requested}; expected an even number, so that the centre stays on a pixel."
        )
    return min(requested, original - original % 2)


def _check_disk_space(folder: Path, n_images: int, box_size: int) -> None:
    needed = HEADER_BYTES + n_images * box_size**2 * BYTES_PER_VALUE
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise InputError(
            f"{folder}: {needed / 1e9:.1f} GB are needed for {n_images} images of {box_size} pixels, {free / 1e9:.1f} GB are free. "
            "Make room, use another output folder, or a smaller --box."
        )


def _make_plan(
    images: ParticleImages, working_box: int, settings: PrepareSettings, progress: Progress
) -> _Plan:
    """Look at a sample of the images to decide what they need."""
    table = images.table
    diameter_in_pixels = (settings.particle_diameter or np.inf) / table.pixel_size_in_angstroms
    original_mask = background_mask(table.box_size, min(diameter_in_pixels, table.box_size) / 2)
    scale = working_box / table.box_size
    mask = background_mask(working_box, min(diameter_in_pixels * scale, working_box) / 2)
    sample = np.unique(np.linspace(0, len(table) - 1, SAMPLED_IMAGES).round().astype(np.int64))
    means, standard_deviations, cropped_standard_deviations, contrasts = [], [], [], []
    for rows in progress.track(images.in_chunks(sample), "Inspecting some images", unit="chunk"):
        some = images.read(rows)
        background = measure_background(some, original_mask)
        cropped = measure_background(fourier_crop_images(some, working_box), mask)
        inside = some[:, ~original_mask].mean(dim=1) - background.means
        means.append(background.means)
        standard_deviations.append(background.standard_deviations)
        cropped_standard_deviations.append(cropped.standard_deviations)
        contrasts.append(inside / background.standard_deviations)
    _warn_when_dark(torch.cat(contrasts), progress)
    is_normalised = _is_normalised(torch.cat(means), torch.cat(standard_deviations))
    if settings.normalise == "always" or (settings.normalise == "auto" and not is_normalised):
        return _Plan(working_box, mask, True, 1.0, 1.0)
    was_cropped = working_box != table.box_size
    standard_deviation = float(torch.cat(cropped_standard_deviations).median())
    factor = 1 / standard_deviation if is_normalised and was_cropped else 1.0
    return _Plan(working_box, mask, False, standard_deviation * factor, factor)


def _is_normalised(means: Tensor, standard_deviations: Tensor) -> bool:
    return bool(
        means.abs().median() < MAXIMUM_NORMALISED_MEAN
        and (standard_deviations - 1).abs().median() < MAXIMUM_NORMALISED_STANDARD_DEVIATION
    )


def _warn_when_dark(contrasts: Tensor, progress: Progress) -> None:
    if len(contrasts) < 2:
        return
    significance = contrasts.mean() / (contrasts.std() / len(contrasts) ** 0.5)
    if significance < -DARK_PARTICLE_SIGNIFICANCE:
        progress.say(
            "WARNING: the particles look dark on a light background; expected light ones. "
            "If they are dark, use --invert-contrast."
        )


def _prepare_images(images: Tensor, plan: _Plan) -> Tensor:
    cropped = fourier_crop_images(images, plan.working_box)
    if not plan.is_normalised_here:
        return cropped * plan.grey_scale_factor
    background = measure_background(cropped, plan.mask)
    return (cropped - background.means[:, None, None]) / background.standard_deviations[:, None, None]


def _write_images(
    path: Path, images: ParticleImages, plan: _Plan, progress: Progress
) -> np.ndarray:  # (working box // 2 + 1,) float64: the noise spectrum
    """Prepare all images, a few megabytes at a time, and measure their noise on the way."""
    power = torch.zeros(plan.working_box // 2 + 1, dtype=torch.float64)
    standard_deviations = torch.empty(len(images))
    chunks = images.in_chunks(np.arange(len(images)))
    with write_stack(path, _working_pixel_size(images.table, plan)) as writer:
        for rows in progress.track(chunks, "Preparing images", unit="chunk"):
            prepared = _prepare_images(images.read(rows), plan)
            standard_deviations[rows] = prepared.std(dim=(1, 2))
            power += background_power(_without_excess(prepared, plan), plan.mask)
            writer.append(prepared.numpy())
        _refuse_defects(images, standard_deviations)
    return noise_spectrum_from_power(power, len(images)).numpy()


def _without_excess(images: Tensor, plan: _Plan) -> Tensor:
    """Images whose background varies more than usual (ice, carbon) scaled down, so that a few do not set the noise of all."""
    standard_deviations = measure_background(images, plan.mask).standard_deviations
    limit = MAXIMUM_COUNTED_STANDARD_DEVIATION * plan.background_standard_deviation
    if not limit > 0:  # images without noise
        return images
    return images * (limit / standard_deviations.clamp_min(limit))[:, None, None]


def _refuse_defects(images: ParticleImages, standard_deviations: Tensor) -> None:
    """One image with a hot pixel would drown the noise of all others."""
    ratios = standard_deviations / standard_deviations.median()
    rows = torch.nonzero(ratios > MAXIMUM_RELATIVE_STANDARD_DEVIATION).flatten().tolist()
    if rows:
        named = ", ".join(f"row {row} ({images.table.image_names[row]})" for row in rows[:ROWS_NAMED])
        raise InputError(
            f"{images.particle_file}: {len(rows)} images vary over {MAXIMUM_RELATIVE_STANDARD_DEVIATION:.0f} times as much as the others, "
            f"up to {float(ratios.max()):.0f} times: {named}{', ...' if len(rows) > ROWS_NAMED else ''}. They have hot pixels or "
            "come from a damaged micrograph. Remove these particles, or use --normalise always if whole micrographs differ in scale."
        )


def _working_pixel_size(table: ParticleTable, plan: _Plan) -> float:
    return table.pixel_size_in_angstroms * table.box_size / plan.working_box


def _working_table(table: ParticleTable, plan: _Plan) -> ParticleTable:
    """The table of the prepared images, which have positive density."""
    return dataclasses.replace(
        table,
        contrast_sign=np.ones(len(table), dtype=np.float32),
        pixel_size_in_angstroms=_working_pixel_size(table, plan),
        box_size=plan.working_box,
    )
