"""One line that says where a result came from: in star files as a comment, in MRC files as a label, in the report.

The number behind "settings" is also in manifest.json, with command, machine and inputs of the step that wrote the file.
"""

import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path

from gem_plugin.errors import InputError
from gem_plugin.io.run.files import RunFiles
from gem_plugin.io.run.settings import SETTINGS_OF_THE_MACHINE, read_run_settings
from gem_plugin.version import __version__

WITHOUT_INFLUENCE = (*SETTINGS_OF_THE_MACHINE, "working_folder")
DIGITS_SHOWN = 12
MAXIMUM_NAME_LENGTH = 30  # of the run in a label: MRC labels have 80 characters
SAFE_CHARACTERS = re.compile(
    r"[^A-Za-z0-9.-]+"
)  # RELION takes "data_" and "loop_" even in comments for a beginning


def settings_digest(run: RunFiles) -> str:
    """A number made of all recorded settings and versions that can change a result."""
    counted = {
        step: {name: value for name, value in values.items() if name not in WITHOUT_INFLUENCE}
        for step, values in read_run_settings(run).items()
    }
    text = json.dumps(counted, sort_keys=True)
    return hashlib.sha256(text.encode("utf-8")).hexdigest()[:DIGITS_SHOWN]


def origin_line(run: RunFiles) -> str:
    """Version, name of the run and number of its settings, in ASCII letters that no file format minds."""
    name = SAFE_CHARACTERS.sub("-", run.root.resolve().name)[:MAXIMUM_NAME_LENGTH]
    return f"gem-em {__version__}, run {name}, settings {settings_digest(run)}"


def origin_line_of_file(path: Path) -> str:
    """The same for a file that is about to be written: the run is the nearest folder above it that has settings."""
    for folder in Path(path).absolute().parents:
        if RunFiles(folder).settings.is_file():
            try:
                return origin_line(RunFiles(folder))
            except InputError:  # settings that cannot be read are reported where they are needed
                break
    return f"gem-em {__version__}"


def with_origin_comment(pieces: Iterator[bytes], run: RunFiles) -> Iterator[bytes]:
    """The pieces of a star file behind a comment; nothing else of the file changes."""
    yield f"# Written by {origin_line(run)}".encode("ascii") + b"\n"
    yield from pieces
