"""Checkpoints: tensors and plain values only, written whole, read without running any code from the file."""

import pickle
from pathlib import Path
from typing import Any

import torch

from gem_plugin.errors import InputError
from gem_plugin.io.whole_files import whole_file

FORMAT_NAME = "gem-checkpoint"
FORMAT_VERSION = 1


def write_checkpoint(path: Path, content: dict[str, Any]) -> None:
    """Save tensors, numbers, texts, lists and dictionaries of them."""
    with whole_file(path) as temporary:
        torch.save({"format": FORMAT_NAME, "version": FORMAT_VERSION, **content}, temporary)


def read_checkpoint(path: Path) -> dict[str, Any]:
    """Load a checkpoint to the CPU. Raises InputError when it is absent, truncated, or not ours."""
    if not Path(path).is_file():
        raise InputError(f"{path} is missing: this run has no trained model. Run `gem-em train` first.")
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except (RuntimeError, OSError, EOFError, ValueError, KeyError, pickle.UnpicklingError) as error:
        reason = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
        raise InputError(
            f"{path} is not a whole checkpoint ({reason}). Delete it and train again, or use a backup."
        ) from error
    if not isinstance(content, dict) or content.get("format") != FORMAT_NAME:
        raise InputError(f"{path} is not a GEM checkpoint. Give the folder of a GEM run.")
    if content.get("version") != FORMAT_VERSION:
        raise InputError(
            f"{path} has checkpoint version {content.get('version')}, this program reads {FORMAT_VERSION}. "
            "Use the version of GEM that wrote it (see settings.toml), or train again."
        )
    return content
