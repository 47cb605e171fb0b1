"""PDF files hold the letters of their texts, without tables that no reader of a PDF looks at."""

import io
import re
from pathlib import Path

import matplotlib
import pytest
from fontTools import subset
from fontTools.ttLib import TTFont
from matplotlib.backends import _backend_pdf_ps
from matplotlib.figure import Figure
from matplotlib.font_manager import FontPath, findfont
from matplotlib.ft2font import FT2Font

from gem_plugin.reports.figures import pdf_fonts
from gem_plugin.reports.figures.pdf_fonts import EmbeddedFonts, small_fonts

TEXT = "root mean square 12.5 Å"


def tables_and_letters(target: Path) -> tuple[set[str], set[str]]:
    options = subset.Options()
    with subset.load_font(str(findfont("DejaVu Sans")), options) as font:
        subsetter = subset.Subsetter(options)
        subsetter.populate(text=TEXT)
        subsetter.subset(font)
        font.save(target)
    with TTFont(target) as written:
        return set(written.keys()), {chr(code) for code in written.getBestCmap()}


def test_only_tables_for_typesetters_are_left_out(tmp_path: Path) -> None:
    usual, letters = tables_and_letters(tmp_path / "usual.ttf")
    with small_fonts():
        fewer, same_letters = tables_and_letters(tmp_path / "fewer.ttf")
    assert usual - fewer
    assert usual - fewer <= set(pdf_fonts.TABLES_OF_TYPESETTERS)
    assert letters == same_letters == set(TEXT)


def test_fonts_are_as_usual_afterwards_even_after_an_error(tmp_path: Path) -> None:
    before = tables_and_letters(tmp_path / "before.ttf")
    with pytest.raises(RuntimeError, match="broken"), small_fonts():
        raise RuntimeError("broken")
    assert tables_and_letters(tmp_path / "after.ttf") == before


def test_another_fonttools_embeds_fonts_as_it_likes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = tables_and_letters(tmp_path / "before.ttf")
    monkeypatch.setattr(pdf_fonts, "DEFAULT", "no_such_attribute")
    with small_fonts():
        assert tables_and_letters(tmp_path / "after.ttf") == before


def letters_in(path: Path, text: str) -> dict[str, set[str]]:
    """Draw a text into a PDF; gives the letters of each font in the file, by its name."""
    figure = Figure()
    figure.text(0.1, 0.5, text, parse_math=False)
    with matplotlib.rc_context({"pdf.fonttype": 42, "pdf.compression": 0}), small_fonts():
        figure.savefig(path)
    fonts = {}
    for content in re.findall(rb"/Length1 \d+.*?stream\r?\n(.*?)\r?\nendstream", path.read_bytes(), re.S):
        with TTFont(io.BytesIO(content)) as font:
            fonts[str(font["name"].getDebugName(4))] = {chr(code) for code in font.getBestCmap()}
    return fonts


def test_every_letter_of_a_file_is_in_it_and_the_next_file_takes_the_same_font(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = []
    embed = _backend_pdf_ps.get_glyphs_subset
    counted = EmbeddedFonts(lambda path, glyphs: made.append(1) or embed(path, glyphs))
    monkeypatch.setattr(pdf_fonts, "_FONTS", counted)
    assert set("rms (Å)") <= letters_in(tmp_path / "first.pdf", "rms (Å)")["DejaVu Sans"]
    assert set("Ångstrm²") <= letters_in(tmp_path / "second.pdf", "Ångstrm²")["DejaVu Sans"]
    assert len(made) == 1
    assert "я" in letters_in(tmp_path / "third.pdf", "я")["DejaVu Sans"]
    assert len(made) == 2
    assert {"я", "Å"} <= letters_in(tmp_path / "fourth.pdf", "Å")["DejaVu Sans"]
    assert len(made) == 2


def test_another_matplotlib_embeds_fonts_as_it_likes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pdf_fonts, "RESULT", "no_such_attribute")
    assert letters_in(tmp_path / "own.pdf", "ab")["DejaVu Sans"] == set("ab")
    assert _backend_pdf_ps.get_glyphs_subset is not pdf_fonts._FONTS


def test_a_number_of_the_whole_font_leads_to_the_same_letter_of_the_embedded_one() -> None:
    path = FontPath(str(findfont("DejaVu Sans")), 0)
    numbers = FT2Font(path).get_charmap()
    fonts = EmbeddedFonts(_backend_pdf_ps.get_glyphs_subset)
    with fonts(path, [numbers[ord("я")]]), fonts(path, [numbers[ord("a")]]) as embedded:
        pass
    written = io.BytesIO()
    embedded.font.save(written, reorderTables=False)
    with TTFont(written) as part, TTFont(path) as whole:
        for letter in "aяÅ7":
            there = whole.getGlyphName(numbers[ord(letter)])
            assert part.getGlyphName(embedded.glyph_index_map[numbers[ord(letter)]]) == there
            assert part["hmtx"][there] == whole["hmtx"][there]
