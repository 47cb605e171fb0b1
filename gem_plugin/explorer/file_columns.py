"""Columns of the particle file for the explorer: numbers or categories, each read when it is first asked for.

The page gets their names at once, and the values of those that are chosen. Texts become categories, numbered from the
commonest; 0 is no value. The page shows the commonest by name and finds the others by a part of theirs.
"""

import re
import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from gem_plugin.errors import GemError, InputError
from gem_plugin.results.run import Run

N_COMMONEST = 29  # categories with a name of their own in the page; the others are found by searching
MAXIMUM_FOUND = 50  # names that one search gives
MAXIMUM_NAME = 120  # characters of a name that the page gets
MAXIMUM_KEPT = 12  # columns in memory
FEW = 50  # different whole numbers up to MAXIMUM_GROUP are groups
MAXIMUM_GROUP = 255
COMPONENT = re.compile(r"(.+)\[(\d+)\]")  # of a field with several numbers a particle
NO_TEXT = ("", "None")


@dataclass(frozen=True)
class FileColumn:
    """One column. Of categories `values` are their numbers from 1, the commonest first, and 0 for no value."""

    name: str
    values: np.ndarray  # (n,) float32
    is_group: bool
    categories: np.ndarray = field(default_factory=lambda: np.zeros(0, object))  # (k,) names of 1, 2, ...
    counts: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))  # (k,)

    def described(self) -> dict[str, Any]:
        """What the page needs beside the values."""
        finite = self.values[np.isfinite(self.values)]
        described = {
            "isGroup": self.is_group,
            "lowest": float(finite.min()) if len(finite) else 0.0,
            "highest": float(finite.max()) if len(finite) else 0.0,
            "hasNoValues": len(finite) == 0,
        }
        if not len(self.categories):
            return described
        commonest = range(min(N_COMMONEST, len(self.categories)))
        return {
            **described,
            "isText": True,
            "nCategories": len(self.categories),
            "categories": [self._category(index) for index in commonest],
        }

    def search(self, text: str) -> list[dict[str, Any]]:
        """The categories whose names hold a text, the commonest first."""
        wanted = text.strip().lower()
        found = (index for index, name in enumerate(self.categories) if wanted in str(name).lower())
        return [self._category(index) for index, _ in zip(found, range(MAXIMUM_FOUND))]

    def _category(self, index: int) -> dict[str, Any]:
        name = str(self.categories[index])
        shown = name if len(name) <= MAXIMUM_NAME else f"...{name[-MAXIMUM_NAME:]}"
        return {"number": index + 1, "name": shown, "count": int(self.counts[index])}


class FileColumns:
    """The columns of the particle file of a run."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, FileColumn] = OrderedDict()

    def offered(self) -> dict[str, Any]:
        """Names of all columns and the file's name, or a sentence on what is missing."""
        if not self.run.is_prepared:
            return {"file": "", "columns": [], "missing": "This run has no particle file of its own."}
        try:
            with self._lock:
                names = self._names()
        except GemError as error:
            return {"file": "", "columns": [], "missing": str(error)}
        return {"file": self.run.original.path.name, "columns": names, "missing": ""}

    def column(self, name: str) -> FileColumn:
        """A column by its name; InputError where the file has none of that name."""
        with self._lock:
            if name not in self._kept:
                self._kept[name] = column_of_values(name, self._values(name))
                if len(self._kept) > MAXIMUM_KEPT:
                    self._kept.popitem(last=False)
            self._kept.move_to_end(name)
            return self._kept[name]

    def _names(self) -> list[str]:
        """As select --where takes them; of fields with several numbers one name for each."""
        names = []
        for label in self.run.original.labels:
            values = np.zeros(0) if label.startswith("_") else self.run.original.values(label)
            if values.ndim == 1:
                names.append(label.removeprefix("_"))
            else:
                names += [f"{label}[{index}]" for index in range(int(np.prod(values.shape[1:])))]
        return names

    def _values(self, name: str) -> np.ndarray:  # (n,)
        if not self.run.is_prepared:
            raise InputError("This run has no particle file of its own, so it has no such column.")
        original = self.run.original
        match = COMPONENT.fullmatch(name)
        if match is None or name in original.labels:
            values = original.values(name)
            if values.ndim == 1:
                return values
            raise InputError(
                f"{name} has several numbers per particle; choose one of them, such as {name}[0]."
            )
        values = original.values(match[1])
        values = values.reshape(len(values), -1)
        if int(match[2]) >= values.shape[1]:
            raise InputError(f"{match[1]} has {values.shape[1]} numbers per particle, counted from 0.")
        return values[:, int(match[2])]


def column_of_values(name: str, values: np.ndarray) -> FileColumn:  # (n,) numbers or texts
    """Numbers where all values are, groups where these are few and whole, and categories otherwise."""
    numbers = numbers_in(values)
    if numbers is None:
        return _categories(name, np.array([_text(value) for value in values.tolist()], dtype=object))
    different = np.unique(numbers)
    return FileColumn(name, numbers.astype(np.float32), are_groups(different[np.isfinite(different)]))


def are_groups(different: np.ndarray) -> bool:  # (k,) sorted
    """Whether different numbers are few and whole, and none is larger than groups have colours for."""
    if not 0 < len(different) <= FEW or different[0] < 0 or different[-1] > MAXIMUM_GROUP:
        return False
    return bool(np.all(different == np.round(different)))


def numbers_in(values: np.ndarray) -> np.ndarray | None:  # (n,) -> (n,) float64
    """The values as numbers, NaN and infinities as NaN; None where any of them is a word."""
    if values.dtype.kind in "iufb":
        numbers = values.astype(np.float64)
    elif values.dtype.kind in "OU":
        try:
            numbers = values.astype(np.float64)
        except (ValueError, TypeError):
            return None
    else:
        return None
    return np.where(np.isfinite(numbers), numbers, np.nan)


def _text(value: Any) -> str:
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
    text = text.encode("utf-8", "replace").decode(
        "utf-8"
    )  # without halves of letters, which JSON cannot hold
    return "" if text.strip() in NO_TEXT else text


def _categories(name: str, texts: np.ndarray) -> FileColumn:  # (n,) object array of str
    different, members = np.unique(texts.astype(str), return_inverse=True)
    counts = np.bincount(members, minlength=len(different))
    is_text = different != ""
    order = np.argsort(np.where(is_text, -counts, 1), kind="stable")[: int(is_text.sum())]
    numbers = np.zeros(len(different), np.float32)
    numbers[order] = np.arange(1, len(order) + 1)
    return FileColumn(name, numbers[members], True, different[order].astype(object), counts[order])
