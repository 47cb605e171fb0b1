"""Saving in a real browser: names, and what happens when something is saved a second time."""

from collections.abc import Callable
from pathlib import Path

import pytest
from page_actions import Page, choose, press, settle, text_of, wait_until
from served_explorer import Explorer, files_below


def fill(page: Page, identifier: str, name: str) -> None:
    page.execute_script("document.getElementById(arguments[0]).value = arguments[1]", identifier, name)


def value_of(page: Page, identifier: str) -> str:
    return page.execute_script("return document.getElementById(arguments[0]).value", identifier)


def select_some(page: Page) -> None:
    page.execute_script("gem.selection.select([1, 2, 3], 'new')")


def select_others(page: Page) -> None:
    page.execute_script("gem.selection.select([4, 5, 6, 7], 'new')")


def make_path(page: Page) -> None:
    settle(page)
    page.execute_script("gem.trajectory.waypoints = [3, 30]; gem.trajectory.path = null")
    press(page, "#trajectory-create")
    wait_until(lambda: page.execute_script("return Boolean(gem.trajectory.path)"))
    settle(page)


def make_other_path(page: Page) -> None:
    fill(page, "trajectory-points", "7")
    make_path(page)


def make_mask(page: Page) -> None:
    choose(page, "mask-kind", "made")
    fill(page, "mask-dilate", "3")


def make_other_mask(page: Page) -> None:
    choose(page, "mask-kind", "made")
    fill(page, "mask-dilate", "9")


Action = Callable[[Page], None]
WAYS: dict[str, tuple[str, str, Action, Action, str]] = {  # field, button, before each save, the message
    "particles": ("selection-name", "#save-particles", select_some, select_others, "particles saved"),
    "RELION job": ("selection-name", "#save-relion", select_some, select_others, "particles saved"),
    "maps": ("trajectory-name", "#save-maps", make_path, make_other_path, "maps saved"),
    "movie": ("trajectory-name", "#save-movie", make_path, make_other_path, "movie saved"),
    "mask": ("mask-name", "#mask-save", make_mask, make_other_mask, "mask saved"),
    "session": ("session-name", "#session-save", select_some, select_others, "session saved"),
}


def contents(explorer: Explorer) -> dict[Path, bytes]:
    """All files that were saved under a name."""
    folder = explorer.run.explore.root
    return {folder / name: (folder / name).read_bytes() for name in files_below(folder)}


def press_in_message(page: Page, label: str) -> None:
    page.execute_script(
        "Array.from(document.querySelectorAll('#message button')).find((one) => one.textContent === arguments[0]).click()",
        label,
    )


@pytest.mark.parametrize("what", WAYS)
def test_a_second_save_asks_and_overwrites_only_when_that_is_pressed(
    explorer: Explorer, page: Page, what: str
) -> None:
    field, button, prepare, change, message = WAYS[what]
    name = f"page_{what.replace(' ', '_')}"
    settle(page)
    prepare(page)
    fill(page, field, name)
    press(page, button)
    wait_until(lambda: message in text_of(page, "message"))
    first = contents(explorer)
    change(page)
    fill(page, field, name)
    press(page, button)
    wait_until(lambda: "would be lost" in text_of(page, "message"))
    labels = page.execute_script(
        "return Array.from(document.querySelectorAll('#message button'), (one) => one.textContent)"
    )
    assert labels == [f"save as {name}-2", "overwrite"]
    assert contents(explorer) == first, "nothing is written before an answer"
    press_in_message(page, f"save as {name}-2")
    wait_until(lambda: message in text_of(page, "message"))
    assert value_of(page, field) == f"{name}-2"
    both = contents(explorer)
    assert first.items() < both.items()
    fill(page, field, name)
    if what == "mask":
        make_other_mask(page)
    press(page, button)
    wait_until(lambda: "would be lost" in text_of(page, "message"))
    press_in_message(page, "overwrite")
    wait_until(lambda: message in text_of(page, "message"))
    last = contents(explorer)
    changed = {path for path in first if last.get(path) != first[path]}
    assert changed, "the first was replaced"
    assert all(name in str(path) and f"{name}-2" not in str(path) for path in changed)


@pytest.mark.parametrize("name", ["a/b", "", "..", "state.2", "a\u0001b", "long" * 30_000])
def test_names_that_cannot_be_used_are_explained_in_the_page(
    explorer: Explorer, page: Page, name: str
) -> None:
    settle(page)
    select_some(page)
    before = contents(explorer)
    for field, button in (
        ("session-name", "#session-save"),
        ("session-name", "#session-open"),
        ("selection-name", "#save-particles"),
        ("selection-name", "#save-relion"),
        ("mask-name", "#mask-save"),
    ):
        page.execute_script("gem.say('')")
        fill(page, field, name)
        press(page, button)
        said = wait_until(lambda: text_of(page, "message"))
        assert "letters, digits, - and _ (at most 60), such as" in said, (button, said)
        assert len(said) < 250
    assert contents(explorer) == before


def test_a_name_of_a_path_is_refused_before_its_movie_is_drawn(page: Page) -> None:
    make_path(page)
    for button in ("#save-maps", "#save-movie"):
        page.execute_script("gem.say('')")
        fill(page, "trajectory-name", "a/b")
        press(page, button)
        wait_until(lambda: text_of(page, "message").startswith('The name "a/b" cannot be used'))
