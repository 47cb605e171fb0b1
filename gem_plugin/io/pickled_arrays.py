"""Pickles of arrays, lists, dictionaries and numbers from other programs, read without running code from the file."""

import pickle
from pathlib import Path
from typing import Any

import numpy as np

from gem_plugin.errors import InputError

_RECONSTRUCT = np.empty(0).__reduce__()[0]  # numpy's own function, wherever this version keeps it
_SCALAR = np.float64(0).__reduce__()[0]


def _encode_latin1(text: str, encoding: str) -> bytes:
    """How protocol 2 stores bytes; no other codec is let in."""
    if encoding != "latin1":
        raise pickle.UnpicklingError(f"it wants the codec {encoding}")
    return text.encode("latin1")


ALLOWED = {
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
    ("numpy.core.multiarray", "_reconstruct"): _RECONSTRUCT,
    ("numpy._core.multiarray", "_reconstruct"): _RECONSTRUCT,
    ("numpy.core.multiarray", "scalar"): _SCALAR,
    ("numpy._core.multiarray", "scalar"): _SCALAR,
    ("_codecs", "encode"): _encode_latin1,
}


class _ArraysOnly(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in ALLOWED:
            raise pickle.UnpicklingError(f"it holds {module}.{name}, which is no array")
        return ALLOWED[module, name]


def read_pickled_arrays(path: Path) -> Any:
    """The content of a pickle that holds arrays only. Raises InputError for any other, before anything of it runs."""
    if not Path(path).is_file():
        raise InputError(f"{path} is missing. Expected a pickle file of arrays.")
    try:
        with open(path, "rb") as handle:
            return _ArraysOnly(handle).load()
    except (pickle.UnpicklingError, EOFError, ValueError, TypeError, AttributeError, IndexError) as error:
        reason = str(error) or type(error).__name__
        raise InputError(
            f"{path} is not read: {reason}. Expected a whole pickle with nothing but numpy arrays, lists and numbers."
        ) from error
