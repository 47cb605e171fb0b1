"""Fonts of PDF files, each made once a program instead of once a file.

matplotlib embeds the letters of a figure with fontTools, which takes as long as drawing does. So a font is embedded with all letters
that figures have in common, and the next file takes the same one; and without tables of ligatures and kerning, for a PDF names each
letter and its position, and no reader looks at these tables.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO, NamedTuple

from fontTools.subset import Options
from matplotlib.backends import _backend_pdf_ps
from matplotlib.ft2font import FT2Font

TABLES_OF_TYPESETTERS = ("GDEF", "GPOS", "GSUB")
DEFAULT = "_drop_tables_default"  # of fontTools: what is left out unless somebody asks for it
EMBEDDING = "get_glyphs_subset"  # of matplotlib: a part of a font, and where each glyph is in it
RESULT = "SubsetResults"  # of matplotlib: the type of what that gives
USUAL_LETTERS = "".join(map(chr, range(32, 127))) + "ÅµΔσ°±×−–…≥≤²³¹⁰⁴⁵⁶⁷⁸⁹⁻"


class WrittenFont(NamedTuple):
    """A font as it is embedded; for matplotlib, as it asks a font of fontTools."""

    content: bytes

    def save(self, file: BinaryIO, **_: Any) -> None:
        """Write it."""
        file.write(self.content)


class EmbeddedFont(NamedTuple):
    """What matplotlib asks for."""

    font: WrittenFont
    glyph_index_map: dict[int, int]  # of the whole font: of the embedded one


class EmbeddedFonts:
    """The fonts of this program so far, each with the letters of all files so far."""

    def __init__(self, embed: Any) -> None:
        self._embed, self._known = embed, dict[Any, EmbeddedFont]()

    @contextmanager
    def __call__(self, path: Any, glyphs: Iterable[int]) -> Iterator[EmbeddedFont]:
        """In place of the function of matplotlib."""
        wanted, key = set(glyphs), (str(path), getattr(path, "face_index", 0))
        known = self._known.get(key)
        if known is None or not wanted <= known.glyph_index_map.keys():
            before = _usual_glyphs(path) if known is None else set(known.glyph_index_map)
            known = self._known[key] = self._made(path, wanted | before)
        yield known

    def _made(self, path: Any, glyphs: set[int]) -> EmbeddedFont:
        with self._embed(path, glyphs) as part:
            content = _backend_pdf_ps.font_as_file(part.font).getvalue()
            return EmbeddedFont(WrittenFont(content), dict(part.glyph_index_map))


def _usual_glyphs(path: Any) -> set[int]:
    in_font = FT2Font(path).get_charmap()
    return {in_font[ord(letter)] for letter in USUAL_LETTERS if ord(letter) in in_font}


_FONTS = EmbeddedFonts(getattr(_backend_pdf_ps, EMBEDDING, None))


@contextmanager
def small_fonts() -> Iterator[None]:
    """Within this, fonts are embedded so; where fontTools or matplotlib have changed, as these like it."""
    with _without_tables(), _made_once():
        yield


@contextmanager
def _without_tables() -> Iterator[None]:
    before = getattr(Options, DEFAULT, None)
    if not isinstance(before, list):
        yield
        return
    setattr(Options, DEFAULT, [*before, *(one for one in TABLES_OF_TYPESETTERS if one not in before)])
    try:
        yield
    finally:
        setattr(Options, DEFAULT, before)


@contextmanager
def _made_once() -> Iterator[None]:
    before = getattr(_backend_pdf_ps, EMBEDDING, None)
    if before is None or not hasattr(_backend_pdf_ps, RESULT):
        yield
        return
    setattr(_backend_pdf_ps, EMBEDDING, _FONTS)
    try:
        yield
    finally:
        setattr(_backend_pdf_ps, EMBEDDING, before)
