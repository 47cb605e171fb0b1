"""Names under which the explorer saves: the same rule in the page and here, and nothing is overwritten unasked."""

import re
from importlib.resources import files
from pathlib import Path

import pytest

from gem_plugin.errors import InputError
from gem_plugin.explorer.guard import MAXIMUM_BYTES_OF_A_REQUEST
from gem_plugin.explorer.saved_names import (
    NAME_PATTERN,
    NameTakenError,
    check_name_is_free,
    checked_name,
    free_name,
)


@pytest.mark.parametrize(
    "name", ["", ".", "..", "a/b", "a\\b", "a.b", "a b", "a\x00", "a\n", "-a", "é", "x" * 61]
)
def test_names_that_could_lead_elsewhere_are_refused_with_an_example(name: str) -> None:
    with pytest.raises(InputError, match=r"cannot be used; expected letters, digits, - and _ .*open_state"):
        checked_name(name)


def test_the_page_has_the_same_rules() -> None:
    page = files("gem_plugin.explorer").joinpath("page")
    names = page.joinpath("names.js").read_text(encoding="utf-8")
    assert f"NAME_PATTERN = /^{NAME_PATTERN.pattern}$/" in names
    server = page.joinpath("server.js").read_text(encoding="utf-8")
    (found,) = re.findall(r"MAXIMUM_BYTES = ([\d_]+)", server)
    assert int(found) == MAXIMUM_BYTES_OF_A_REQUEST


@pytest.mark.parametrize(
    ("name", "taken", "expected"),
    [
        ("selection", {"selection"}, "selection-2"),
        ("selection", {"selection", "selection-2"}, "selection-3"),
        ("selection-2", {"selection-2"}, "selection-3"),
        ("a-9", {"a-9"}, "a-10"),
        ("x" * 60, {"x" * 60}, "x" * 58 + "-2"),
    ],
)
def test_the_next_free_name_is_offered(name: str, taken: set[str], expected: str) -> None:
    assert checked_name(free_name(name, taken.__contains__)) == expected


def test_a_taken_name_says_what_would_be_lost_and_a_free_one_which_can_be_used(tmp_path: Path) -> None:
    def lost_under(name: str) -> list[Path]:
        return [path for path in [tmp_path / f"{name}.star"] if path.exists()]

    check_name_is_free("kept", lost_under, overwrite=False)
    (tmp_path / "kept.star").touch()
    with pytest.raises(
        NameTakenError, match=r"kept\.star \(written .*\) is there already .* Save as kept-2"
    ) as raised:
        check_name_is_free("kept", lost_under, overwrite=False)
    assert raised.value.new_name == "kept-2"
    check_name_is_free("kept", lost_under, overwrite=True)
    with pytest.raises(InputError, match="cannot be used"):
        check_name_is_free("../kept", lost_under, overwrite=True)
