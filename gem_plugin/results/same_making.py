"""Whether the parts of a landscape were made together: they must agree on the maps, the particles and the components.

Commands exchange a landscape whole; parts of different makings come from earlier versions, or from files that were
copied or deleted by hand.
"""

from pathlib import Path

import numpy as np

from gem_plugin.errors import InputError
from gem_plugin.io.run.files import RunFiles
from gem_plugin.io.run.landscape_files import LandscapeFiles

Count = tuple[Path, str, int]  # a file, what is counted in it, and how many there are


def check_same_making(run: RunFiles) -> None:
    """InputError names two parts that do not belong together, and the command that makes them again."""
    files = run.landscape
    command = f"gem-em landscape {run.root}"
    for counts in (_maps(files), _particles(files), _components(files)):
        _check_equal(counts, files.root, command)
    full = files.full
    of_particles = [
        *_particles(files)[:1],
        *_counted(full.coordinates, "rows", 0),
        *_counted(full.particle_states, "rows", 0),
    ]
    of_components = [*_components(files)[:1], *_counted(full.coordinates, "columns", 1)]
    for counts in (of_particles, of_components):
        _check_equal(counts, full.root, f"gem-em landscape-full {run.root}")
    _check_states(files, command)


def _maps(files: LandscapeFiles) -> list[Count]:
    counts: list[Count] = []
    if files.sketch_rows.is_file():
        counts.append((files.sketch_rows, "maps", len(files.sketch_rows.read_text(encoding="utf-8").split())))
    counts += _counted(files.volume_pca_scores, "rows", 0)
    counts += _counted(files.distances, "rows", 0)
    counts += _counted(files.state_labels, "rows", 0)
    return counts + [(path, what, number + 1) for path, what, number in _counted(files.tree, "maps", 0)]


def _particles(files: LandscapeFiles) -> list[Count]:
    paths = (files.particle_states, files.sketch_labels)
    return [count for path in paths for count in _counted(path, "particles", 0)]


def _components(files: LandscapeFiles) -> list[Count]:
    counts = _counted(files.volume_pca_scores, "components", 1)
    if not files.volume_pca.is_file():
        return counts
    with np.load(files.volume_pca, allow_pickle=False) as saved:
        return [*counts, (files.volume_pca, "components", len(saved["explained_variance"]))]


def _counted(path: Path, what: str, axis: int) -> list[Count]:
    """The length of an array along one axis; nothing where there is no array, which its own reader reports."""
    try:
        shape = np.load(path, mmap_mode="r", allow_pickle=False).shape
    except (OSError, ValueError, EOFError):
        return []
    return [(path, what, shape[axis])] if axis < len(shape) else []


def _check_equal(counts: list[Count], folder: Path, command: str) -> None:
    for path, what, number in counts[1:]:
        first, first_what, first_number = counts[0]
        if number != first_number:
            raise InputError(
                f"{folder} holds parts of different makings: {first.name} has {first_number} {first_what}, "
                f"{path.name} has {number} {what}. Run `{command}` again."
            )


def _check_states(files: LandscapeFiles, command: str) -> None:
    """The state of every particle is that of its map."""
    if not (files.sketch_record.is_file() and files.state_labels.is_file() and files.sketch_labels.is_file()):
        return  # of version 0.1.0, or unfinished
    of_particles, of_maps, maps = (
        np.load(path, allow_pickle=False)
        for path in (files.particle_states, files.state_labels, files.sketch_labels)
    )
    if maps.max(initial=-1) < len(of_maps) and np.array_equal(
        of_particles, np.where(maps < 0, 0, of_maps[maps])
    ):
        return
    raise InputError(
        f"{files.root} holds parts of different makings: the states in {files.particle_states.name} are not those of "
        f"{files.state_labels.name} for the maps in {files.sketch_labels.name}. Run `{command}` again."
    )
