"""What shaped a run, and what came of it: settings.toml (one table a step) and summary.json (numbers a step).

Only plain values are written: text, numbers, yes/no and lists of them. None is left out, as TOML has no word for it.
"""

import contextlib
import dataclasses
import json
import math
import platform
import sys
from collections.abc import Iterator, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

from gem_plugin.errors import InputError
from gem_plugin.io.run.files import RunFiles
from gem_plugin.io.run.notices import forget_notices, read_notices, write_notices
from gem_plugin.io.whole_files import write_text_whole
from gem_plugin.version import __version__

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

GENERAL_TABLE = "gem"
SETTINGS_OF_THE_MACHINE = ("resume", "threads", "device", "cache", "projector")  # no influence on the results
RECORDED_PACKAGES = ("torch", "numpy", "scipy", "numba", "scikit-learn", "umap-learn")


def plain_settings(settings: Any) -> dict[str, Any]:
    """The settings as they come back from settings.toml: paths as text, tuples as lists, None left out."""
    values = {field.name: getattr(settings, field.name) for field in dataclasses.fields(settings)}
    return {name: plain_value(value) for name, value in values.items() if value is not None}


def read_run_settings(run: RunFiles) -> dict[str, dict[str, Any]]:
    """All tables of settings.toml: {step: {setting: value}}; empty where the file does not exist yet."""
    if not run.settings.exists():
        return {}
    try:
        return tomllib.loads(run.settings.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, ValueError, RecursionError) as error:
        raise InputError(
            f"{run.settings} is not readable as TOML ({error}). Mend or delete it; without it every step is done again."
        ) from error


def write_step_settings(run: RunFiles, step: str, settings: Any) -> None:
    """Record the settings of one step, replacing what was recorded of it before."""
    _write_tables(
        run, {**read_run_settings(run), GENERAL_TABLE: recorded_versions(), step: plain_settings(settings)}
    )


def read_summary(run: RunFiles) -> dict[str, dict[str, Any]]:
    """The numbers of every finished step; empty where none is finished."""
    if not run.summary.exists():
        return {}
    try:
        return json.loads(run.summary.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InputError(
            f"{run.summary} is not readable as JSON ({error}). Delete it; finished steps are then done again."
        ) from error


def write_step_summary(run: RunFiles, step: str, numbers: dict[str, Any]) -> None:
    """Record that a step is finished, with its numbers."""
    _write_summary(run, {**read_summary(run), step: plain_value(numbers)})


def forget_steps(run: RunFiles, steps: tuple[str, ...]) -> None:
    """Take steps out of all records: what they read is about to change, so their results are stale."""
    forget_notices(run, steps)
    summary, tables = read_summary(run), read_run_settings(run)
    if not set(steps).intersection([*summary, *tables]):
        return
    _write_summary(run, {name: numbers for name, numbers in summary.items() if name not in steps})
    _write_tables(run, {name: values for name, values in tables.items() if name not in steps})


def take_over_steps(earlier: RunFiles, run: RunFiles, steps: Sequence[str]) -> bool:
    """Record the steps of an earlier run as done in this one; True when that changed anything here."""
    tables, summary = read_run_settings(run), read_summary(run)
    their_tables, their_summary = read_run_settings(earlier), read_summary(earlier)
    new_tables = {**tables, **{name: their_tables[name] for name in steps}}
    new_summary = {**summary, **{name: their_summary[name] for name in steps}}
    their_notices = read_notices(earlier)
    write_notices(run, {**read_notices(run), **{name: their_notices.get(name, []) for name in steps}})
    if (new_tables, new_summary) == (tables, summary):
        return False
    _write_tables(run, new_tables)
    _write_summary(run, new_summary)
    return True


@contextlib.contextmanager
def records_kept_on_input_error(run: RunFiles) -> Iterator[None]:
    """Put these files back when the block ends with InputError: wrong input leaves earlier results valid."""
    before = {
        path: path.read_bytes() if path.exists() else None
        for path in (run.settings, run.summary, run.manifest, run.warnings)
    }
    try:
        yield
    except InputError:
        for path, content in before.items():
            if content is None:
                path.unlink(missing_ok=True)
            else:
                write_text_whole(path, content.decode("utf-8"))
        raise


def _write_tables(run: RunFiles, tables: dict[str, dict[str, Any]]) -> None:
    write_text_whole(run.settings, "\n".join(_toml_table(name, values) for name, values in tables.items()))


def _write_summary(run: RunFiles, summary: dict[str, Any]) -> None:
    write_text_whole(run.summary, json.dumps(summary, indent=2) + "\n")


def recorded_versions() -> dict[str, str]:
    """Versions of everything that can change a number."""
    versions = {"python": platform.python_version(), "working_folder": str(Path.cwd())}
    versions["gem-em"] = __version__
    for name in RECORDED_PACKAGES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            versions[name] = "not installed"
    return versions


def plain_value(value: Any) -> Any:
    """The nearest plain value: numpy numbers as numbers, paths as text, tuples and arrays as lists."""
    if isinstance(value, dict):
        return {str(key): plain_value(item) for key, item in value.items()}
    if hasattr(value, "tolist"):  # numpy and torch numbers and arrays
        return plain_value(value.tolist())
    if isinstance(value, list | tuple):
        return [plain_value(item) for item in value]
    if value is None or isinstance(value, str | bool | int | float):
        return value
    return str(value)


def _toml_table(name: str, values: dict[str, Any]) -> str:
    lines = [f"{_toml_key(key)} = {_toml_value(value)}" for key, value in values.items()]
    return "\n".join([f"[{_toml_key(name)}]", *lines, ""])


def _toml_key(key: str) -> str:
    is_bare = key.isascii() and key.replace("-", "").replace("_", "").isalnum()
    return key if is_bare else json.dumps(key)


def _toml_value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return repr(value) if math.isfinite(value) else str(value)  # TOML knows inf and nan
    if isinstance(value, int):
        return str(value)
    if isinstance(value, list):
        return "[" + ", ".join(_toml_value(item) for item in value) + "]"
    return json.dumps(value, ensure_ascii=False).replace(
        "\x7f", "\\u007f"
    )  # JSON text is TOML text but for DEL
