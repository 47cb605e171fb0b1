"""manifest.json: for each step, what went in, on which machine, with which command and versions.

{step: {started, finished, ended (why, of a training), command, working_folder, host, settings, versions, device, inputs: {setting: {path, size, time, sha256}}}}
"""

import dataclasses
import hashlib
import json
import os
import platform
import socket
import sys
import time
from pathlib import Path
from typing import Any

from gem_plugin.errors import InputError
from gem_plugin.io.run.files import RunFiles
from gem_plugin.io.run.origin import settings_digest
from gem_plugin.io.run.settings import recorded_versions
from gem_plugin.io.whole_files import write_text_whole

MAXIMUM_HASHED_FILE_IN_BYTES = (
    2_000_000_000  # star and cs files are smaller; larger inputs count by size and time
)
TIME_FORMAT = "%Y-%m-%dT%H:%M:%SZ"


def read_manifest(run: RunFiles) -> dict[str, dict[str, Any]]:
    """What is recorded of each step; empty where nothing is."""
    if not run.manifest.is_file():
        return {}
    try:
        content = json.loads(run.manifest.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InputError(f"{run.manifest} is not readable as JSON ({error}). Delete it.") from error
    if not isinstance(content, dict):
        raise InputError(f"{run.manifest} holds no table of steps. Delete it.")
    return content


def record_start(run: RunFiles, step: str, settings: Any) -> None:
    """Write down everything about a step before it begins."""
    entry = {
        "started": time.strftime(TIME_FORMAT, time.gmtime()),
        "finished": None,
        "command": sys.argv,
        "working_folder": str(Path.cwd()),
        "host": socket.gethostname(),
        "system": platform.platform(),
        "processors": os.cpu_count(),
        "settings": settings_digest(run),
        "versions": recorded_versions(),
        "device": _devices(),
        "inputs": {name: file_identity(path) for name, path in input_files(settings).items()},
    }
    _write(run, {**read_manifest(run), step: entry})


def input_files(settings: Any) -> dict[str, Path]:
    """The input files that are there, by setting; those of name=file, such as samples, as samples:name."""
    found: dict[str, Path] = {}
    for field in dataclasses.fields(settings):
        value = getattr(settings, field.name)
        if isinstance(value, Path):
            found[field.name] = value
        elif isinstance(value, tuple):
            named = [text.partition("=") for text in value if isinstance(text, str)]
            found |= {
                f"{field.name}:{name}": Path(path) for name, separator, path in named if separator and path
            }
    return {name: path for name, path in found.items() if path.is_file()}


def record_end(run: RunFiles, step: str, why: str = "") -> None:
    """Add when the step ended, and why where the step says so."""
    manifest = read_manifest(run)
    ended = {"finished": time.strftime(TIME_FORMAT, time.gmtime()), **({"ended": why} if why else {})}
    manifest[step] = {**manifest.get(step, {}), **ended}
    _write(run, manifest)


def file_identity(path: Path) -> dict[str, Any]:
    """Size, time and, where it is not huge, the SHA-256 of a file."""
    status = path.stat()
    is_small = status.st_size <= MAXIMUM_HASHED_FILE_IN_BYTES
    return {
        "path": str(path.resolve()),
        "size": status.st_size,
        "time": _time_of(status.st_mtime),
        "sha256": _sha256(path) if is_small else None,
    }


def is_unchanged(path: Path, recorded: dict[str, Any]) -> bool:
    """Whether a file is the one that was recorded: the same place, and the same time and size or else the same content."""
    if str(path.resolve()) != recorded["path"]:
        return False
    status = path.stat()
    if status.st_size != recorded["size"]:
        return False
    if _time_of(status.st_mtime) == recorded.get("time"):  # manifests of earlier versions have none
        return True
    return recorded["sha256"] is not None and _sha256(path) == recorded["sha256"]


def _time_of(seconds: float) -> str:
    return time.strftime(TIME_FORMAT, time.gmtime(seconds))


def check_identity(step: str, recorded: dict[str, Any]) -> None:
    """Refuse an input that is no longer the one that was recorded."""
    path = Path(recorded["path"])
    if not path.is_file():
        raise InputError(f"{path}, an input of {step}, is gone. Put it back to repeat the run.")
    now = file_identity(path)
    if (now["size"], now["sha256"]) != (recorded["size"], recorded["sha256"]):
        raise InputError(
            f"{path}, an input of {step}, has changed since the run: {now['size']} bytes, then {recorded['size']}. "
            "Put the old file back, or start a new run with the new one."
        )


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with open(path, "rb") as handle:
        while piece := handle.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()


def _devices() -> list[str]:
    """Names of the CUDA devices, asked only where torch is loaded anyway."""
    torch = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_available():
        return ["cpu"]
    return [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())]


def _write(run: RunFiles, manifest: dict[str, dict[str, Any]]) -> None:
    write_text_whole(run.manifest, json.dumps(manifest, indent=2) + "\n")
