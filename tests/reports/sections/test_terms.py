"""The chapters of the report explain their terms."""

from gem_plugin.reports.glossary import GLOSSARY
from gem_plugin.reports.sections.terms import TERMS_OF_CHAPTER, terms_of_chapter


def test_the_chapters_of_the_report_explain_terms_that_are_defined() -> None:
    assert {term for terms in TERMS_OF_CHAPTER.values() for term in terms} <= set(GLOSSARY)
    assert "docs/glossary.md" in terms_of_chapter("states")
    assert terms_of_chapter("numbers") == ""
