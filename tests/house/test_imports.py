"""No import runs in a circle: not between modules, not between the parts of any package; late imports and those for
type checking count."""

import ast
import graphlib
from collections.abc import Iterable
from pathlib import Path

import pytest

Graph = dict[str, set[str]]


def imports_of(package: Path) -> Graph:
    """Module -> modules of the package that it imports, wherever in the file."""
    files = {
        ".".join(path.relative_to(package.parent).with_suffix("").parts).removesuffix(".__init__"): path
        for path in package.rglob("*.py")
    }
    graph: Graph = {}
    for module, path in files.items():
        found: set[str] = set()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
                names = {f"{node.module}.{alias.name}" for alias in node.names}
                found |= {name if name in files else node.module for name in names}
            elif isinstance(node, ast.Import):
                found |= {alias.name for alias in node.names}
        graph[module] = {name for name in found if name in files} - {module}
    return graph


def between_parts(graph: Graph, package: str) -> Graph:
    """The same between the direct parts of one package: its modules and the packages in it."""

    def part_of(module: str) -> str | None:
        inside = module.removeprefix(package + ".")
        return inside.split(".")[0] if inside != module else None

    parts: Graph = {}
    for module, imported in graph.items():
        part = part_of(module)
        if part is not None:
            others = {part_of(name) for name in imported}
            parts.setdefault(part, set()).update(other for other in others if other not in (None, part))  # type: ignore[misc]
    return parts


def circle_in(graph: Graph) -> Iterable[str]:
    try:
        tuple(graphlib.TopologicalSorter(graph).static_order())
    except graphlib.CycleError as error:
        return error.args[1]
    return ()


@pytest.fixture(scope="module")
def graph(repository: Path) -> Graph:
    return imports_of(repository / "gem_plugin")


def test_no_module_imports_itself_through_others(graph: Graph) -> None:
    assert " -> ".join(circle_in(graph)) == ""


def test_no_circle_inside_any_package(graph: Graph) -> None:
    packages = {module.rpartition(".")[0] for module in graph} - {""}
    assert len(packages) > 40
    circles = {package: " -> ".join(circle_in(between_parts(graph, package))) for package in packages}
    assert {package: circle for package, circle in circles.items() if circle} == {}


def test_a_circle_would_be_found() -> None:
    assert circle_in({"a": {"b"}, "b": {"c"}, "c": {"a"}})
    assert between_parts({"p.x.m": {"p.y.n"}, "p.y.o": {"p.x.m"}}, "p") == {"x": {"y"}, "y": {"x"}}


def test_steps_holds_exactly_the_commands(repository: Path) -> None:
    from gem_plugin.cli.main import ORDER

    elsewhere = {"run", "rerun", "explore"}  # they do other steps, or serve a page
    folders = {path.name for path in (repository / "gem_plugin" / "steps").iterdir() if path.is_dir()} - {
        "__pycache__"
    }
    assert folders == {name.replace("-", "_") for name in ORDER if name not in elsewhere}
    for folder in folders:
        files = {path.name for path in (repository / "gem_plugin" / "steps" / folder).glob("*.py")}
        assert "step.py" in files
        assert "settings.py" in files or folder == "train", "settings of training are the engine's"
