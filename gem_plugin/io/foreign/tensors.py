"""Files of torch.save, ours and other programs': tensors and plain values, read without running code from the file."""

import pickle
import pickletools
import struct
import zipfile
from pathlib import Path
from typing import Any

import torch

from gem_plugin.errors import InputError

DAMAGES = (
    RuntimeError, OSError, EOFError, ValueError, KeyError, TypeError, AttributeError, IndexError, AssertionError,
    OverflowError, MemoryError, ImportError, SystemError, NotImplementedError, zipfile.BadZipFile, struct.error,
    pickle.UnpicklingError,
)  # fmt: skip
MEMORY_EATERS = (
    "bytearray",
)  # torch's reader allows it; one number in the file then takes any amount of memory
MAXIMUM_REASON_LENGTH = 200


def load_tensors(path: Path, advice: str) -> Any:  # advice: what the file should be, or what to do
    """The content, on the CPU. Raises InputError where the file is absent, damaged, or holds anything but plain values."""
    if not Path(path).is_file():
        raise InputError(f"{path} is missing. {advice}")
    try:
        _check_promises(Path(path))
        return torch.load(path, map_location="cpu", weights_only=True)
    except DAMAGES as error:
        text = str(error).strip() or type(error).__name__
        raise InputError(
            f"{path} is not read ({text.splitlines()[0][:MAXIMUM_REASON_LENGTH]}). {advice}"
        ) from error


def _check_promises(path: Path) -> None:
    """A file of torch is an archive without compression: no member is larger than the file, and few words are allowed."""
    with zipfile.ZipFile(path) as archive:
        for member in archive.infolist():
            is_stored = (
                member.compress_type == zipfile.ZIP_STORED and member.compress_size == member.file_size
            )
            if not is_stored or member.file_size > path.stat().st_size:
                raise ValueError(f"{member.filename} is compressed or larger than the file")
            if member.filename.endswith(".pkl"):
                for opcode, argument, _ in pickletools.genops(archive.read(member)):
                    if (
                        isinstance(argument, str)
                        and argument.split()[-1:]
                        and argument.split()[-1] in MEMORY_EATERS
                    ):
                        raise ValueError(f"it holds {opcode.name} {argument}")
