"""logfile.pdf: a page of numbers and one page for every figure of the run; RELION shows it as the job's log."""

import textwrap
from pathlib import Path
from typing import Any

import matplotlib
import matplotlib.image
from matplotlib.backends.backend_pdf import PdfPages
from matplotlib.figure import Figure

from gem_plugin.io.run.files import RunFiles
from gem_plugin.io.whole_files import whole_file
from gem_plugin.landscape.checks.known_checks import done_in_words
from gem_plugin.progress import Track, untracked
from gem_plugin.reports.figures.captions import caption_of
from gem_plugin.reports.verdicts import all_checks, verdicts_of_figure
from gem_plugin.results.run import Run

PAGE_IN_INCHES = (8.27, 11.69)  # A4
LINES_ON_A_PAGE = 60
TRUE_TYPE = 42
LETTERS_IN_A_LINE = 105
LETTERS_IN_A_LINE_OF_NUMBERS = 90
FIGURE_SUFFIX = ".png"


def write_pdf_log(run: RunFiles, summary: dict[str, dict[str, Any]], track: Track = untracked) -> None:
    """Collect the checks, the numbers of all steps and the PNG figures of this run into one PDF."""
    opened = Run(run)
    style = matplotlib.rc_context({"pdf.fonttype": TRUE_TYPE})
    with style, whole_file(run.pdf_log) as temporary, PdfPages(temporary, metadata={"Title": "GEM"}) as pdf:
        for title, lines in (
            ("checks of this run", check_lines(opened)),
            ("numbers of this run", _summary_lines(summary)),
        ):
            for page in _text_pages(title, lines):
                pdf.savefig(page)
        for path in track(figure_files(run), "pages of logfile.pdf", unit="page"):
            pdf.savefig(_figure_page(path, opened))


def figure_files(run: RunFiles) -> list[Path]:
    """The PNG files of this run, in the order of the steps; links to an earlier job's figures are left out."""
    folders = (run.figures, run.analyze.root, run.landscape.root)
    found = [path for folder in folders for path in sorted(folder.rglob("*" + FIGURE_SUFFIX))]
    return [path for path in found if path.is_file() and not path.is_symlink()]


def check_lines(run: Run) -> list[str]:
    """The verdict on every state, how many checks were run of how many, and what each found."""
    rows = all_checks(run)
    lines = [*run.checks.lines_of_states(list(run.state_maps)), ""]
    lines += [*textwrap.wrap(f"{done_in_words(rows)}.", LETTERS_IN_A_LINE_OF_NUMBERS), ""]
    for row in rows:
        problem = f"{row.get('name', '')}. " if row.get("is_bad") else ""  # a good verdict has none
        text = f"{row.get('verdict', '')}: {problem}{row.get('sentence', '')}"
        lines += textwrap.wrap(text, LETTERS_IN_A_LINE_OF_NUMBERS, subsequent_indent="    ")
    return lines


def _summary_lines(summary: dict[str, dict[str, Any]]) -> list[str]:
    lines: list[str] = []
    for step, numbers in summary.items():
        lines += [step, *(f"    {name.replace('_', ' ')}: {value}" for name, value in numbers.items()), ""]
    return lines


def _text_pages(title: str, lines: list[str]) -> list[Figure]:
    starts = range(0, max(len(lines), 1), LINES_ON_A_PAGE)
    pages = []
    for start in starts:
        page = Figure(figsize=PAGE_IN_INCHES)
        page.text(0.08, 0.95, f"GEM: {title}", weight="bold", size=13)
        text = "\n".join(lines[start : start + LINES_ON_A_PAGE])
        page.text(0.08, 0.92, text, va="top", family="monospace", size=9, parse_math=False)
        pages.append(page)
    return pages


def _figure_page(path: Path, run: Run) -> Figure:
    page = Figure(figsize=PAGE_IN_INCHES)
    axes = page.add_axes((0.04, 0.04, 0.92, 0.84))
    axes.imshow(matplotlib.image.imread(path))
    axes.set_axis_off()
    page.text(0.08, 0.95, str(path.relative_to(run.files.root)), size=10, parse_math=False)
    caption = textwrap.fill(
        f"{caption_of(path.stem)} {verdicts_of_figure(run, path.stem)}".strip(), LETTERS_IN_A_LINE
    )
    page.text(0.08, 0.94, caption, va="top", size=9, parse_math=False)
    return page
