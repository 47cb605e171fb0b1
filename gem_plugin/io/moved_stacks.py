"""Stacks that do not lie under their whole names any more: found by the longest end of each name that exists.

Extract/job005/mic1.mrcs may be data/mic1.mrcs now, as in archives such as EMPIAR.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath

from gem_plugin.errors import InputError

MAXIMUM_SUBFOLDERS = 1000  # of a folder that are looked into
MISSING_NAMES_SHOWN = 3


def below_datadir(
    looked_for: Mapping[str, str],  # name in the file -> name that is looked for
    datadir: Path,
    particle_file: Path,
) -> dict[str, Path]:
    """The path of every stack below a folder of the user: of each name the longest end that exists there."""
    paths: dict[str, Path] = {}
    missing = []
    for name, tail in looked_for.items():
        path = next((datadir / end for end in _ends(tail) if (datadir / end).is_file()), None)
        if path is None:
            missing.append(name)
        else:
            paths[name] = path
    if missing:
        raise InputError(
            f"{particle_file}: {len(missing)} of {len(looked_for)} image stacks are missing below {datadir} (--datadir), "
            f"also by the ends of their names: {shown_names(missing)}. Give the folder that holds all of them."
        )
    _check_each_once(paths, particle_file)
    return paths


def by_ends_of_names(
    looked_for: Mapping[str, str], roots: Sequence[Path], particle_file: Path
) -> tuple[Path, dict[str, Path]] | None:  # the folder, and the path of every stack
    """All stacks in one folder, the root or one in it, under names without the same number of first folders.

    None where there is no such folder; InputError where several hold other files of these names.
    """
    if not looked_for:
        return None
    folders = [folder for root in roots for folder in _with_subfolders(root)]
    n_parts = min(len(_parts(tail)) for tail in looked_for.values())
    for n_dropped in range(1 if not _is_absolute(looked_for) else 0, n_parts):
        ends = {name: Path(*_parts(tail)[n_dropped:]) for name, tail in looked_for.items()}
        found = {
            (folder / next(iter(ends.values()))).resolve(): folder
            for folder in reversed(folders)
            if all((folder / end).is_file() for end in ends.values())
        }
        if len(found) > 1:
            raise InputError(
                f"{particle_file}: no image stack lies under its whole name, and several folders hold files that end in the same "
                f"way: {', '.join(map(str, reversed(found.values())))}. Name the right one with --datadir."
            )
        if found:
            folder = next(iter(found.values()))
            paths = {name: folder / end for name, end in ends.items()}
            _check_each_once(paths, particle_file)
            return folder, paths
    return None


def shown_names(names: Sequence[str]) -> str:
    """The first few of many names."""
    return ", ".join(names[:MISSING_NAMES_SHOWN]) + (", ..." if len(names) > MISSING_NAMES_SHOWN else "")


def _parts(name: str) -> tuple[str, ...]:
    """The folders and the file of a name, without the root."""
    return tuple(part for part in PurePosixPath(name).parts if part not in ("/", ".."))


def _ends(name: str) -> Iterator[Path]:
    """The whole name, then without its first folder, and so on."""
    parts = _parts(name)
    return (Path(*parts[n_dropped:]) for n_dropped in range(len(parts)))


def _is_absolute(looked_for: Mapping[str, str]) -> bool:
    return any(PurePosixPath(tail).is_absolute() for tail in looked_for.values())


def _with_subfolders(root: Path) -> list[Path]:
    try:
        with os.scandir(root) as entries:
            names = sorted(
                entry.name for entry in entries if not entry.name.startswith(".") and entry.is_dir()
            )
    except OSError:
        return [root]
    return [root, *(root / name for name in names[:MAXIMUM_SUBFOLDERS])]


def _check_each_once(paths: Mapping[str, Path], particle_file: Path) -> None:
    """Two stacks of the file must not become one: then images would be mistaken for others."""
    name_of: dict[Path, str] = {}
    for name, path in paths.items():
        if path in name_of:
            raise InputError(
                f"{particle_file}: the stacks {name_of[path]} and {name} differ, but both would be {path} by the ends of their names. "
                "Keep their folders apart below the folder of the images."
            )
        name_of[path] = name
