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

CONDITION = re.compile(r"^\s*([^<>=!\s]+)\s*(<=|>=|==|!=|<|>)\s*(\S+)\s*$")
OR, AND = re.compile(r"\s+or\s+"), re.compile(r"\s+and\s+")
COMPARE: dict[str, Callable[[np.ndarray, float], np.ndarray]] = {
    "<": np.less,
    "<=": np.less_equal,
    ">": np.greater,
    ">=": np.greater_equal,
    "==": np.equal,
    "!=": np.not_equal,
}


def meets_condition(run: Run, condition: str) -> np.ndarray:  # (n,) bool
    """A condition such as volume_pc_1>0.5 or rlnDefocusU<=20000, or several joined by and, or."""
    alternatives = [
        np.all([_meets_one(run, part, condition) for part in AND.split(alternative)], axis=0)
        for alternative in OR.split(condition)
    ]
    return np.any(alternatives, axis=0)


def _meets_one(run: Run, part: str, condition: str) -> np.ndarray:  # (n,) bool
    match = CONDITION.match(part)
    if match is None:
        raise InputError(
            f"--where is {condition!r}; expected a column, one of < <= > >= == != and a number, such as "
            "volume_pc_1>0.5; several joined by 'and' or 'or', without brackets."
        )
    try:
        limit = float(match[3])
    except ValueError:
        raise InputError(f"--where {condition!r}: {match[3]!r} is not a number.") from None
    return COMPARE[match[2]](run.column(match[1]), limit)


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
