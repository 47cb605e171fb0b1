"""docs/developers.md: the stops of its walks and the files of its recipes exist."""

import ast
import re
from pathlib import Path

import pytest

STOP = re.compile(r"^\d+\. `(gem_plugin/[\w/]+\.(?:py|js)):([\w.]+)`$", re.M)
MAXIMUM_STOPS = 10


def walks_of(repository: Path) -> dict[str, list[tuple[str, str]]]:
    page = (repository / "docs" / "developers.md").read_text(encoding="utf-8")
    walk = page[page.index("## A walk") : page.index("## Recipes")]
    parts = re.split(r"^(One [^\n]+):$", walk, flags=re.M)[1:]
    return {title: STOP.findall(stops) for title, stops in zip(parts[::2], parts[1::2])}


def test_the_three_walks_have_at_most_ten_stops(repository: Path) -> None:
    walks = walks_of(repository)
    assert [title.split()[1:3] for title in walks] == [
        ["particle's", "row,"],
        ["image,", "from"],
        ["click,", "from"],
    ]
    assert all(5 < len(stops) <= MAXIMUM_STOPS for stops in walks.values())


def test_every_stop_exists(repository: Path) -> None:
    for stops in walks_of(repository).values():
        for file, name in stops:
            text = (repository / file).read_text(encoding="utf-8")
            if file.endswith(".js"):
                assert re.search(rf"(function|class|async|^ ) *{name}\b", text, re.M), f"{file}:{name}"
            else:
                assert name in names_of(ast.parse(text)), f"{file}:{name}"


def names_of(tree: ast.Module) -> set[str]:
    """Functions, classes, and methods as Class.method."""
    names = set()
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
        if isinstance(node, ast.ClassDef):
            names |= {
                f"{node.name}.{one.name}"
                for one in node.body
                if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef)
            }
    return names


@pytest.mark.parametrize("page", ["docs/developers.md", "CONTRIBUTING.md"])
def test_files_and_names_that_the_page_speaks_of_exist(repository: Path, page: str) -> None:
    text = (repository / page).read_text(encoding="utf-8")
    for name in re.findall(
        r"`((?:gem_plugin|tests|docs|io|results|pipeline|reports|heterogeneity|landscape|steps)/[\w./]+)`",
        text,
    ):
        if "new_step" in name or "program" in name or name.endswith("/name.py"):
            continue
        found = [folder / name.split(":")[0] for folder in (repository, repository / "gem_plugin")]
        assert any(path.exists() for path in found), name
    for file, name in re.findall(r"`([\w/]+\.py):(\w+)`", text):
        path = next(one for one in (repository / file, repository / "gem_plugin" / file) if one.exists())
        assert re.search(rf"\b{name}\b", path.read_text(encoding="utf-8")), f"{file}:{name}"
    for link in re.findall(r"\]\((?!http)([\w./-]+)\)", text):
        assert ((repository / page).parent / link).exists(), link
