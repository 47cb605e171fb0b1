"""The references against CITATION.cff."""

from pathlib import Path

import pytest
import yaml

pytest.importorskip("pipeliner.pipeliner_job")

from gem_plugin.adapters.pipeliner.citations import references

AUTHORS_THAT_ARE_NOT_PRINTED = 5


def test_they_are_those_of_the_citation_file(repository: Path) -> None:
    cited = yaml.safe_load((repository / "CITATION.cff").read_text(encoding="utf-8"))["references"]
    for reference, entry in zip(references(), cited, strict=True):
        assert (reference.title, reference.journal, reference.year) == (
            entry["title"],
            entry["journal"],
            str(entry["year"]),
        )
        names = [f"{one['family-names']} {_initials(one['given-names'])}" for one in entry["authors"]]
        assert ", ".join(reference.authors) == ", ".join(names)
        assert reference.doi.endswith(entry.get("doi", "arXiv.2512.21599"))
        assert not entry.get("volume") or reference.volume == str(entry["volume"])


def test_authors_are_printed() -> None:
    for reference in references():
        assert len(reference.authors) != AUTHORS_THAT_ARE_NOT_PRINTED
        assert str(reference).splitlines()[0].startswith(reference.authors[0])


def _initials(given_names: str) -> str:
    return "".join(name[0] for name in given_names.split())
