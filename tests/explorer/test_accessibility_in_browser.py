"""axe-core finds nothing serious in the explorer: every tab, the dialogs, with and without a selection, light and dark."""

from collections.abc import Iterator

import pytest
from axe_findings import axe_script, findings
from page_actions import Page, press, settle, show_tab, wait_until

TABS = (("look", "particle"), ("select", "selection"), ("states", "compare"), ("path", "atoms"))


@pytest.fixture(params=["light", "dark"])
def themed(opened: Page, request: pytest.FixtureRequest) -> Iterator[Page]:
    """The shared page in a theme."""
    axe_script()
    wanted = request.param == "dark"
    is_dark = "return document.getElementById('theme').getAttribute('aria-pressed') === 'true'"
    if opened.execute_script(is_dark) != wanted:
        press(opened, "#theme")
    settle(opened)
    yield opened
    if wanted:
        press(opened, "#theme")
    opened.delete_cookie("gem_theme")


def test_every_tab_with_and_without_a_selection(themed: Page) -> None:
    found = {}
    for rows in ([], list(range(40))):
        themed.execute_script("gem.selection.select(arguments[0], 'new')", rows)
        if rows:
            press(themed, "#selection-show")
            wait_until(lambda: themed.find_element("id", "selection-report").is_displayed())
            settle(themed)
        for controls, details in TABS:
            show_tab(themed, controls)
            show_tab(themed, details)
            if wrong := findings(themed):
                found[f"{controls}, {details}, {len(rows)} selected"] = wrong
    press(themed, "#selection-close")
    themed.execute_script("gem.selection.select([], 'new')")
    assert found == {}


def test_help_walk_through_filter_path_comparison_and_error(themed: Page) -> None:
    found = {"help": [], "walk": [], "work": []}
    press(themed, "#help-open")
    press(themed, "#help details summary")
    found["help"] = findings(themed)
    press(themed, "#walk-start")
    found["walk"] = findings(themed)
    press(themed, "#walk-skip")
    themed.execute_script(
        "return (async () => { await gem.plot.addFilter('latent_1'); gem.trajectory.waypoints = [3, 30]; await gem.trajectory.create();"
        "await gem.compare.add('state 1'); await gem.compare.add('state 2'); gem.say('a sentence', true); })()"
    )
    settle(themed)
    for controls, details in (("look", "compare"), ("path", "compare")):
        show_tab(themed, controls)
        show_tab(themed, details)
        found["work"] += findings(themed)
    themed.execute_script(
        "gem.plot.removeFilters(); gem.plot.refilter(); gem.trajectory.clear(); gem.compare.entries = []; gem.compare.update(); gem.say('')"
    )
    assert found == {"help": [], "walk": [], "work": []}
