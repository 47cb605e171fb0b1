"""Which files of an earlier start of a step are still those that it would write now; these are kept.

Decided by content alone: of everything a product is made of, of the program that makes it, and of the files themselves. A figure
that someone edited, deleted or linked to is therefore made again, and so is everything after an update.
"""

import dataclasses
import hashlib
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import Enum
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from gem_plugin.io.run.files import RunFiles
from gem_plugin.results.stage_records import StageRecords

LIBRARIES = ("matplotlib", "numpy", "scipy", "scikit-learn", "torch", "pillow", "fonttools")
MARK_OF_FILE = " > "  # between a product and one of its files in the record


class KeptProducts:
    """The products of a step in a run; save() at the end records what was made and what was kept."""

    def __init__(self, run: RunFiles, folder_of_record: Path) -> None:
        self._run = run
        self._records = StageRecords(folder_of_record)

    def make(
        self,
        name: str,
        made_of: Any,  # everything that enters: arrays, dataclasses, plain values; a Path stands for its content
        make: Callable[[], Iterable[Path]],  # gives the files that it wrote
    ) -> list[Path]:
        """The files of a product, made only where they are not there as they would be made now."""
        if self.is_valid(name, made_of):
            return self._recorded_files(name)
        made_of_print = print_of(
            program_identity(), made_of
        )  # before the work: its inputs may change meanwhile
        self._forget(name)
        written = list(make())
        self._records.fingerprints[name] = made_of_print
        for path in written:
            self._records.fingerprints[self._key(name, path)] = print_of(path)
        return written

    def is_valid(self, name: str, made_of: Any) -> bool:
        """Whether a product was made of exactly this, and its files are as they were written."""
        recorded = self._records.fingerprints
        return recorded.get(name) == print_of(program_identity(), made_of) and all(
            path.is_file() and not path.is_symlink() and print_of(path) == recorded[self._key(name, path)]
            for path in self._recorded_files(name)
        )

    def is_known(self, name: str) -> bool:
        """Whether this product was made here before."""
        return name in self._records.fingerprints

    def save(self) -> None:
        """Record what is there now. A step that is interrupted before finds its new files changed, and makes them again."""
        self._records.save()

    def _recorded_files(self, name: str) -> list[Path]:
        start = name + MARK_OF_FILE
        keys = [key for key in self._records.fingerprints if key.startswith(start)]
        return [self._run.where_to_make(self._run.root / key[len(start) :]) for key in keys]

    def _key(self, name: str, path: Path) -> str:
        known = self._run.as_users_know(path)
        return name + MARK_OF_FILE + Path(os.path.relpath(known, self._run.root)).as_posix()

    def _forget(self, name: str) -> None:
        recorded = self._records.fingerprints
        for key in [key for key in recorded if key == name or key.startswith(name + MARK_OF_FILE)]:
            del recorded[key]


@cache
def program_identity() -> str:
    """The source of this program and the versions of the libraries that compute and draw."""
    folder = Path(__file__).parents[1]
    sources = sorted(folder.rglob("*.py"))
    return print_of([(path.relative_to(folder).as_posix(), path) for path in sources], _versions())


def print_of(*values: Any) -> str:
    """A hash of whatever these values hold. TypeError for what has no content that could be compared."""
    digest = hashlib.sha256()
    for value in values:
        _feed(digest.update, value)
    return digest.hexdigest()


def _feed(update: Callable[[bytes], object], value: Any) -> None:
    if isinstance(value, Enum):
        _feed(update, (type(value).__name__, value.value))
    elif value is None or isinstance(value, str | bytes | bool | int | float | np.generic):
        update(f"{type(value).__name__} {value!r};".encode())
    elif isinstance(value, np.ndarray):
        if value.dtype.hasobject:
            raise TypeError("An array of objects has no content that could be compared.")
        update(f"array {value.dtype} {value.shape} ".encode())
        update(np.ascontiguousarray(value).tobytes())
    elif isinstance(value, Path):
        update(b"file " + value.read_bytes() if value.is_file() else b"no file")
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = [(field.name, getattr(value, field.name)) for field in dataclasses.fields(value)]
        _feed(update, (type(value).__qualname__, fields))
    elif isinstance(value, Mapping):
        _feed(update, ["mapping", *value.items()])
    elif isinstance(value, Sequence):
        update(f"{len(value)} of (".encode())
        for one in value:
            _feed(update, one)
        update(b");")
    else:
        raise TypeError(f"{type(value).__name__} has no content that could be compared.")


def _versions() -> list[tuple[str, str]]:
    found = []
    for name in LIBRARIES:
        try:
            found.append((name, version(name)))
        except PackageNotFoundError:  # installed in another way
            found.append((name, "unknown"))
    return found
