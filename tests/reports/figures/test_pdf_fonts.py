"""PDF files hold the letters of their texts, without tables that no reader of a PDF looks at."""

from pathlib import Path

import pytest
from fontTools import subset
from fontTools.ttLib import TTFont
from matplotlib.font_manager import findfont

from gem_plugin.reports.figures import pdf_fonts
from gem_plugin.reports.figures.pdf_fonts import small_fonts

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
