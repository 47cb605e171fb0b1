"""Checkpoints: tensors and plain values only, written whole, read without running any code from the file."""

import io
from pathlib import Path
from typing import Any

import torch

from gem_plugin.errors import InputError
from gem_plugin.io.foreign.tensors import load_tensors
from gem_plugin.io.whole_files import whole_file

FORMAT_NAME = "gem-checkpoint"
FORMAT_VERSION = 1


def write_checkpoint(path: Path, content: dict[str, Any]) -> None:
    """Save tensors, numbers, texts, lists and dictionaries of them."""
    buffer = io.BytesIO()  # torch turns a full disk into an error without a reason
    torch.save({"format": FORMAT_NAME, "version": FORMAT_VERSION, **content}, buffer)
    with whole_file(path) as temporary:
        temporary.write_bytes(buffer.getbuffer())


def read_checkpoint(path: Path) -> dict[str, Any]:
    """Load a checkpoint to the CPU. Raises InputError when it is absent, truncated, or not ours."""
    if not Path(path).is_file():
        raise InputError(f"{path} is missing: this run has no trained model. Run `gem-em train` first.")
    advice = "It is not a whole checkpoint. Delete it and train again, or use a backup."
    content = load_tensors(path, advice)
    if not isinstance(content, dict) or content.get("format") != FORMAT_NAME:
        raise InputError(f"{path} is not a GEM checkpoint. Give the folder of a GEM run.")
    if content.get("version") != FORMAT_VERSION:
        raise InputError(
            f"{path} has checkpoint version {content.get('version')}, this program reads {FORMAT_VERSION}. "
            "Use the version of GEM that wrote it (see settings.toml), or train again."
        )
    return content
