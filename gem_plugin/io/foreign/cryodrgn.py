"""cryoDRGN's run folders: config.yaml, weights, latents. Pickles are read only if they hold nothing but arrays.

A pickle is a program; loading one runs it, and YAML can name Python objects too. The readers know the few names that
arrays, tensors and plain values consist of and refuse every other, so no code from a file is ever run.
"""

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import yaml

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
    """config.yaml as cryoDRGN writes it; of Python's own types only tuples, which some of its versions write."""
    path = Path(path)
    if not path.is_file():
        raise InputError(
            f"There is no {path}: expected the folder of a cryoDRGN run (config.yaml, weights.N.pkl)."
        )
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), _PlainValuesLoader)
    except (yaml.YAMLError, ValueError, OverflowError, RecursionError) as error:
        reason = " ".join(str(error).split())[:300]
        raise InputError(f"{path} cannot be read ({reason}). Expected cryoDRGN's config.yaml.") from error
    if not isinstance(content, dict):
        raise InputError(f"{path} holds no `name: value` entries. Expected cryoDRGN's config.yaml.")
    return content


class _PlainValuesLoader(yaml.SafeLoader):
    """Numbers, text, lists, dictionaries and tuples; every other Python object is refused, and so no code is run."""

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        """Merge keys, which cryoDRGN never writes, can grow a small file without limit."""
        for key, _ in node.value:
            if key.tag == "tag:yaml.org,2002:merge":
                raise yaml.constructor.ConstructorError(
                    None, None, "merge keys (<<) are not read", key.start_mark
                )

    def construct_tuple(self, node: yaml.SequenceNode) -> tuple[Any, ...]:
        return tuple(self.construct_sequence(node, deep=True))


_PlainValuesLoader.add_constructor("tag:yaml.org,2002:python/tuple", _PlainValuesLoader.construct_tuple)
