"""Choosing particles: by conditions on any column, by a range of a component, inside a polygon.

Names of columns are those of results/column_names.py, and every column of the particle file, with or without the
leading underscore.
"""

import re
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from gem_plugin.errors import InputError
from gem_plugin.io.array_files import read_number_table
from gem_plugin.landscape.polygon import points_in_polygon
from gem_plugin.results.run import Run

WORDS = {
    "lt": "<",
    "le": "<=",
    "gt": ">",
    "ge": ">=",
    "eq": "==",
    "ne": "!=",
}  # no shell takes them for its own
CONDITION = re.compile(
    rf"^\s*([^<>=!\s]+)(?:\s*(<=|>=|==|!=|<|>)\s*|\s+({'|'.join(WORDS)})\s+)(\S+)\s*$", re.IGNORECASE
)
BETWEEN = re.compile(r"^\s*([^<>=!\s]+)\s+between\s+(\S+)\s+to\s+(\S+)\s*$", re.IGNORECASE)
AND_OF_BETWEEN = re.compile(r"(\bbetween\s+\S+)\s+and\s+", re.IGNORECASE)
OR, AND = re.compile(r"\s+or\s+", re.IGNORECASE), re.compile(r"\s+and\s+", re.IGNORECASE)
LEFT_BY_THE_SHELL = re.compile(r"^\s*([^<>=!\s]+)(\s+[-+.\d]\S*)?\s*$")  # contrast, or contrast 0.5
COMPARE: dict[str, Callable[[np.ndarray, float], np.ndarray]] = {
    "<": np.less,
    "<=": np.less_equal,
    ">": np.greater,
    ">=": np.greater_equal,
    "==": np.equal,
    "!=": np.not_equal,
}


def meets_condition(run: Run, condition: str) -> np.ndarray:  # (n,) bool
    """A condition such as volume_pc_1>0.5, contrast gt 0.5 or contrast between 0.2 and 0.8, or several joined by and, or."""
    joined = AND_OF_BETWEEN.sub(r"\1 to ", condition)
    alternatives = [
        np.all([_meets_one(run, part, condition) for part in AND.split(alternative)], axis=0)
        for alternative in OR.split(joined)
    ]
    return np.any(alternatives, axis=0)


def _meets_one(run: Run, part: str, condition: str) -> np.ndarray:  # (n,) bool
    if match := BETWEEN.match(part):
        low, high = _number(match[2], condition), _number(match[3], condition)
        if low > high:
            raise InputError(
                f"--where {condition!r}: between {low:g} and {high:g} holds no number; give the smaller one first."
            )
        values = run.column(match[1])
        return (values >= low) & (values <= high)
    match = CONDITION.match(part)
    if match is None:
        raise _not_a_condition(part, condition)
    comparison, limit = match[2] or WORDS[match[3].lower()], _number(match[4], condition)
    return COMPARE[comparison](run.column(match[1]), limit)


def _number(text: str, condition: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise InputError(f"--where {condition!r}: {text!r} is not a number.") from None


def _not_a_condition(part: str, condition: str) -> InputError:
    expected = (
        "expected a column, a comparison and a number, such as contrast gt 0.5 (lt le gt ge eq ne, between 0.2 and 0.8, "
        "or < <= > >= == !=)"
    )
    if left := LEFT_BY_THE_SHELL.match(part):
        return InputError(
            f"--where {condition!r}: {left[1]} stands without a comparison; {expected}. If you wrote {left[1]}>0.5 without "
            "quotes, as RELION passes its Params, the shell took >0.5 away and wrote our output into a file named 0.5; "
            f"delete that file and write the comparison as a word: {left[1]} gt 0.5."
        )
    return InputError(
        f"--where is {condition!r}; {expected}; several joined by 'and' or 'or', without brackets."
    )


def in_component_range(run: Run, text: str) -> np.ndarray:  # (n,) bool
    """A range such as 1:-0.5:2, the component and its limits, both included; a limit may be left out."""
    parts = text.split(":")
    try:
        number = int(parts[0])
        low, high = (
            float(part) if part.strip() else default for part, default in zip(parts[1:], (-np.inf, np.inf))
        )
    except ValueError:
        raise InputError(f"--pc-range is {text!r}; expected component:low:high, such as 1:-0.5:2.") from None
    values = run.column(f"volume_pc_{number}")
    return (values >= low) & (values <= high)


def in_polygon(run: Run, corners_file: Path, plane: Sequence[str]) -> np.ndarray:  # (n,) bool
    """Particles whose two columns lie inside the polygon of a text file, one corner (x y) a line."""
    if len(plane) != 2:
        raise InputError(
            f"--plane needs two columns, such as volume_pc_1,volume_pc_2; got {', '.join(plane) or 'none'}."
        )
    points = np.stack([run.column(name) for name in plane], axis=1)
    return points_in_polygon(points, read_number_table(corners_file))
