"""What logfile.pdf shows, without how it is found or drawn."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class LogContents:
    """Everything that the PDF shows."""

    name: str
    first_page: tuple[Any, ...]  # FirstPage.shown
    caption: str
    texts: list[tuple[str, str]]  # head and sentence
    command: str  # of the next step; may be empty
    rows: list[str]  # of what was done
    figures: list[tuple[Path, str, str]]  # file, title, caption
    lines: list[str]  # checks and numbers
