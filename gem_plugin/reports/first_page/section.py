"""The first chapter of report.html: one picture and three sentences, for a reader with one minute."""

from html import escape

from gem_plugin.reports.first_page.contents import FirstPage
from gem_plugin.reports.first_page.surface_viewer import surface_data, surface_viewer
from gem_plugin.reports.first_page.words import FirstPageWords, first_page_words
from gem_plugin.reports.sections.html_parts import command_line, data_address

HEADS = ("What moves", "States", "Next")


def first_page_section(page: FirstPage) -> str:
    """The picture, the surfaces to rotate, and the sentences."""
    molecule = page.molecule
    data = surface_data(molecule, page.badges) if molecule is not None else ""
    return f"{_picture(page)}{surface_viewer(data)}{_sentences(first_page_words(page.run))}"


def texts_of(words: FirstPageWords) -> list[tuple[str, str]]:
    """Head and sentence of each, as plain text."""
    return list(zip(HEADS, (words.moves, words.states, words.next_step.sentence), strict=True))


def _picture(page: FirstPage) -> str:
    path = page.path
    if not path.is_file():
        return ""
    caption = escape(page.caption)
    address = data_address(path.read_bytes(), "image/png")
    return f'<figure class="first"><img alt="{caption}" src="{address}"><figcaption>{caption}</figcaption></figure>'


def _sentences(words: FirstPageWords) -> str:
    items = "".join(f"<dt>{head}</dt><dd>{escape(text)}</dd>" for head, text in texts_of(words))
    items += '<dt></dt><dd><a href="#next">All commands for what may come next</a></dd>'
    command = command_line(words.next_step.command) if words.next_step.command else ""
    return f'<dl class="overview sentences">{items}</dl>{command}'
