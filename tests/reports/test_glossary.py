"""One definition of each term for the documentation, the report and the explorer."""

from pathlib import Path

from gem_plugin.explorer.page_text import page_text
from gem_plugin.reports.glossary import GLOSSARY, anchor_of, glossary_page


def test_the_committed_page_is_made_of_the_same_terms(repository: Path) -> None:
    committed = (repository / "docs" / "glossary.md").read_text(encoding="utf-8")
    assert committed == glossary_page(), (
        "Make it again: python -m gem_plugin.reports.glossary > docs/glossary.md"
    )


def test_every_term_has_an_anchor_and_is_defined_in_a_sentence_or_two() -> None:
    page = glossary_page()
    for term, definition in GLOSSARY.items():
        assert f"\n## {term}\n" in page
        assert f"(#{anchor_of(term)})" in page
        assert definition.endswith("."), term
        assert definition.count(". ") <= 1, term


def test_the_explorer_shows_all_terms() -> None:
    page = page_text()
    assert "<!--TERMS-->" not in page
    assert all(f"<dt>{term}</dt>" in page for term in GLOSSARY)
