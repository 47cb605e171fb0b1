"""What several steps need of the particles, checked before the first of them begins: a late step must not fail for it."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gem_plugin.errors import InputError
from gem_plugin.io.run.files import RunFiles
from gem_plugin.notices import listening
from gem_plugin.progress import Progress
from gem_plugin.settings import AUTOMATIC

OF_TRAINING = ("focus_mask", "halves")
OF_LANDSCAPE = ("mask", "region", "sketch_ind", "vol_ind")
OF_SAMPLES = ("compare",)


def check_against_particles(
    names: Sequence[str],  # the steps that are to be done
    run: RunFiles,
    settings: Mapping[str, Any],  # of each of them
    progress: Progress,
) -> None:
    """Masks, regions, lists of rows and half-sets of the later steps; the particles are read only where one was given.

    Raises InputError as the step itself would, hours later.
    """
    if "prepare" not in names:
        return
    train, landscape = (settings[name] if name in names else None for name in ("train", "landscape"))
    if getattr(train, "loss", "squared") != "squared":
        _check_tilt_series(train, settings["prepare"])
    if _given(landscape, "skip_mask") and not run.landscape.mask.is_file():
        raise InputError(f"--skip-mask: there is no {run.landscape.mask}. Leave --skip-mask out.")
    of_train, of_landscape = _given(train, *OF_TRAINING), _given(landscape, *OF_LANDSCAPE)
    of_samples = _given(landscape, *OF_SAMPLES)
    if not (of_train or of_landscape or of_samples):
        return
    with listening(lambda notice: None):  # the steps say it
        prepare = _with_one_file(run, settings["prepare"], progress)
        if of_samples:
            _check_compared(landscape, prepare, progress)
        if not (of_train or of_landscape):
            return
        table = _read_table(prepare, progress)
        if of_train:
            _check_training(train, table)
        if of_landscape:
            _check_landscape(landscape, settings["prepare"].box, table)


def _given(settings: Any, *names: str) -> bool:
    return any(getattr(settings, name, None) for name in names)


def _check_tilt_series(train: Any, prepare: Any) -> None:
    from gem_plugin.steps.prepare.tilt_series import is_tilt_series
    from gem_plugin.steps.train.images import check_for_tilt_series

    if is_tilt_series(prepare):
        check_for_tilt_series(train)


def _with_one_file(run: RunFiles, prepare: Any, progress: Progress) -> Any:
    """The settings of prepare with its samples joined."""
    from gem_plugin.steps.prepare.samples import joined_where_several

    return joined_where_several(run, prepare, progress)[0]


def _read_table(prepare: Any, progress: Progress) -> Any:
    from gem_plugin.imaging.symmetry import (
        settings_of_symmetry,
    )  # late: only where there is something to check
    from gem_plugin.particles.expansion import expand_table
    from gem_plugin.particles.tilt_series.saved import table_of_particles
    from gem_plugin.results.image_search import image_search
    from gem_plugin.results.particle_file import find_particle_file
    from gem_plugin.steps.prepare.tilt_series import is_tilt_series, read_particles_of_tilts

    if is_tilt_series(prepare):
        table = table_of_particles(read_particles_of_tilts(prepare, progress))
    else:
        with progress.waiting(f"reading {Path(prepare.particles).name}"):
            particles = find_particle_file(Path(prepare.particles))
            table = particles.read_table(image_search(prepare), prepare.pixel_size)
    return (
        table if prepare.symmetry is None else expand_table(table, settings_of_symmetry(prepare.symmetry)[0])
    )


def _check_compared(landscape: Any, prepare: Any, progress: Progress) -> None:
    """That the column of --compare is there and divides the particles into samples, where that can be known before the run."""
    from gem_plugin.results.particle_file import find_particle_file
    from gem_plugin.results.sample_columns import check_samples
    from gem_plugin.results.tilt_series_file import TiltSeriesParticleFile
    from gem_plugin.steps.prepare.tilt_series import is_tilt_series, read_particles_of_tilts

    with progress.waiting(f"samples by {landscape.compare}"):
        particles = (
            TiltSeriesParticleFile(read_particles_of_tilts(prepare, progress))
            if is_tilt_series(prepare)
            else find_particle_file(Path(prepare.particles))
        )
        check_samples(particles, landscape.compare, landscape.compare_table)


def _check_training(train: Any, table: Any) -> None:
    from gem_plugin.particles.map_checks import read_matching_mask
    from gem_plugin.steps.train.half_sets import check_half_sets

    if train.focus_mask is not None:
        read_matching_mask(train.focus_mask, table.box_size, table.pixel_size_in_angstroms)
    if train.halves:
        check_half_sets(table.half_sets)


def _check_landscape(landscape: Any, working_box: int, table: Any) -> None:
    from gem_plugin.io.array_files import read_rows
    from gem_plugin.particles.image_sizes import largest_common_box
    from gem_plugin.results.masks import read_mask_on_grid
    from gem_plugin.steps.landscape.settings import check_number_of_states

    n_maps = min(landscape.sketch_size, len(table))
    if landscape.sketch_ind is not None:
        n_maps = len(read_rows(landscape.sketch_ind, len(table)))
    if landscape.vol_ind is not None:
        n_maps = len(read_rows(landscape.vol_ind, n_maps))
    if landscape.n_states != AUTOMATIC:
        check_number_of_states(landscape, n_maps)
    if landscape.apix is not None:  # then the maps have another width than the particles
        return
    box_size, pixel_size = table.box_size, table.pixel_size_in_angstroms
    working_box = min(working_box, largest_common_box(table))
    grid = working_box, pixel_size * box_size / working_box
    masks = [] if landscape.mask is None else [landscape.mask]
    for path in [*masks, *(Path(text.partition("=")[2]) for text in landscape.region)]:
        read_mask_on_grid(path, *grid, (box_size, pixel_size))
