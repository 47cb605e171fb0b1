"""Which results of an earlier run of the same step are still valid: decided by content, not by name or date.

A stage is valid when the fingerprint of everything that shaped it is the recorded one and its files are there.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np

from gem_plugin.io.whole_files import write_text_whole

RECORD_NAME = "stages.json"


class StageRecords:
    """The fingerprints of the stages in one folder."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / RECORD_NAME
        self.fingerprints: dict[str, str] = _read_record(self.path)

    def is_valid(self, stage: str, fingerprint: str, *files: Path) -> bool:
        """Whether a stage was finished with exactly these inputs and its files are still there."""
        return self.fingerprints.get(stage) == fingerprint and all(file.exists() for file in files)

    def forget(self, stage: str) -> None:
        """Call before a stage begins to overwrite its files."""
        self.fingerprints.pop(stage, None)
        self.save()

    def keep(self, stage: str, fingerprint: str) -> None:
        """Call when a stage has written all its files."""
        self.fingerprints[stage] = fingerprint
        self.save()

    def save(self) -> None:
        """Write all fingerprints; forget and keep do so themselves."""
        write_text_whole(self.path, json.dumps(self.fingerprints, indent=1, sort_keys=True) + "\n")


def fingerprint(*parts: Any) -> str:
    """A hash of arrays (their content), files (their content, given as Path) and plain values."""
    digest = hashlib.sha256()
    for part in parts:
        if isinstance(part, np.ndarray):
            digest.update(f"array {part.dtype} {part.shape} ".encode())
            digest.update(np.ascontiguousarray(part).tobytes())
        elif isinstance(part, Path):
            digest.update(b"file ")
            digest.update(part.read_bytes())
        else:
            digest.update(repr(part).encode())
        digest.update(b"\0")
    return digest.hexdigest()


def _read_record(path: Path) -> dict[str, str]:
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):  # absent or damaged: everything is done again
        return {}
    return record if isinstance(record, dict) else {}
