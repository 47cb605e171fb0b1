"""Answers of numbers: they travel as bytes, a JSON head, its length before it, then the arrays."""

import itertools
import json
import struct
from collections.abc import Callable
from typing import Any

import numpy as np
from starlette.responses import Response, StreamingResponse

BYTES = "application/octet-stream"
BYTES_OF_FLOAT = 4


def packed(head: dict[str, Any], *parts: bytes) -> Response:
    """Length of the head (uint32), the head as JSON padded to four bytes, then the parts, whose lengths it names."""
    content = b"".join((_packed_head(head, [len(part) for part in parts]), *parts))
    return Response(content, media_type=BYTES)


def packed_in_turn(head: dict[str, Any], lengths: list[int], *parts: Callable[[], bytes]) -> Response:
    """The same, where each part is sent before the next is made."""
    start = _packed_head(head, lengths)
    pieces = itertools.chain([start], (make() for make in parts))
    n_bytes = len(start) + sum(lengths)
    return StreamingResponse(pieces, media_type=BYTES, headers={"Content-Length": str(n_bytes)})


def _packed_head(head: dict[str, Any], lengths: list[int]) -> bytes:
    text = json.dumps({**head, "lengths": lengths}).encode()
    text += b" " * (-len(text) % 4)
    return struct.pack("<I", len(text)) + text


def float_bytes(values: np.ndarray) -> bytes:
    return values.astype("<f4", copy=False).tobytes()
