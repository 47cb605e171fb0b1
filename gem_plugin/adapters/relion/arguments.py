"""The command line that RELION and ccpem-pipeliner give to an External job, as values. Decides nothing about the work.

RELION builds it without quoting: `exe --o External/job005/ --in_parts P --in_3dref M --epochs 20 --j 4 ...`.
An option with an empty value arrives as a bare flag; `_` and `-` in names mean the same.
"""

import dataclasses
import difflib
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from gem_plugin.errors import InputError
from gem_plugin.settings import coerced, flag_of, is_yes_or_no

PARTICLES_INPUT = "in-parts"
INPUT_FIELDS = {
    PARTICLES_INPUT: "particles",
    "in-3dref": "map",
    "in-mask": "mask",
}  # RELION's input -> our setting
UNUSED_INPUTS = ("in-movies", "in-mics", "in-coords")
IGNORED_OPTIONS = ("pipeline-control",)  # RELION adds it whenever the command contains `relion_`
OUTPUT_OPTION = "o"
THREADS_OPTION = "j"
RUN_OPTION = "run"
OPTIONS_IN_WORDS = ("where",)  # RELION does not quote Params: contrast gt 0.5 arrives as three words


@dataclasses.dataclass(frozen=True)
class JobArguments:
    """What one External job was asked to do."""

    folder: Path  # as given: External/jobNNN/, relative to the project
    run: Path | None  # the folder of an earlier job, where --run named one
    input_particles: Path | None  # --in_parts as given
    values: dict[str, Any]  # settings by field name, only those given
    remarks: tuple[str, ...]  # sentences on inputs without effect


def output_folder(arguments: Sequence[str]) -> Path | None:
    """The value of --o, found without understanding the rest; None where there is none."""
    return next(
        (Path(value) for option, value in pairwise(arguments) if option == "--" + OUTPUT_OPTION and value),
        None,
    )


def threads_wanted(arguments: Sequence[str]) -> int:
    """The value of --j; 1 where it is missing (ccpem-pipeliner leaves out a 1) or unreadable (the parser will say so)."""
    given = [value for option, value in pairwise(arguments) if option == "--" + THREADS_OPTION]
    return max(1, int(given[-1])) if given and given[-1].isdigit() else 1


def parse_job_arguments(
    arguments: Sequence[str],
    fields: Mapping[str, dataclasses.Field],  # the settings that the job knows, by name
    needs_earlier_job: bool,  # whether the job works on the folder of another one
) -> JobArguments:
    """Read a job's command line against the settings it knows; InputError names the first wrong option."""
    pairs = list(_pairs(arguments))
    folder = output_folder(arguments)
    if folder is None:
        raise InputError(
            "No output folder was given. RELION gives it as --o External/jobNNN/; by hand, add --o FOLDER/."
        )
    run: Path | None = None
    particles: Path | None = None
    values: dict[str, Any] = {}
    remarks: list[str] = []
    for name, text in pairs:
        if name == OUTPUT_OPTION or name in IGNORED_OPTIONS:
            continue
        if name == THREADS_OPTION:
            _check_threads(text)
        elif name == RUN_OPTION and needs_earlier_job:
            run = Path(_text_of(name, text))
        elif name == PARTICLES_INPUT and needs_earlier_job:
            particles = Path(_text_of(name, text))
        elif name in UNUSED_INPUTS or (name in INPUT_FIELDS and INPUT_FIELDS[name] not in fields):
            remarks.append(
                f"The input --{name.replace('-', '_')} {text} has no effect on this job and is ignored."
            )
        else:
            field = _field_of(name, fields)
            values[field.name] = _value_of(name, text, field)
    return JobArguments(folder, run, particles, values, tuple(remarks))


def _pairs(arguments: Sequence[str]) -> list[tuple[str, str | None]]:
    """(name in lower case with `-`, value or None for a bare flag) of every option; -5 and -0.5 are values."""
    pairs: list[tuple[str, str | None]] = []
    remaining = list(arguments)
    while remaining:
        word = remaining.pop(0)
        if not word.startswith("--") or len(word) == 2:
            raise InputError(
                f"Unexpected word {word!r} in the command. Put values with spaces between quotes: 'a b'."
            )
        name, has_value, value = word[2:].partition("=")
        if not has_value and remaining and not remaining[0].startswith("--"):
            has_value, value = "yes", remaining.pop(0)
        option = name.replace("_", "-").lower()
        while option in OPTIONS_IN_WORDS and remaining and not remaining[0].startswith("--"):
            value += " " + remaining.pop(0)
        pairs.append((option, value if has_value else None))
    return pairs


def _field_of(name: str, fields: Mapping[str, dataclasses.Field]) -> dataclasses.Field:
    """The setting by its name, or by its flag on the command line (-M is --m here)."""
    by_flag = {flag_of(field).lstrip("-").lower().replace("-", "_"): field for field in fields.values()}
    known = {**by_flag, **{key.lower(): field for key, field in fields.items()}}
    field_name = INPUT_FIELDS.get(name, name.replace("-", "_"))
    if field_name not in known:
        near = difflib.get_close_matches(field_name, list(known), n=1)
        advice = f"Did you mean --{near[0]}?" if near else "Known options: " + ", ".join(sorted(known)) + "."
        raise InputError(f"Unknown option --{name.replace('-', '_')}. {advice}")
    return known[field_name]


def _value_of(name: str, text: str | None, field: dataclasses.Field) -> Any:
    if text is None and is_yes_or_no(field):
        return True
    return coerced(field, _text_of(name, text))


def _text_of(name: str, text: str | None) -> str:
    if not text:
        raise InputError(f"Option --{name} came without a value. Fill in its value, or clear its label too.")
    return text


def _check_threads(text: str | None) -> None:
    if not text or not text.isdigit() or int(text) < 1:
        raise InputError(f"--j is {text!r}; expected a number of threads, 1 or more.")
