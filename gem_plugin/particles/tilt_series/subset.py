"""Chosen particles back to RELION or Warp: every row and column verbatim, all rows of a particle together."""

import os
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from gem_plugin.errors import InputError
from gem_plugin.io.new_files import check_nothing_is_lost
from gem_plugin.io.project_folder import project_above
from gem_plugin.io.star.columns import read_columns
from gem_plugin.io.star.edit import columns_added_pieces, subset_pieces, write_whole_pieces
from gem_plugin.io.star.particles import IMAGE_NAME, RelionFile, open_tilt_series_file
from gem_plugin.notices import warn
from gem_plugin.particles.tilt_series.copies_in_groups import numbered_by_first_row, views_by_image_names
from gem_plugin.particles.tilt_series.optimisation_set import (
    FILE_NAME,
    OptimisationSet,
    write_optimisation_set,
)
from gem_plugin.particles.tilt_series.table import TiltSeriesForm, TiltSeriesParticles


@dataclass(frozen=True)
class WrittenSubset:
    """The files of a subset."""

    particles: Path
    optimisation_set: Path | None  # None for image series, which have none


def write_subset(
    particles: TiltSeriesParticles,
    chosen: np.ndarray,  # (k,) rows of `particles`, in any order, each once
    target: Path,  # the star file to write
    overwrite: bool = False,  # files that are there already
    project: Path
    | None = None,  # that names in the files start from; default: the project above the target, else as in the source
) -> WrittenSubset:
    """Write the chosen particles with the columns and groups of their file, and an optimisation set beside them.

    Particles keep the order of the file. Of image series all rows of a particle are written, those of tilts that are not used
    included. Raises InputError where nothing was chosen, or a row twice.
    """
    chosen = np.asarray(chosen, dtype=np.int64)
    _check_chosen(particles, chosen)
    target = Path(target)
    beside = set_beside(target)
    is_series = particles.form is TiltSeriesForm.IMAGE_SERIES
    read = [path for path in (particles.path, particles.tomograms_path, particles.trajectories_path) if path]
    check_nothing_is_lost([target] if is_series else [target, beside], overwrite, read)
    _warn_of_one_half_set(particles, chosen, target)
    file = open_tilt_series_file(particles.path)
    project = project or project_above(target) or project_above(particles.path)
    if is_series:
        rows, _ = rows_of_groups(file, particles, chosen)
        _write_rows(file, particles, rows, target, project)
        return WrittenSubset(target, None)
    _write_rows(file, particles, np.sort(particles.file_rows[chosen]), target, project)
    return WrittenSubset(target, write_set_beside(target, particles, project))


def set_beside(target: Path) -> Path:
    """Where the optimisation set of a particle file is written."""
    return target.with_name(FILE_NAME if target.name == "particles.star" else f"{target.stem}_{FILE_NAME}")


def write_set_beside(target: Path, particles: TiltSeriesParticles, project: Path | None) -> Path:
    """The optimisation set of particles in stacks, with the tomograms and trajectories of the input."""
    assert particles.tomograms_path is not None
    names = OptimisationSet(target, particles.tomograms_path, particles.trajectories_path)
    write_optimisation_set(set_beside(target), _from_project(names, project))
    return set_beside(target)


def _check_chosen(particles: TiltSeriesParticles, chosen: np.ndarray) -> None:
    if len(chosen) == 0:
        raise InputError(f"No particle of {particles.path} was chosen, so nothing is written.")
    if chosen.min() < 0 or chosen.max() >= len(particles):
        raise InputError(
            f"{particles.path} has particles 0 to {len(particles) - 1}; {int(chosen.max())} was requested. Is the list of another set?"
        )
    if len(np.unique(chosen)) < len(chosen):
        raise InputError(f"A particle of {particles.path} was chosen twice. Give each once.")


def _warn_of_one_half_set(particles: TiltSeriesParticles, chosen: np.ndarray, target: Path) -> None:
    half_sets = set(particles.half_sets[chosen].tolist())
    if len(half_sets) == 1 and half_sets != {0}:
        warn(
            f"{target}: all {len(chosen)} particles are of half-set {half_sets.pop()}. Refine3D fails where one half-set is empty; choose "
            "particles of both, or remove the column _rlnRandomSubset."
        )


def has_repeated_names(particles: TiltSeriesParticles) -> bool:
    """Whether several rows have one name, as views of one particle."""
    return len(set(particles.names.tolist())) < len(particles)


def rows_of_groups(
    file: RelionFile, particles: TiltSeriesParticles, chosen: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """All rows of an image series that belong to the chosen particles, in the order of the file, and the particle of each.

    Where groups are several views each, the view of a row is that of the row with which it begins in the file.
    """
    column = particles.grouping_column
    assert column is not None
    groups = read_columns(file.document, file.particles, text_labels=[column])[column]
    is_chosen = np.zeros(len(particles) + 1, dtype=bool)  # the last: rows of no particle
    is_chosen[chosen] = True
    if has_repeated_names(particles):
        _, first_rows, which = numbered_by_first_row(groups, views_by_image_names(file, groups))
        number_of = {row: number for number, row in enumerate(particles.file_rows.tolist())}
        owners = np.array([number_of.get(row, -1) for row in first_rows.tolist()], dtype=np.int64)[which]
    else:
        number_of = {name: number for number, name in enumerate(particles.names.tolist())}
        owners = np.array([number_of.get(name, -1) for name in groups.tolist()], dtype=np.int64)
    rows = np.flatnonzero(is_chosen[owners])
    return rows, owners[rows]


def _write_rows(
    file: RelionFile, particles: TiltSeriesParticles, rows: np.ndarray, target: Path, project: Path | None
) -> None:
    """The rows verbatim; names of stacks are changed only where they would not be found from the project of the target."""
    document, block = file.document, file.particles
    names = names_for_target(file, particles, rows, target, project)
    if names is None:
        write_whole_pieces(target, subset_pieces(document, block, rows))
        return
    texts = [(name,) for name in names]
    write_whole_pieces(target, columns_added_pieces(document, block, [IMAGE_NAME], texts, rows))


def names_for_target(
    file: RelionFile, particles: TiltSeriesParticles, rows: np.ndarray, target: Path, project: Path | None
) -> list[str] | None:
    """Names of the images of some rows as the target needs them; None where those of the file lead to their stacks from there."""
    names = read_columns(file.document, file.particles, text_labels=[IMAGE_NAME])[IMAGE_NAME][rows].tolist()
    folders = [project] if project is not None else list(target.absolute().parents)
    if all(_is_found(name, particles, folders) for name in set(_stack_of(name) for name in names)):
        return None
    return [_renamed(name, particles, project) for name in names]


def _stack_of(image_name: str) -> str:
    return image_name.rpartition("@")[2]


def _is_found(stack: str, particles: TiltSeriesParticles, folders: list[Path]) -> bool:
    """Whether a name leads to the stack that was read; stacks that no used image needs are not looked at."""
    if stack not in particles.stack_paths:
        return True
    path = particles.stack_paths[stack].absolute()
    return any((folder / stack).absolute() == path for folder in folders)


def _renamed(image_name: str, particles: TiltSeriesParticles, project: Path | None) -> str:
    number, at, stack = image_name.rpartition("@")
    path = particles.stack_paths.get(stack)
    return image_name if path is None else f"{number}{at}{_named_from(path, project).as_posix()}"


def _from_project(names: OptimisationSet, project: Path | None) -> OptimisationSet:
    """The same files under the names that RELION needs."""
    trajectories = None if names.trajectories is None else _named_from(names.trajectories, project)
    return replace(
        names,
        particles=_named_from(names.particles, project),
        tomograms=_named_from(names.tomograms, project),
        trajectories=trajectories,
    )


def _named_from(path: Path, project: Path | None) -> Path:
    """Relative to the project, or absolute for files outside it."""
    absolute = Path(os.path.abspath(path))
    if project is not None and absolute.is_relative_to(os.path.abspath(project)):
        return absolute.relative_to(os.path.abspath(project))
    return absolute
