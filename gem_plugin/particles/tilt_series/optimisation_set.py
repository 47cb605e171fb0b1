"""optimisation_set.star of RELION 5 and WarpTools: which particles, tomograms and trajectories belong together."""

from dataclasses import dataclass
from pathlib import Path

from gem_plugin.errors import InputError
from gem_plugin.io.project_folder import ImageSearch
from gem_plugin.io.star.columns import read_columns
from gem_plugin.io.star.particles import OPTIMISATION_SET
from gem_plugin.io.star.text import StarDocument, read_star_document
from gem_plugin.io.star.write import write_new_star
from gem_plugin.particles.tilt_series.named_files import find_named_file

TOMOGRAMS, TRAJECTORIES = "_rlnTomoTomogramsFile", "_rlnTomoTrajectoriesFile"
FILE_NAME = "optimisation_set.star"
ENDINGS = (
    "_data.star",
    "_particles.star",
    ".star",
)  # of particle files; RELION and WarpTools put _optimisation_set.star there


@dataclass(frozen=True)
class OptimisationSet:
    """Paths of the files that belong together."""

    particles: Path
    tomograms: Path
    trajectories: Path | None


def is_optimisation_set(document: StarDocument) -> bool:
    """Whether a star file names other files rather than holding particles."""
    return any(OPTIMISATION_SET in block.labels for block in document.blocks)


def read_optimisation_set(path: Path, search: ImageSearch | None = None) -> OptimisationSet:
    """The files that an optimisation set names; InputError for one that is missing."""
    document = read_star_document(path)
    block = next((block for block in document.blocks if OPTIMISATION_SET in block.labels), None)
    if block is None:
        raise InputError(f"{path} is not an optimisation set: there is no {OPTIMISATION_SET} in it.")
    columns = read_columns(document, block, text_labels=[OPTIMISATION_SET, TOMOGRAMS, TRAJECTORIES])
    names = {label: str(values[0]) for label, values in columns.items() if len(values)}
    if not names.get(OPTIMISATION_SET) or not names.get(TOMOGRAMS):
        missing = OPTIMISATION_SET if not names.get(OPTIMISATION_SET) else TOMOGRAMS
        raise InputError(
            f"{path}: {missing} is empty; expected the name of a file. Give particles and tomograms by themselves."
        )
    trajectories = names.get(TRAJECTORIES)
    return OptimisationSet(
        find_named_file(names[OPTIMISATION_SET], path, "the particle file", search),
        find_named_file(names[TOMOGRAMS], path, "the file of the tomograms", search),
        find_named_file(trajectories, path, "the file of the trajectories", search) if trajectories else None,
    )


def optimisation_set_beside(particle_file: Path) -> Path | None:
    """The optimisation set in the folder of a particle file, under the name that RELION or WarpTools gives it; else None."""
    stems = [particle_file.name.removesuffix(end) for end in ENDINGS if particle_file.name.endswith(end)]
    names = [*(f"{stem}_{FILE_NAME}" for stem in stems if stem), FILE_NAME]
    return next((path for name in names if (path := particle_file.with_name(name)).is_file()), None)


def write_optimisation_set(path: Path, names: OptimisationSet) -> None:
    """Write one with the paths as they are given; RELION reads them from the project folder."""
    pairs = {OPTIMISATION_SET: names.particles.as_posix(), TOMOGRAMS: names.tomograms.as_posix()}
    if names.trajectories is not None:
        pairs[TRAJECTORIES] = names.trajectories.as_posix()
    write_new_star(path, {"": pairs})
