"""Write a star file from nothing. Files that came from RELION are never rewritten this way: see star_edit."""

from pathlib import Path

from gem_plugin.io.whole_files import write_text_whole

VERSION_LINE = "# version 30001"  # the version comment of RELION 3.1, which 4 and 5 read as well


def write_new_star(
    path: Path,
    blocks: dict[str, dict[str, list[str]]],  # block name -> column label with underscore -> one text a row
) -> None:
    """Write loops of columns as a whole file."""
    write_text_whole(path, "".join(_loop_text(name, columns) for name, columns in blocks.items()))


def _loop_text(name: str, columns: dict[str, list[str]]) -> str:
    header = [VERSION_LINE, "", f"data_{name}", "", "loop_"]
    header += [f"{label} #{number}" for number, label in enumerate(columns, start=1)]
    widths = [max((len(value) for value in values), default=0) for values in columns.values()]
    rows = [
        " ".join(value.rjust(width) for value, width in zip(row, widths)) + " "
        for row in zip(*columns.values(), strict=True)
    ]
    return "\n".join(["", *header, *rows, "", ""])
