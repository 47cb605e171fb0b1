"""docs/trust.md is one page: every check with a sentence for the methods, small pictures; every link to a heading finds it."""

import re
from pathlib import Path

MAXIMUM_LINES = 115
MAXIMUM_BYTES_OF_PICTURES = 400_000


def anchors_of(page: Path) -> set[str]:
    """The anchors of its headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_it_is_one_page_with_small_pictures(repository: Path) -> None:
    page = repository / "docs" / "trust.md"
    text = page.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= MAXIMUM_LINES
    pictures = [page.parent / name for name in re.findall(r"!\[[^\]]+\]\(([^)]+)\)", text)]
    assert len(pictures) >= 5
    assert sum(picture.stat().st_size for picture in pictures) < MAXIMUM_BYTES_OF_PICTURES
    made = (repository / "benchmarks" / "trust_pictures.py").read_text(encoding="utf-8")
    assert [picture.name for picture in pictures if picture.name not in made] == []


def test_every_question_has_a_sentence_for_the_methods(repository: Path) -> None:
    text = (repository / "docs" / "trust.md").read_text(encoding="utf-8")
    questions = re.split(r"^## (?=\d)", text, flags=re.M)[1:]
    assert len(questions) >= 8
    assert [one.split("\n")[0] for one in questions if not re.search(r"^> \S", one, re.M)] == []


def test_links_to_headings_find_them(repository: Path) -> None:
    for page in [repository / "README.md", *(repository / "docs").glob("*.md")]:
        for target, anchor in re.findall(r"\]\(([^)#:]*)#([^)]+)\)", page.read_text(encoding="utf-8")):
            linked = page.parent / target if target else page
            assert anchor in anchors_of(linked), f"{page.name} links to {target}#{anchor}"
