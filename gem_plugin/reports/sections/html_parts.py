"""Small pieces of HTML: text made safe, tables, pictures and arrays inside the page. No network, no other files."""

import base64
import io
import json
import shlex
from collections.abc import Sequence
from html import escape
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

LEVELS_OF_UINT16 = 65535


def page_resource(name: str) -> str:
    """The text of a file beside this module, such as report.js."""
    return files("gem_plugin.reports").joinpath("page", name).read_text(encoding="utf-8")


def table(header: Sequence[str], rows: Sequence[Sequence[Any]], css_class: str = "") -> str:
    """A table; every cell is escaped."""
    head = "".join(f"<th>{escape(str(cell))}</th>" for cell in header)
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(str(cell))}</td>" for cell in row) + "</tr>" for row in rows
    )
    content = f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody>"
    return f'<div class="table"><table class="{css_class}">{content}</table></div>'


def command_line(*lines: str) -> str:
    """Commands that can be copied, one a line."""
    text = escape("\n".join(lines))
    return f'<div class="command"><pre>{text}</pre><button type="button" class="copy">copy</button></div>'


def gem_command(step: str, run_folder: Path, *arguments: object) -> str:
    """A command of ours on a run, as a shell takes it: from any folder, and with spaces in the path."""
    return shlex.join(["gem-em", step, str(run_folder.absolute()), *map(str, arguments)])


def missing(sentence: str, step: str, run_folder: Path) -> str:
    """A part of the report that is not there, and what makes it."""
    return f"<p>{escape(sentence)} Make it with:</p>{command_line(gem_command(step, run_folder))}"


def png_address(picture: np.ndarray) -> str:  # (height, width) uint8
    """A grey picture as a data address."""
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "PNG", optimize=True)
    return data_address(buffer.getvalue(), "image/png")


def data_address(content: bytes, media_type: str) -> str:
    """Bytes as an address that a browser opens without any file."""
    return f"data:{media_type};base64,{base64.b64encode(content).decode('ascii')}"


def grey_levels(picture: np.ndarray, lowest: float, highest: float) -> np.ndarray:  # any shape -> uint8
    """Stretch lowest..highest over black..white."""
    span = max(highest - lowest, float(np.finfo(np.float32).tiny))
    return (255 * np.clip((picture - lowest) / span, 0, 1)).astype(np.uint8)


def quantised(values: np.ndarray) -> dict[str, Any]:  # (n,) float
    """Numbers in 65,536 steps between their limits, two bytes each, for the page's script."""
    finite = values[np.isfinite(values)]
    lowest, highest = (float(finite.min()), float(finite.max())) if len(finite) else (0.0, 0.0)
    span = highest - lowest or 1.0
    steps = np.nan_to_num((values - lowest) / span) * LEVELS_OF_UINT16
    content = np.round(steps).astype("<u2").tobytes()
    return {
        "lowest": lowest,
        "highest": lowest + span,
        "data": base64.b64encode(content).decode("ascii"),
    }


def whole_numbers(values: np.ndarray) -> dict[str, Any]:  # (n,) whole numbers, at most 256 apart
    """Numbers of groups, one byte each."""
    lowest = int(values.min()) if len(values) else 0
    content = (values - lowest).astype(np.uint8).tobytes()
    return {
        "lowest": lowest,
        "highest": max(int(values.max()) if len(values) else 0, lowest + 1),
        "isWhole": True,
        "data": base64.b64encode(content).decode("ascii"),
    }


def script_data(identifier: str, content: Any) -> str:
    """JSON inside the page; a closing tag in a text cannot end it."""
    text = json.dumps(content, separators=(",", ":"), allow_nan=False).replace("</", "<\\/")
    return f'<script type="application/json" id="{escape(identifier)}">{text}</script>'
