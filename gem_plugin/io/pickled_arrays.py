"""Pickles of arrays, lists, dictionaries and numbers from other programs, read without running code from the file."""

import io
import pickle
import pickletools
import struct
from pathlib import Path
from typing import Any

import numpy as np

from gem_plugin.errors import InputError

_SCALAR = np.float64(0).__reduce__()[0]

DAMAGES = (
    pickle.UnpicklingError, EOFError, ValueError, TypeError, AttributeError, IndexError, KeyError, OverflowError, MemoryError,
    SystemError, RuntimeError, ImportError, struct.error,
)  # fmt: skip


def _encode_latin1(text: str, encoding: str) -> bytes:
    """How protocol 2 stores bytes; no other codec is let in."""
    if encoding != "latin1":
        raise pickle.UnpicklingError(f"it wants the codec {encoding}")
    return text.encode("latin1")


def _reconstruct_empty(kind: type, shape: tuple, code: Any) -> Any:
    """How numpy begins an array: empty, its content follows. Anything larger is an attack on the memory."""
    if kind is not np.ndarray or shape != (0,):
        raise pickle.UnpicklingError(f"an array begins with shape {shape}")
    return np.ndarray(0, dtype=np.int8)


def _array_from_buffer(content: Any, dtype: np.dtype, shape: tuple, order: str) -> np.ndarray:
    """How numpy stores arrays since protocol 5: bytes that are there in full, so no memory beyond them."""
    return np.frombuffer(content, dtype=dtype).reshape(shape, order=order)  # type: ignore[call-overload]


ALLOWED = {
    ("numpy.core.numeric", "_frombuffer"): _array_from_buffer,
    ("numpy._core.numeric", "_frombuffer"): _array_from_buffer,
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
    ("numpy.core.multiarray", "_reconstruct"): _reconstruct_empty,
    ("numpy._core.multiarray", "_reconstruct"): _reconstruct_empty,
    ("numpy.core.multiarray", "scalar"): _SCALAR,
    ("numpy._core.multiarray", "scalar"): _SCALAR,
    ("_codecs", "encode"): _encode_latin1,
}


class _ArraysOnly(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in ALLOWED:
            raise pickle.UnpicklingError(f"it holds {module}.{name}, which is no array")
        return ALLOWED[module, name]


def _check_promises(content: bytes) -> None:
    """Walk over the instructions without obeying them: lengths and memo numbers beyond the file are damage."""
    for opcode, argument, _ in pickletools.genops(io.BytesIO(content)):
        is_memo = "PUT" in opcode.name or "GET" in opcode.name
        if is_memo and isinstance(argument, int) and argument > len(content):
            raise pickle.UnpicklingError(f"it refers to entry {argument} of a file of {len(content)} bytes")


def read_pickled_arrays(path: Path) -> Any:
    """The content of a pickle that holds arrays only. Raises InputError for any other, before anything of it runs."""
    if not Path(path).is_file():
        raise InputError(f"{path} is missing. Expected a pickle file of arrays.")
    try:
        content = Path(path).read_bytes()
        _check_promises(content)
        return _ArraysOnly(io.BytesIO(content)).load()
    except DAMAGES as error:
        reason = str(error) or type(error).__name__
        raise InputError(
            f"{path} is not read: {reason}. Expected a whole pickle with nothing but numpy arrays, lists and numbers; "
            "others may run code."
        ) from error
