"""prepare: read the particles, Fourier-crop and normalise their images into one stack, measure the noise."""

import contextlib
import dataclasses
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from gem_plugin.errors import InputError
from gem_plugin.imaging.normalisation import background_mask
from gem_plugin.imaging.symmetry import Symmetry
from gem_plugin.io.mrc.header import HEADER_BYTES
from gem_plugin.io.mrc.stacks import write_stack
from gem_plugin.io.new_files import free_name, is_same_file
from gem_plugin.io.run.excluded import write_excluded
from gem_plugin.io.run.files import RunFiles
from gem_plugin.io.run.state_files import PARTICLE_SUFFIXES
from gem_plugin.io.whole_files import check_folder_is_writable
from gem_plugin.notices import note, warn
from gem_plugin.particles.expansion import expand_table
from gem_plugin.particles.image_sizes import largest_common_box, on_one_grid
from gem_plugin.particles.images import BYTES_PER_VALUE, ParticleImages, open_particle_images
from gem_plugin.particles.map_checks import read_matching_map, read_matching_mask
from gem_plugin.particles.odd_phases import OddPhaseRemoval
from gem_plugin.particles.prepared import ParticleOrigin, load_prepared_table, save_prepared_table
from gem_plugin.particles.table import ParticleTable
from gem_plugin.progress import Progress
from gem_plugin.results.image_search import image_search, report_found_stacks
from gem_plugin.results.particle_file import ParticleFile, find_particle_file
from gem_plugin.settings import check_settings
from gem_plugin.steps.prepare.exclusion import Exclusions, check_number_of_particles
from gem_plugin.steps.prepare.inspection import (
    DARK_PARTICLE_SIGNIFICANCE,
    Groups,
    Look,
    Measured,
    dark_among_light,
    measure_images,
    rows_to_look_at,
    stacks_worth_a_second_look,
    why_not_normalised,
)
from gem_plugin.steps.prepare.noise import NoiseOfKinds
from gem_plugin.steps.prepare.parts import Part, parts_of_images
from gem_plugin.steps.prepare.preparing import Plan, Preparing, working_pixel_size, working_table
from gem_plugin.steps.prepare.samples import joined_where_several, named_files_of, save_samples
from gem_plugin.steps.prepare.settings import PrepareSettings
from gem_plugin.steps.prepare.symmetry import Maps, excluded_views, find_symmetry
from gem_plugin.steps.prepare.tilt_series import is_tilt_series, prepare_tilt_series
from gem_plugin.steps.prepare.views import counts_of_views, settle_views, table_of_images

MINIMUM_VARIATION = 1e-12  # of a background without noise


class _Start(NamedTuple):
    """What is known of the particles before all images are prepared."""

    particle_file: Path
    table: ParticleTable  # as read
    symmetry: Symmetry
    working_box: int
    preparing: Preparing


def run_prepare(run: RunFiles, settings: PrepareSettings, progress: Progress) -> dict[str, Any]:
    """Write the prepared stack and table; images that were prepared in parts (parts.py) are joined instead."""
    check_settings(settings)
    _check_is_no_result(run, settings)
    given, of_tilts = settings, is_tilt_series(settings)
    settings, samples = joined_where_several(run, settings, progress)
    if of_tilts:
        numbers = prepare_tilt_series(run, settings, _check_room_of(run), progress)
        return numbers | save_samples(run, samples, load_prepared_table(run)[0].file_rows)

    with _start(settings, _check_room_of(run), progress) as start:
        run.prepared_tilt_series.unlink(missing_ok=True)  # of an earlier start with other particles
        particle_file, table, symmetry, working_box, preparing = start
        parts = parts_of_images(run)
        if parts.are_there():
            parts.join(run.prepared_images, preparing, parts.shaped_by(given, particle_file), progress)
        else:
            _write_images(run.prepared_images, preparing, progress)
    images, plan, exclusions, noise = preparing
    noise_spectrum = noise.spectra()
    origin = ParticleOrigin(
        particle_file.absolute(), settings.project_folder, table.box_size, table.pixel_size_in_angstroms
    )
    working = expand_table(working_table(table, plan), symmetry)
    save_prepared_table(run.prepared_table, working, noise_spectrum, origin)
    numbers_of_samples = save_samples(run, samples, working.file_rows)
    excluded = excluded_views(exclusions.excluded(), symmetry)
    write_excluded(run, excluded)
    exclusions.warn()
    return {
        "particles": len(working),
        **({"symmetry": symmetry.name} if len(symmetry) > 1 else {}),
        **numbers_of_samples,
        **counts_of_views(working),
        **({"excluded_particles": len(excluded)} if len(excluded) else {}),
        "stacks": images.n_stacks,
        "box": working_box,
        "pixel_size_in_angstroms": round(working.pixel_size_in_angstroms, 6),
        "original_box": table.box_size,
        "original_pixel_size_in_angstroms": table.pixel_size_in_angstroms,
        "background_normalised_here": plan.is_normalised_here,
        "grey_scale_factor": round(plan.grey_scale_factor, 6),
        "noise_power": round(float(noise_spectrum.mean()), 4),
    }


def _check_room_of(run: RunFiles) -> Callable[[int, int], None]:
    def check_room(n_images: int, box_size: int) -> None:
        check_folder_is_writable(run.prepared_images.parent)
        _check_disk_space(run.prepared_images.parent, n_images, box_size)

    return check_room


def prepare_part(run: RunFiles, settings: PrepareSettings, part: Part, progress: Progress) -> None:
    """Prepare one of several parts of the images; `run_prepare` with the same settings joins them.

    Tasks of a queue may do this at the same time: each writes files of its own and nothing else, and a part that is finished is kept.
    """
    check_settings(settings)
    _check_is_no_result(run, settings)
    if settings.samples:
        raise InputError(
            "--part works on one particle file, not on --samples. Prepare the samples in one go, without --part."
        )
    if is_tilt_series(settings):
        raise InputError(
            f"{settings.particles}: --part works on single particles only. Prepare tilt series in one go, without --part."
        )
    parts = parts_of_images(run)

    def check_room(n_images: int, box_size: int) -> None:
        parts.make_folder()
        _check_disk_space(parts.folder, n_images // part.number_of_parts, box_size)

    with _start(settings, check_room, progress) as start:
        shape = parts.shaped_by(settings, start.particle_file)
        parts.write(part, start.preparing, shape, progress)


@contextlib.contextmanager
def _start(
    settings: PrepareSettings,
    check_room: Callable[[int, int], None],  # for so many images of this box
    progress: Progress,
) -> Iterator[_Start]:
    """Read the table, find and check the images, and decide what all of them need. The images are open within the block."""
    if settings.particles is None:
        raise InputError(
            "--particles is missing; expected a .star, .cs or .csg file, or a CryoSPARC job directory."
        )
    particle_file = Path(settings.particles)
    with progress.waiting(f"reading {particle_file.name}"):
        particles = find_particle_file(particle_file)
        table = _read_table(settings, particles)
    check_number_of_particles(particle_file, len(table))
    _exclusions(particle_file, table)  # before the images are looked for
    working_box = _working_box(settings.box, table)
    with progress.waiting("stacks of the images"):
        stacks = particles.find_images(table, image_search(settings))
        report_found_stacks(stacks, progress)
        table = settle_views(table, particle_file, stacks.paths, settings.drop_duplicates, progress)
        exclusions = _exclusions(particle_file, table)
        opened = open_particle_images(table_of_images(table), particle_file, stacks.paths, progress.track)
    with opened as images:
        maps = _check_maps(
            settings, table
        )  # after the stacks, which say whether the star file has the box right
        symmetry = find_symmetry(settings, particles, table, maps, progress)
        check_room(len(images), working_box)
        look = _look(images, working_box, settings, exclusions, progress)
        plan, images = _make_plan(look, settings)
        noise = NoiseOfKinds(working_table(images.table, plan), plan.mask)
        preparing = Preparing(images, plan, exclusions, noise)
        yield _Start(particle_file, table, symmetry, working_box, preparing)


def _write_images(path: Path, preparing: Preparing, progress: Progress) -> None:
    """Prepare every image once."""
    pixel_size = working_pixel_size(preparing.images.table, preparing.plan)
    with (
        write_stack(path, pixel_size) as writer,
        preparing.prepared(preparing.chunks(), progress) as chunks,
    ):
        for chunk in chunks:
            writer.append(chunk.images)
            preparing.learn(chunk.reasons, chunk.noise)


def _check_is_no_result(run: RunFiles, settings: PrepareSettings) -> None:
    """The run writes its particles and its consensus into its folder: they cannot be what it starts from."""
    kinds = (run.particles, run.refined_particles)
    results = [*(of_kind(suffix) for of_kind in kinds for suffix in PARTICLE_SUFFIXES), run.consensus_map]
    for path in (settings.particles, settings.map, *named_files_of(settings)):
        if path is not None and any(is_same_file(Path(path), result) for result in results):
            raise InputError(
                f"{path} is a file that the run in {run.root} writes itself, and would be destroyed. "
                f"Give another folder, such as --out {free_name(run.root)}, or the file under another name."
            )


def _read_table(settings: PrepareSettings, particles: ParticleFile) -> ParticleTable:
    """The table, with the contrast as the user requests it."""
    table = particles.read_table(image_search(settings), settings.pixel_size)
    if settings.invert_contrast:
        table = dataclasses.replace(table, contrast_sign=-table.contrast_sign)
    return on_one_grid(table)


def _exclusions(particle_file: Path, table: ParticleTable) -> Exclusions:
    """With those that the table alone shows."""
    exclusions = Exclusions(particle_file, table)
    exclusions.add_by_scale()
    exclusions.check()
    return exclusions


def _check_maps(
    settings: PrepareSettings, table: ParticleTable
) -> Maps:  # in the box of the particles, where given
    expected = table.box_size, table.pixel_size_in_angstroms
    return Maps(
        None if settings.map is None else read_matching_map(Path(settings.map), *expected),
        None if settings.mask is None else read_matching_mask(Path(settings.mask), *expected),
    )


def _working_box(requested: int, table: ParticleTable) -> int:
    """The requested box, or the largest even box that the images allow."""
    if requested % 2:
        raise InputError(
            f"--box is {requested}; expected an even number, so that the centre stays on a pixel."
        )
    of_table, allowed = min(requested, table.box_size - table.box_size % 2), largest_common_box(table)
    if allowed < of_table:
        width = table.box_size * table.pixel_size_in_angstroms
        note(
            f"Some images have pixels of {table.own_pixel_sizes.max():.4g} A and hold no finer detail: the working box is "
            f"{allowed} pixels of {width / allowed:.4g} A, not {of_table}."
        )
    return min(of_table, allowed)


def _check_disk_space(folder: Path, n_images: int, box_size: int) -> None:
    needed = HEADER_BYTES + n_images * box_size**2 * BYTES_PER_VALUE
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise InputError(
            f"{folder}: {needed / 1e9:.1f} GB are needed for {n_images} images of {box_size} pixels, {free / 1e9:.1f} GB are free. "
            "Make room, use another output folder, or a smaller --box."
        )


def _look(
    images: ParticleImages,
    working_box: int,
    settings: PrepareSettings,
    exclusions: Exclusions,
    progress: Progress,
) -> Look:
    table = images.table
    diameter_in_pixels = (settings.particle_diameter or np.inf) / table.pixel_size_in_angstroms
    original_mask = background_mask(table.box_size, min(diameter_in_pixels, table.box_size) / 2)
    scale = working_box / table.box_size
    mask = background_mask(working_box, min(diameter_in_pixels * scale, working_box) / 2)
    return Look(images, original_mask, mask, exclusions, progress)


def _make_plan(look: Look, settings: PrepareSettings) -> tuple[Plan, ParticleImages]:
    """Look at some images of every stack to decide what all need; dark ones among light ones are inverted from here on."""
    groups = Groups(look.images.table)
    measured = measure_images(look, rows_to_look_at(groups.cells), "Inspecting some images")
    look.exclusions.check()
    images = _with_one_contrast(look, measured, groups)
    is_off, why = why_not_normalised(measured, groups, int(look.original_mask.sum()))
    is_normalised_here = settings.normalise == "always" or (settings.normalise == "auto" and is_off)
    if why and settings.normalise == "auto":
        note(f"{why} The background of every image is normalised here.")
    elif why and settings.normalise == "never":
        warn(f"{why} The grey scale of the results is wrong where they differ; leave out --normalise never.")
    working_box = len(look.mask)
    odd_phases = _odd_phases(images.table, working_box)
    cropped = _median(measured.cropped_standard_deviations, 1.0)
    if is_normalised_here:
        ratios = measured.variations / np.maximum(measured.cropped_standard_deviations, MINIMUM_VARIATION)
        return Plan(working_box, look.mask, True, 1.0, 1.0, _median(ratios, 0.0), odd_phases), images
    was_cropped = working_box != look.images.table.box_size
    factor = 1 / cropped if not is_off and was_cropped else 1.0
    variation = _median(measured.variations, 0.0) * factor
    return Plan(working_box, look.mask, False, cropped * factor, factor, variation, odd_phases), images


def _odd_phases(table: ParticleTable, working_box: int) -> OddPhaseRemoval:
    pixel_size = table.pixel_size_in_angstroms * table.box_size / working_box
    return OddPhaseRemoval(table.optics.of_prepared_images(), working_box, pixel_size)


def _median(values: np.ndarray, without_any: float) -> float:
    return float(np.median(values)) if len(values) else without_any


def _with_one_contrast(look: Look, measured: Measured, groups: Groups) -> ParticleImages:
    """The images, with optics groups and stacks inverted that are dark among light ones; a warning where all are dark."""
    more = stacks_worth_a_second_look(measured, groups)
    if len(more):
        again = measure_images(look, more, "Inspecting stacks that seem dark")
        measured = Measured(*(np.concatenate(pair) for pair in zip(measured, again, strict=True)))
    is_dark, named = dark_among_light(measured, groups)
    images = look.images
    if is_dark.any():
        warn(
            f"{images.particle_file}: {int(is_dark.sum())} of {len(is_dark)} particles ({named}) are dark on a light "
            "background while the others are light; their contrast is inverted here. RELION takes all as they are: invert "
            "them for a refinement there with relion_image_handler --multiply_constant -1."
        )
        signs = np.where(is_dark, -images.table.contrast_sign, images.table.contrast_sign)
        return dataclasses.replace(images, table=dataclasses.replace(images.table, contrast_sign=signs))
    _warn_when_dark(measured.contrasts)
    return images


def _warn_when_dark(contrasts: np.ndarray) -> None:
    if len(contrasts) < 2:
        return
    error = float(contrasts.std(ddof=1)) / len(contrasts) ** 0.5
    if contrasts.mean() < -DARK_PARTICLE_SIGNIFICANCE * error:
        warn(
            "The particles look dark on a light background; expected light ones. "
            "If they are dark, use --invert-contrast."
        )
