"""logfile.pdf: the first page of the report, the figures by importance with their titles, checks and numbers; RELION shows it."""

import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.backends.backend_pdf import PdfPages
from matplotlib.figure import Figure, SubFigure
from matplotlib.gridspec import GridSpec
from PIL import Image

from gem_plugin.io.whole_files import whole_file
from gem_plugin.reports.figures.pdf_fonts import small_fonts
from gem_plugin.reports.figures.save import TEXT_STYLE, lay_out
from gem_plugin.reports.first_page.picture import Pictures, Plane, fill_first_page, height_of_first_page
from gem_plugin.reports.logged import LogContents
from gem_plugin.reports.page_layout import PlacedFigure, pages_of

PAGE_IN_INCHES = (8.27, 11.69)  # A4
MARGIN, TOP = 0.55, 0.75  # inches, of the page
LINES_ON_A_PAGE = 78
TRUE_TYPE = 42
LETTERS_IN_A_LINE = 100  # of sentences over the width of the page, 9 points
TEXT_SIZE, CAPTION_SIZE, TITLE_SIZE, NUMBERS_SIZE = 9.0, 7.0, 9.0, 7.5
LINE_HEIGHT = 1.3  # over the size of the letters
LETTERS_PER_INCH_OF_CAPTION = 16.5
POINTS_PER_INCH = 72
DOTS_PER_INCH = 200  # of the PNG figures


def write_pdf_log(
    target: Path,
    contents: LogContents,
    pictures: Pictures | None,
    plane: Plane | None,
    lines_of: Mapping[int, Sequence[str]],  # texts under a state
) -> list[Path]:
    """Write logfile.pdf of a run."""
    style, title = matplotlib.rc_context({**TEXT_STYLE, "pdf.fonttype": TRUE_TYPE}), {"Title": "GEM"}
    with style, small_fonts(), whole_file(target) as temporary, PdfPages(temporary, metadata=title) as pdf:
        first = _first_page(contents, pictures, plane, lines_of)
        lay_out(first, POINTS_PER_INCH)
        pdf.savefig(first)
        figures = [_placed(*one) for one in contents.figures]
        room = PAGE_IN_INCHES[0] - 2 * MARGIN, PAGE_IN_INCHES[1] - TOP - MARGIN
        for placed in pages_of(figures, room):
            pdf.savefig(_page_of_figures(placed))
        for text_page in _text_pages("checks and numbers", contents.lines):
            pdf.savefig(text_page)
    return [target]


def _first_page(
    contents: LogContents,
    pictures: Pictures | None,
    plane: Plane | None,
    lines_of: Mapping[int, Sequence[str]],
) -> Figure:
    """Picture, three sentences, and what was done."""
    figure = Figure(figsize=PAGE_IN_INCHES, layout="constrained")
    figure.text(_x(), _y(0.5), f"GEM: {contents.name}", weight="bold", size=14, parse_math=False)
    below = TOP
    if pictures is not None or plane is not None:
        height = height_of_first_page(pictures)
        fill_first_page(_part_of_page(figure, below, height), pictures, plane, lines_of)
        below += height + 0.1
        below = _write(
            figure, textwrap.wrap(contents.caption, LETTERS_IN_A_LINE + 25), below, CAPTION_SIZE, "#5D6B7A"
        )
        below += 0.2
    for head, text in contents.texts:
        _write(figure, [head], below, TEXT_SIZE, "black", weight="bold")
        below = _write(figure, textwrap.wrap(text, LETTERS_IN_A_LINE), below + 0.17, TEXT_SIZE, "black") + 0.1
    if contents.command:
        lines = textwrap.wrap(contents.command, LETTERS_IN_A_LINE - 14, break_on_hyphens=False)
        below = _write(figure, lines, below, NUMBERS_SIZE, "black", family="monospace") + 0.1
    if contents.rows:
        _write(figure, ["What was done"], below + 0.1, TEXT_SIZE, "black", weight="bold")
        lines = [
            line
            for row in contents.rows
            for line in textwrap.wrap(row, LETTERS_IN_A_LINE, drop_whitespace=False)
        ]
        _write(figure, lines, below + 0.3, NUMBERS_SIZE, "black", family="monospace")
    return figure


def _part_of_page(figure: Figure, top: float, height: float) -> SubFigure:
    """For the same panels as in the report, as vectors with the surfaces as images."""
    width = PAGE_IN_INCHES[0] - 2 * MARGIN
    grid = GridSpec(
        3,
        3,
        figure,
        width_ratios=(MARGIN, width, MARGIN),
        height_ratios=(top, height, PAGE_IN_INCHES[1] - top - height),
    )
    return figure.add_subfigure(grid[1, 1])


def _text_pages(title: str, lines: list[str]) -> list[Figure]:
    starts = range(0, max(len(lines), 1), LINES_ON_A_PAGE)
    pages = []
    for start in starts:
        page = Figure(figsize=PAGE_IN_INCHES)
        page.text(_x(), _y(0.5), f"GEM: {title}", weight="bold", size=12)
        _write(page, lines[start : start + LINES_ON_A_PAGE], TOP, NUMBERS_SIZE, "black", family="monospace")
        pages.append(page)
    return pages


def _placed(path: Path, title_text: str, caption: str) -> PlacedFigure:
    """A figure at its printed size, with its caption in lines of that width."""
    with Image.open(path) as file:
        picture = np.asarray(
            file.convert("RGB")
        )  # as bytes: matplotlib would turn them into numbers and back
    width = min(picture.shape[1] / DOTS_PER_INCH, PAGE_IN_INCHES[0] - 2 * MARGIN)
    height = width * picture.shape[0] / picture.shape[1]
    letters = int(width * LETTERS_PER_INCH_OF_CAPTION)
    lines = textwrap.wrap(caption, letters)
    title = textwrap.wrap(title_text, int(letters * CAPTION_SIZE / TITLE_SIZE))
    text = (len(title) * TITLE_SIZE + len(lines) * CAPTION_SIZE) * LINE_HEIGHT / POINTS_PER_INCH
    return PlacedFigure(picture, title, lines, width, height, height + text + 0.25)


def _page_of_figures(placed: list[tuple[PlacedFigure, float, float]]) -> Figure:
    """Figures with title above and caption below, at (left, top) in inches inside the margins."""
    page = Figure(figsize=PAGE_IN_INCHES)
    for one, left, top in placed:
        x, below = MARGIN + left, TOP - 0.2 + top
        below = _write(page, one.title, below, TITLE_SIZE, "black", weight="bold", left=x)
        axes = page.add_axes(_box(x, below, one.width, one.height))
        axes.imshow(one.picture, aspect="auto", interpolation="antialiased")
        axes.set_axis_off()
        _write(page, one.caption, below + one.height + 0.03, CAPTION_SIZE, "#303A46", left=x)
    return page


def _write(
    figure: Figure,
    lines: list[str],
    top: float,  # inches from the upper edge
    size: float,
    colour: str,
    left: float = MARGIN,
    **style: Any,
) -> float:
    """Write lines below each other; gives where they end, in inches from the upper edge."""
    figure.text(
        left / PAGE_IN_INCHES[0],
        _y(top),
        "\n".join(lines),
        va="top",
        size=size,
        color=colour,
        linespacing=1.2,
        parse_math=False,
        **style,
    )
    return top + len(lines) * size * LINE_HEIGHT / POINTS_PER_INCH


def _box(left: float, top: float, width: float, height: float) -> tuple[float, float, float, float]:
    """As add_axes takes it."""
    return (
        left / PAGE_IN_INCHES[0],
        1 - (top + height) / PAGE_IN_INCHES[1],
        width / PAGE_IN_INCHES[0],
        height / PAGE_IN_INCHES[1],
    )


def _x() -> float:
    return MARGIN / PAGE_IN_INCHES[0]


def _y(inches_from_above: float) -> float:
    return 1 - inches_from_above / PAGE_IN_INCHES[1]
