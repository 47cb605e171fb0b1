"""Pickles of arrays, lists, dictionaries and numbers from other programs, read without running code from the file.

Numpy restores arrays and dtypes from whatever a pickle says of them, and crashes on damaged ones. So nothing of numpy is
called while a pickle is read: stand-ins take what it says, check it, and are exchanged for arrays afterwards.
"""

import io
import math
import pickle
import pickletools
import re
import struct
from pathlib import Path
from typing import Any

import numpy as np

from gem_plugin.errors import InputError

PLAIN_DTYPE = re.compile(r"[<>=|]?(b1|[iu][1248]|f[248]|c(8|16)|[SUV][0-9]{1,6})")
ORDERS = {"C": "C", "F": "F"}

DAMAGES = (
    pickle.UnpicklingError, EOFError, ValueError, TypeError, AttributeError, IndexError, KeyError, OverflowError, MemoryError,
    SystemError, RuntimeError, ImportError, struct.error,
)  # fmt: skip


class _Kind:
    """Stands for the class numpy.ndarray, which array pickles name."""


class _Dtype:
    """Stands for a dtype of numbers or of short texts."""

    def __init__(self, code: Any, is_aligned: Any = False, is_copied: Any = False) -> None:
        if not isinstance(code, str) or not PLAIN_DTYPE.fullmatch(code):
            raise pickle.UnpicklingError(f"its arrays hold {code!r}, neither numbers nor texts")
        self.value = np.dtype(code)
        if not self.value.itemsize:
            raise pickle.UnpicklingError("its arrays hold nothing")

    def __setstate__(self, state: Any) -> None:
        _, byte_order, inner, names, *_ = state
        if inner is not None or names is not None:
            raise pickle.UnpicklingError("its arrays hold records")
        if byte_order in ("<", ">"):
            self.value = self.value.newbyteorder(byte_order)


class _Array:
    """Stands for an array, or for a single number of one."""

    def __init__(self) -> None:
        self.value: Any = np.zeros(0, np.int8)

    def __setstate__(self, state: Any) -> None:
        _, shape, dtype, is_fortran, content = state
        self.fill(content, dtype, shape, "F" if is_fortran else "C")

    def fill(self, content: Any, dtype: Any, shape: Any, order: Any) -> None:
        """Take the content, which must be as long as the shape says: no memory beyond what the file holds."""
        if isinstance(content, str):
            content = content.encode("latin1")
        if not isinstance(content, bytes | bytearray) or not isinstance(dtype, _Dtype):
            raise pickle.UnpicklingError("an array has neither bytes nor a dtype")
        if not isinstance(shape, tuple) or not all(type(length) is int and length >= 0 for length in shape):
            raise pickle.UnpicklingError(f"an array has the shape {shape!r:.40}")
        expected = math.prod(shape) * dtype.value.itemsize
        if len(content) != expected:
            raise pickle.UnpicklingError(f"an array has {len(content)} bytes, and {expected} by its shape")
        flat = np.frombuffer(content, dtype.value) if expected else np.zeros(0, dtype.value)
        self.value = flat.reshape(shape, order=ORDERS[order]).copy()  # type: ignore[call-overload]


def _reconstruct(kind: Any, shape: Any, code: Any) -> _Array:
    """How numpy begins an array: empty, its content follows."""
    if kind is not _Kind or shape != (0,):
        raise pickle.UnpicklingError(f"an array begins with shape {shape!r:.40}")
    return _Array()


def _array_from_buffer(content: Any, dtype: Any, shape: Any, order: Any) -> _Array:
    """How numpy stores arrays since protocol 5."""
    array = _Array()
    array.fill(content, dtype, shape, order)
    return array


def _scalar(dtype: Any, content: Any) -> _Array:
    """How numpy stores a single number."""
    array = _Array()
    array.fill(content, dtype, (), "C")
    array.value = array.value[()]
    return array


def _encode_latin1(text: str, encoding: str) -> bytes:
    """How protocol 2 stores bytes; no other codec is let in."""
    if encoding != "latin1":
        raise pickle.UnpicklingError(f"it needs the codec {encoding}")
    return text.encode("latin1")


def _no_bytes() -> bytes:
    """How protocol 2 stores empty bytes."""
    return b""


ALLOWED = {
    ("__builtin__", "bytes"): _no_bytes,
    ("builtins", "bytes"): _no_bytes,
    ("numpy.core.numeric", "_frombuffer"): _array_from_buffer,
    ("numpy._core.numeric", "_frombuffer"): _array_from_buffer,
    ("numpy", "ndarray"): _Kind,
    ("numpy", "dtype"): _Dtype,
    ("numpy.core.multiarray", "_reconstruct"): _reconstruct,
    ("numpy._core.multiarray", "_reconstruct"): _reconstruct,
    ("numpy.core.multiarray", "scalar"): _scalar,
    ("numpy._core.multiarray", "scalar"): _scalar,
    ("_codecs", "encode"): _encode_latin1,
}


class _ArraysOnly(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in ALLOWED:
            raise pickle.UnpicklingError(f"it holds {module}.{name}, which is not an array")
        return ALLOWED[module, name]


def _with_arrays(content: Any, finished: dict[int, Any]) -> Any:
    """The content with arrays in place of their stand-ins; `finished` holds what was met, None while it is worked on."""
    if isinstance(content, _Array):
        return content.value
    if content is None or isinstance(content, bool | int | float | complex | str | bytes | bytearray):
        return content
    if not isinstance(content, dict | list | tuple | set | frozenset):
        raise pickle.UnpicklingError(f"it holds {type(content).__name__.strip('_')} where a value belongs")
    if id(content) not in finished:
        finished[id(content)] = None
        if isinstance(content, dict):
            items = content.items()
            result: Any = {_with_arrays(key, finished): _with_arrays(value, finished) for key, value in items}
        else:
            result = type(content)(_with_arrays(value, finished) for value in content)
        finished[id(content)] = result
    if finished[id(content)] is None:
        raise pickle.UnpicklingError("it holds itself")
    return finished[id(content)]


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
        return _with_arrays(_ArraysOnly(io.BytesIO(content)).load(), {})
    except DAMAGES as error:
        reason = str(error) or type(error).__name__
        raise InputError(
            f"{path} is not read: {reason}. Expected a whole pickle with nothing but numpy arrays, lists and numbers; "
            "others may run code."
        ) from error
