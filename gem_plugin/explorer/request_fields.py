"""What a request of the page holds, checked: JSON fields, rows as bytes, the mask that is asked for."""

import json
from typing import Any

import numpy as np
from starlette.requests import Request

from gem_plugin.errors import InputError
from gem_plugin.explorer.masks import FROM_FILE, MADE_HERE, OF_LANDSCAPE, MaskRequest


def rows_of(body: bytes) -> np.ndarray:  # (k,) uint32
    if len(body) % 4:
        raise InputError("Expected rows as four bytes each.")
    return np.frombuffer(body, "<u4")


def mask_request(fields: Any) -> MaskRequest:
    """The mask that the page asks for; with nothing said, the landscape's."""
    if not isinstance(fields, dict):
        raise InputError("Expected the mask as a JSON object.")
    kind = str(fields.get("kind", OF_LANDSCAPE))
    if kind == FROM_FILE:
        return MaskRequest(kind, file=str(fields.get("file")))
    if kind != MADE_HERE:
        return MaskRequest(kind)
    level, dilate, edge = (number_of(fields, name) for name in ("level", "dilate", "edge"))
    return MaskRequest(kind, level=level, dilate_in_angstroms=dilate, edge_in_angstroms=edge)


def overwrites(request: Request) -> bool:
    """Whether the reader was shown what would be lost, and said to overwrite it."""
    return request.query_params.get("overwrite") == "true"


def whole_number(fields: dict[str, Any], name: str) -> int:
    value = fields.get(name)
    if not isinstance(value, int) or isinstance(value, bool):
        raise InputError(f"Expected a whole number for {name}, got {str(value)[:80]!r}.")
    return value


def number_of(fields: dict[str, Any], name: str) -> float:
    numbers = numbers_of(fields, name)
    if numbers.shape != ():
        raise InputError(f"Expected one number for {name}, got {numbers.size}.")
    return float(numbers)


def numbers_of(fields: dict[str, Any], name: str) -> np.ndarray:
    if name not in fields:
        raise InputError(f"Expected {name}, got {', '.join(fields)[:80] or 'nothing'}.")
    try:
        return np.asarray(fields[name], dtype=np.float32)
    except (TypeError, ValueError) as error:
        raise InputError(f"Expected numbers for {name} ({error}).") from error


async def json_of(request: Request) -> dict[str, Any]:
    try:
        content = json.loads(await request.body())
    except ValueError as error:
        raise InputError(f"The request is not JSON ({error}).") from error
    if not isinstance(content, dict):
        raise InputError("Expected a JSON object.")
    return content
