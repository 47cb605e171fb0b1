"""Write a star file from nothing. Files that came from RELION are never rewritten this way: see star_edit."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from gem_plugin.io.whole_files import write_text_whole

VERSION_LINE = "# version 30001"  # the version comment of RELION 3.1, which 4 and 5 read as well

Block = Mapping[str, str | Sequence[str]]  # label with underscore -> its value, or for a loop one text a row


def write_new_star(path: Path, blocks: Mapping[str, Block]) -> None:
    """Write blocks by name as a whole file; an empty text becomes ""."""
    write_text_whole(path, new_star_text(blocks))


def new_star_text(blocks: Mapping[str, Block]) -> str:
    """The same as text."""
    return "".join(_block_text(name, block) for name, block in blocks.items())


def _block_text(name: str, block: Block) -> str:
    pairs = {label: value for label, value in block.items() if isinstance(value, str)}
    loop = {label: values for label, values in block.items() if not isinstance(values, str)}
    assert not (pairs and loop), "a block is either pairs or a loop"
    lines = [f"{label:<40} {_shown(value)}" for label, value in pairs.items()] or _loop_lines(loop)
    return "\n".join(["", VERSION_LINE, "", f"data_{name}", "", *lines, "", ""])


def _loop_lines(loop: Mapping[str, Sequence[str]]) -> list[str]:
    columns = [[_shown(value) for value in values] for values in loop.values()]
    widths = [max((len(value) for value in column), default=0) for column in columns]
    rows = [
        " ".join(value.rjust(width) for value, width in zip(row, widths)) + " "
        for row in zip(*columns, strict=True)
    ]
    return ["loop_", *(f"{label} #{number}" for number, label in enumerate(loop, start=1)), *rows]


def _shown(value: str) -> str:
    """With quotes where it is empty or holds a blank, as paths may."""
    return f'"{value}"' if not value or (" " in value and value[0] not in "\"'") else value
