"""cryoDRGN's run folders: config.yaml, weights, latents. Pickles are read only if they hold nothing but arrays.

A pickle is a program; loading one runs it. The readers know the few names that arrays and tensors consist of and
refuse every other, so no code from a file is ever run.
"""

import pickle
from pathlib import Path
from typing import Any

import numpy as np

from gem_plugin.errors import InputError
from gem_plugin.io.foreign.pickled_arrays import read_pickled_arrays
from gem_plugin.io.whole_files import whole_file


def read_pickled_array(path: Path) -> np.ndarray:
    """The array in a pickle; anything that is not a plain array of numbers is refused."""
    path = Path(path)
    if not path.is_file():
        raise InputError(f"There is no file {path}.")
    value = read_pickled_arrays(path)
    if not isinstance(value, np.ndarray) or value.dtype.hasobject:
        raise InputError(f"{path}: expected an array of numbers, got {type(value).__name__}.")
    return value


def write_pickled_array(path: Path, values: np.ndarray) -> None:
    """Write an array as cryoDRGN does, for scripts that read its files."""
    with whole_file(Path(path)) as temporary, open(temporary, "wb") as handle:
        pickle.dump(np.asarray(values), handle)


def read_weights(path: Path) -> dict[str, Any]:
    """A checkpoint of torch, tensors and plain values only."""
    from gem_plugin.io.foreign.tensors import load_tensors  # late: it imports torch

    advice = "Expected weights.N.pkl of cryoDRGN with tensors and numbers only. Which epochs are there?"
    content = load_tensors(Path(path), advice)
    if not isinstance(content, dict):
        raise InputError(f"{path} holds a {type(content).__name__}. Expected weights.N.pkl of cryoDRGN.")
    return content


def read_config(path: Path) -> dict[str, Any]:
    """config.yaml as cryoDRGN writes it: nested `name: value` lines and lists; numbers, text, true, false, null.

    This small part of YAML is read here, so that the package need not be installed.
    """
    if not Path(path).is_file():
        raise InputError(
            f"There is no {path}: expected the folder of a cryoDRGN run (config.yaml, weights.N.pkl)."
        )
    lines = []
    try:
        texts = Path(path).read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise InputError(
            f"{path} is no text file ({error.reason}). Expected cryoDRGN's config.yaml."
        ) from error
    for number, text in enumerate(texts, start=1):
        if text.strip() and not text.lstrip().startswith("#"):
            lines.append((number, len(text) - len(text.lstrip()), text.strip()))
    try:
        value, rest = _read_block(lines, path)
    except RecursionError as error:
        raise InputError(f"{path} is nested too deeply. Expected cryoDRGN's config.yaml.") from error
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
