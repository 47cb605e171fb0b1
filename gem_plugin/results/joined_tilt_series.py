"""Several files of tilt series as one, each a sample with a name: what prepare --samples starts from where particles own tilts.

Tomograms, particles and groups get the name of their sample before their own, since projects number them alike. Tilt series are
written anew with it, in the form of RELION 5; the stacks stay where they are.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from gem_plugin.errors import InputError
from gem_plugin.io.project_folder import ImageSearch, project_above
from gem_plugin.io.run.files import RunFiles
from gem_plugin.io.star.columns import read_columns
from gem_plugin.io.star.join import OPTICS_GROUP_NAME, FileToJoin, write_joined_star
from gem_plugin.io.star.particles import open_tilt_series_file
from gem_plugin.io.star.text import StarBlock, StarDocument, read_star_document
from gem_plugin.io.star.write import write_new_star
from gem_plugin.notices import note
from gem_plugin.particles.tilt_series.named_files import find_named_file
from gem_plugin.particles.tilt_series.optimisation_set import (
    FILE_NAME,
    OptimisationSet,
    write_optimisation_set,
)
from gem_plugin.particles.tilt_series.read import TiltSeriesOptions, read_tilt_series
from gem_plugin.particles.tilt_series.stack_columns import PARTICLE
from gem_plugin.particles.tilt_series.table import TiltSeriesForm, TiltSeriesParticles
from gem_plugin.particles.tilt_series.tomograms import FILE, NAME
from gem_plugin.results.joined_particles import COLUMN, JoinedParticles, named_files
from gem_plugin.results.samples import Samples

TOMOGRAMS_FILE, TILTS_FOLDER = "tomograms.star", "tilt_series"
ARE_STACKS = {"_rlnTomoSubTomosAre2DStacks": "1"}
NAMES_OF_FILES = ("_rlnMicrographName", "_rlnTomoTiltSeriesName")  # of tilts and tomograms, from the project


def join_tilt_series(run: RunFiles, samples: Sequence[str], options: TiltSeriesOptions) -> JoinedParticles:
    """Write the particles of all files as one into the run, and their tomograms. All must be of one program and one box."""
    options = replace(options, max_dose=None, max_tilts=None)  # prepare leaves images out
    found = {name: read_tilt_series(path, options) for name, path in named_files(samples).items()}
    _check_alike(found)
    is_series = next(iter(found.values())).form is TiltSeriesForm.IMAGE_SERIES
    own_names = (options.grouping_column,) if is_series else (NAME, PARTICLE)
    files = [
        FileToJoin(
            name,
            open_tilt_series_file(one.path),
            _project(one.path),
            one.stack_paths,
            own_names,
            not is_series,
        )
        for name, one in found.items()
    ]
    target = run.joined_particles(".star")
    write_joined_star(target, files, None if is_series else ARE_STACKS)
    sizes = [one.file.particles.n_rows for one in files]
    rows = Samples(COLUMN, tuple(found), np.repeat(np.arange(1, len(sizes) + 1), sizes))
    if is_series:
        return JoinedParticles(target, None, rows)
    tomograms, beside = target.with_name(TOMOGRAMS_FILE), target.with_name(FILE_NAME)
    _write_tomograms(tomograms, found, options.search)
    if any(one.trajectories_path is not None for one in found.values()):
        note("The trajectories of the samples are not joined; extraction has followed them already.")
    write_optimisation_set(beside, OptimisationSet(target.absolute(), tomograms.absolute(), None))
    return JoinedParticles(beside, None, rows)


def _check_alike(found: Mapping[str, TiltSeriesParticles]) -> None:
    first, *others = found.values()
    for other in others:
        if other.form is not first.form:
            raise InputError(
                f"{first.path} has {first.form.value}, {other.path} {other.form.value}; expected samples of one program. Extract both with one."
            )
        sizes = [(one.box_size, one.pixel_size_in_angstroms) for one in (first, other)]
        if sizes[0] != sizes[1]:
            shown = ["{} pixels of {:.4g} A".format(*size) for size in sizes]
            raise InputError(
                f"The images of {first.path} have {shown[0]}, those of {other.path} {shown[1]}; expected one box and pixel size. "
                "Extract both with the same."
            )


def _project(path: Path) -> Path:
    return project_above(path) or path.absolute().parent


def _write_tomograms(target: Path, found: Mapping[str, TiltSeriesParticles], search: ImageSearch) -> None:
    """A row of each tomogram that has particles, and a star file of its tilts."""
    tables = [_tomograms_of(target, name, one, search) for name, one in found.items()]
    labels = [label for label in tables[0] if all(label in table for table in tables)]
    write_new_star(
        target, {"global": {label: [value for table in tables for value in table[label]] for label in labels}}
    )


def _tomograms_of(
    target: Path, sample: str, particles: TiltSeriesParticles, search: ImageSearch
) -> dict[str, list[str]]:
    """The columns of the tomograms of one sample, after its tilt series were written."""
    assert particles.tomograms_path is not None
    document = read_star_document(particles.tomograms_path)
    columns = _texts(document, _block(document, "global"), particles.path)
    names = columns[NAME]
    used = set(particles.tomograms.tolist())
    rows = [row for row, name in enumerate(names) if name in used]
    paths = []
    for row in rows:
        tilts = document
        if FILE in columns:
            what = f"the tilt series of {names[row]}"
            tilts = read_star_document(find_named_file(columns[FILE][row], document.path, what, search))
        name = f"{sample}_{names[row]}"
        path = target.absolute().parent / TILTS_FOLDER / f"{name.replace('/', '_')}.star"
        path.parent.mkdir(parents=True, exist_ok=True)
        write_new_star(path, {name: _texts(tilts, _block(tilts, names[row]), particles.path)})
        paths.append(str(path))
    chosen = {label: [values[row] for row in rows] for label, values in columns.items()}
    for label in (NAME, OPTICS_GROUP_NAME):
        if label in chosen:
            chosen[label] = [f"{sample}_{value}" for value in chosen[label]]
    return {**chosen, FILE: paths}


def _block(document: StarDocument, name: str) -> StarBlock:
    """That of a name, or the only one; that it is there was checked when the particles were read."""
    return document.find_block(name) or document.blocks[0]


def _texts(document: StarDocument, block: StarBlock, particle_file: Path) -> dict[str, list[str]]:
    """All columns of a block as texts, with the names of files from the root."""
    columns = read_columns(document, block, text_labels=block.labels)
    texts = {label: list(map(str, values.tolist())) for label, values in columns.items()}
    for label in NAMES_OF_FILES:
        if label in texts:
            texts[label] = [_from_root(value, _project(particle_file)) for value in texts[label]]
    return texts


def _from_root(name: str, folder: Path) -> str:
    number, at_sign, path = name.rpartition("@")
    return f"{number}{at_sign}{folder.absolute() / path}" if path else name
