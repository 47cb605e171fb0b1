"""The test tree mirrors the package: a module has a test of its name, or a reason in one list."""

import re
from pathlib import Path

from house.modules_without_test import WITHOUT_TEST

NO_MODULES = ("__init__.py", "__main__.py")


def test_every_module_has_a_test_of_its_name_or_a_reason(repository: Path) -> None:
    package, tests = repository / "gem_plugin", repository / "tests"
    modules = {
        path.relative_to(package).with_suffix("").as_posix()
        for path in package.rglob("*.py")
        if path.name not in NO_MODULES
    }
    without = {
        module
        for module in modules
        if not (tests / Path(module).parent / f"test_{Path(module).name}.py").is_file()
    }
    listed = [module for names in WITHOUT_TEST.values() for module in names]
    assert len(listed) == len(set(listed))
    assert without - set(listed) == set(), (
        "write a test of their name, or add them to modules_without_test.py"
    )
    assert set(listed) - without == set(), "these have a test of their name, or are no more"


def test_every_reason_names_a_test_that_is_there(repository: Path) -> None:
    for reason in WITHOUT_TEST:
        named = re.findall(r"tests/[\w/]+\.py", reason)
        assert named, reason
        assert all((repository / name).is_file() for name in named), reason


def test_only_tests_of_modules_lie_at_the_top(repository: Path) -> None:
    loose = {path.name for path in (repository / "tests").glob("*.py")}
    mirrored = {f"test_{path.name}" for path in (repository / "gem_plugin").glob("*.py")}
    assert loose - mirrored == {"conftest.py"}
