"""Files that a user names for results: never one that is read, and one that is there only when that is asked for."""

import itertools
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from gem_plugin.errors import InputError

MAXIMUM_FILES_NAMED = 3


def check_nothing_is_lost(
    files: Sequence[Path],  # that are to be written
    overwrite: bool,
    inputs: Iterable[Path] = (),  # that are read
    named: Path | None = None,  # what the user gave as --out, where that is a folder; default: the first file
) -> None:
    """InputError names what would be lost, and a free name. An input is refused with overwrite too."""
    read = list(inputs)
    for path in files:
        if any(is_same_file(path, one) for one in read):
            raise InputError(
                f"{path} is one of the files that are read, and would be destroyed. "
                f"Give another name, such as --out {free_name(named or path)}."
            )
        if path.is_dir():
            raise InputError(f"{path} is a folder; expected the name of a file, such as {free_name(path)}.")
    there = [path for path in files if path.exists()]
    if not there or overwrite:
        return
    size = sum(path.stat().st_size for path in there) / 1e6
    made = time.strftime("%Y-%m-%d %H:%M", time.localtime(max(path.stat().st_mtime for path in there)))
    names = ", ".join(str(path) if named is None else path.name for path in there[:MAXIMUM_FILES_NAMED])
    more = f" and {len(there) - MAXIMUM_FILES_NAMED} more" if len(there) > MAXIMUM_FILES_NAMED else ""
    what = f"{names}{more} {'is' if len(there) == 1 else 'are'} there already"
    if named is not None:
        what = f"{named} holds {names}{more} already"
    raise InputError(
        f"{what} ({size:.1f} MB, written {made}), which would be lost. "
        f"Give another name, such as --out {free_name(named or files[0])}, or --overwrite."
    )


def is_same_file(path: Path, other: Path) -> bool:
    """Whether two names lead to one file, through links too."""
    if path.exists() and other.exists():
        return path.samefile(other)
    return path.resolve() == other.resolve()


def free_name(path: Path) -> Path:
    """name-2.star of name.star, folder-2 of folder, or the next number that is free."""
    path = path if path.name else path.absolute()
    stem, suffix = (path.name, "") if path.is_dir() else (path.stem, path.suffix)
    names = (path.with_name(f"{stem}-{number}{suffix}") for number in itertools.count(2))
    return next(name for name in names if not name.exists())
