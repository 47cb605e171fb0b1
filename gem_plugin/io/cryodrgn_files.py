"""cryoDRGN's run folders: config.yaml, weights, latents. Pickles are read only if they hold nothing but arrays.

A pickle is a program; loading one runs it. The reader here knows the few names that arrays consist of and
refuses every other, so no code from a file is ever run.
"""

import pickle
from pathlib import Path
from typing import Any

import numpy as np

from gem_plugin.errors import InputError
from gem_plugin.io.whole_files import whole_file

ALLOWED = {
    ("numpy.core.multiarray", "_reconstruct"),
    ("numpy._core.multiarray", "_reconstruct"),
    ("numpy.core.multiarray", "scalar"),
    ("numpy._core.multiarray", "scalar"),
    ("numpy._core.numeric", "_frombuffer"),
    ("numpy.core.numeric", "_frombuffer"),
    ("numpy", "ndarray"),
    ("numpy", "dtype"),
    ("_codecs", "encode"),
}


class _ArraysOnly(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) in ALLOWED:
            return super().find_class(module.replace("numpy.core", "numpy._core"), name)
        raise pickle.UnpicklingError(f"it refers to {module}.{name}")


def read_pickled_array(path: Path) -> np.ndarray:
    """The array in a pickle; anything that is not a plain array of numbers is refused."""
    path = Path(path)
    if not path.is_file():
        raise InputError(f"There is no file {path}.")
    try:
        with open(path, "rb") as handle:
            value = _ArraysOnly(handle).load()
    except (pickle.UnpicklingError, EOFError, ValueError, AttributeError, TypeError, ImportError) as error:
        raise InputError(
            f"{path} holds something other than an array ({error}). It was not loaded, as a pickle may run code."
        ) from error
    if not isinstance(value, np.ndarray) or value.dtype.hasobject:
        raise InputError(f"{path}: expected an array of numbers, got {type(value).__name__}.")
    return value


def write_pickled_array(path: Path, values: np.ndarray) -> None:
    """Write an array as cryoDRGN does, for scripts that read its files."""
    with whole_file(Path(path)) as temporary, open(temporary, "wb") as handle:
        pickle.dump(np.asarray(values), handle)


def read_weights(path: Path) -> dict[str, Any]:
    """A checkpoint of torch, tensors and plain values only."""
    import torch

    if not Path(path).is_file():
        raise InputError(f"There is no file {path}. Which epochs are there: weights.N.pkl?")
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError) as error:
        raise InputError(
            f"{path} holds more than tensors and numbers, or is damaged; it was not loaded ({error})."
        ) from error


def read_config(path: Path) -> dict[str, Any]:
    """config.yaml as cryoDRGN writes it: nested `name: value` lines and lists; numbers, text, true, false, null.

    This small part of YAML is read here, so that the package need not be installed.
    """
    if not Path(path).is_file():
        raise InputError(
            f"There is no {path}: expected the folder of a cryoDRGN run (config.yaml, weights.N.pkl)."
        )
    lines = []
    for number, text in enumerate(Path(path).read_text(encoding="utf-8").splitlines(), start=1):
        if text.strip() and not text.lstrip().startswith("#"):
            lines.append((number, len(text) - len(text.lstrip()), text.strip()))
    value, rest = _read_block(lines, path)
    if rest or not isinstance(value, dict):
        raise InputError(f"{path}, line {rest[0][0] if rest else 1}: not as cryoDRGN writes it.")
    return value


Line = tuple[int, int, str]  # number, indent, text


def _read_block(lines: list[Line], path: Path) -> tuple[Any, list[Line]]:
    """One block of equal indent, and the lines after it."""
    if not lines:
        return None, lines
    indent = lines[0][1]
    if lines[0][2].startswith("- ") or lines[0][2] == "-":
        items = []
        while lines and lines[0][1] == indent and lines[0][2].startswith("-"):
            items.append(_scalar(lines[0][2][1:].strip()))
            lines = lines[1:]
        return items, lines
    values: dict[str, Any] = {}
    while lines and lines[0][1] == indent:
        number, _, text = lines[0]
        name, separator, rest = text.partition(":")
        if not separator:
            raise InputError(f"{path}, line {number}: expected `name: value`, got {text!r}.")
        lines = lines[1:]
        is_list = bool(lines) and lines[0][1] == indent and lines[0][2].startswith("- ")
        if not rest.strip() and lines and (lines[0][1] > indent or is_list):
            values[name.strip()], lines = _read_block(lines, path)
        else:
            values[name.strip()] = _scalar(rest.strip())
            while lines and lines[0][1] > indent:  # a long text that goes on in the next line
                lines = lines[1:]
    return values, lines


def _scalar(text: str) -> Any:
    words: dict[str, Any] = {
        "null": None,
        "~": None,
        "": None,
        "true": True,
        "false": False,
        "[]": [],
        "{}": {},
    }
    if text in words:
        return words[text]
    if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"":
        return text[1:-1]
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text
