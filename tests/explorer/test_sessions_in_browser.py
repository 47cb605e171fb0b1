"""Sessions in a real browser: what is shown when one is opened again is what its title names, or it is said what is not."""

import json
from typing import Any

import numpy as np
import pytest
from explorer_run import explorer_source
from page_actions import Page, choose, open_page, press, set_range, settle, text_of, wait_until
from served_explorer import Explorer

from gem_plugin.explorer import opened_run

SHOWN = """
const particle = document.getElementById("particle");
const isSeen = getComputedStyle(particle).visibility === "visible" && particle.offsetHeight > 0;
const { subject, presented } = gem.molecule;
return {
  title: document.getElementById("molecule-title").textContent,
  volume: Array.from(presented.volume),
  isSame: subject === presented,
  captions: isSeen ? Array.from(particle.querySelectorAll("figcaption"), (one) => one.textContent) : [],
  facts: document.getElementById("particle-facts").textContent,
  marked: gem.plot.markedRow,
};
"""


def shown(page: Page) -> dict[str, Any]:
    settle(page)
    page.execute_async_script("requestAnimationFrame(() => requestAnimationFrame(arguments[0]))")
    return page.execute_script(SHOWN)


def show_mean(page: Page) -> None:
    press(page, "[data-state='2'][data-kind=mean]")
    wait_until(lambda: text_of(page, "molecule-title") == "mean of state 2")


def show_variability(page: Page) -> None:
    press(page, "[data-state='2'][data-kind=variability]")
    wait_until(lambda: text_of(page, "molecule-title") == "variability within state 2")


def show_difference(page: Page) -> None:
    press(page, "[data-state='2'][data-kind=difference]")
    wait_until(lambda: text_of(page, "molecule-title") == "state 2 minus state 1")


def show_path(page: Page) -> None:
    page.execute_script("gem.trajectory.waypoints = [3, 30]")
    press(page, "#trajectory-create")
    wait_until(lambda: text_of(page, "molecule-title") == "trajectory, 0 %")
    set_range(page, "trajectory-position", 0.5)
    wait_until(lambda: text_of(page, "molecule-title") == "trajectory, 50 %")


def show_particle(page: Page) -> None:
    page.execute_script("return gem.molecule.showParticle(42)")
    wait_until(lambda: text_of(page, "molecule-title") == "particle row 42")


NOT_OF_A_PARTICLE = {
    "mean": show_mean,
    "variability": show_variability,
    "difference": show_difference,
    "path": show_path,
}


def name_session(page: Page, name: str) -> None:
    page.execute_script("document.getElementById('session-name').value = arguments[0]", name)


def save_session(page: Page, name: str) -> None:
    name_session(page, name)
    press(page, "#session-save")
    wait_until(lambda: "session saved" in text_of(page, "message"))


def open_session(page: Page, name: str) -> str:
    name_session(page, name)
    page.execute_script("gem.say('')")
    press(page, "#session-open")
    return wait_until(lambda: (said := text_of(page, "message")) and "..." not in said and said)


@pytest.mark.parametrize("what", NOT_OF_A_PARTICLE)
def test_below_what_is_not_of_a_particle_no_image_and_no_facts_are_left(page: Page, what: str) -> None:
    show_particle(page)
    before = shown(page)
    assert len(before["captions"]) == 2
    assert before["facts"]
    NOT_OF_A_PARTICLE[what](page)
    now = shown(page)
    assert (now["captions"], now["facts"], now["marked"]) == ([], "", -1)
    assert now["isSame"]


@pytest.mark.parametrize("what", [*NOT_OF_A_PARTICLE, "particle"])
@pytest.mark.parametrize("shown_meanwhile", ["particle", "difference"])
def test_a_session_shows_again_what_its_title_names(
    explorer: Explorer, page: Page, what: str, shown_meanwhile: str
) -> None:
    ways = {**NOT_OF_A_PARTICLE, "particle": show_particle}
    settle(page)
    ways[what](page)
    saved = shown(page)
    name = f"{what}_after_{shown_meanwhile}"
    save_session(page, name)
    open_page(page, explorer)
    settle(page)
    ways[shown_meanwhile](page)
    assert open_session(page, name) == "session opened"
    again = shown(page)
    assert {**again, "facts": ""} == {**saved, "facts": ""}


@pytest.mark.parametrize(
    ("old_title", "title", "show"),
    [
        ("mean of state 2", "mean of state 2", show_mean),
        ("spread within state 2", "variability within state 2", show_variability),
        ("state 2 minus state 1", "state 2 minus state 1", show_difference),
    ],
)
def test_a_session_of_the_first_version_shows_the_map_that_its_title_names(
    explorer: Explorer, page: Page, old_title: str, title: str, show: Any
) -> None:
    """GEM 0.1.0 kept the latents of the path that was shown before."""
    settle(page)
    choose(page, "n-states", "3")
    wait_until(lambda: page.execute_script("return gem.plot.chosen.colour.name === 'states_here'"))
    show(page)
    expected = shown(page)["volume"]
    content = {
        "axes": {"x": "latent_1", "y": "latent_2", "colour": "states_here"},
        "view": {"x": [-2.0, 2.0], "y": [-2.0, 2.0]},
        "filters": [],
        "hiddenGroups": [],
        "selected": [],
        "anchors": [3, 30],
        "path": {"latents": [[0.0, 1.0], [1.0, 0.0]], "rows": [3, 30]},
        "pathKind": "straight",
        "place": 0.5,
        "molecule": {
            "latents": [0.5, 0.5],
            "title": old_title,
            "level": "40",
            "section": "0.5",
            "orientation": page.execute_script("return gem.molecule.view.orientation()"),
        },
        "clicked": -1,
        "grouping": {"nStates": 3, "linkage": "ward", "region": "whole", "mask": {"kind": "landscape"}},
    }
    explorer.run.explore.root.mkdir(exist_ok=True)
    explorer.run.explore.session("first_version").write_text(json.dumps(content))
    open_page(page, explorer)
    settle(page)
    assert open_session(page, "first_version") == "session opened"
    now = shown(page)
    assert now["title"] == title
    np.testing.assert_array_equal(now["volume"], expected)


def test_the_map_of_a_state_is_named_as_earlier_once_the_states_are_others(
    explorer: Explorer, page: Page
) -> None:
    settle(page)
    show_mean(page)
    choose(page, "n-states", "3")
    wait_until(lambda: text_of(page, "molecule-title") == "mean of state 2, of earlier states")
    save_session(page, "of_earlier_states")
    open_page(page, explorer)
    settle(page)
    assert open_session(page, "of_earlier_states") == "session opened"
    assert shown(page)["title"] == "mean of state 2, of earlier states"
    choose(page, "n-states", "5")
    wait_until(lambda: text_of(page, "molecule-title") == "mean of state 2")


@pytest.fixture
def trained_again(page: Page, explorer: Explorer, monkeypatch: pytest.MonkeyPatch) -> Page:
    """Sessions of a path, a state and a particle, and then the page of the run with other fingerprints."""
    settle(page)
    show_path(page)
    for name, show in (("path", show_path), ("mean", show_mean), ("particle", show_particle)):
        show(page)
        if not explorer.run.explore.session(f"{name}_before").exists():
            save_session(page, f"{name}_before")
    monkeypatch.setattr(opened_run, "fingerprint", lambda *_: "other")
    return open_page(page, explorer)


@pytest.mark.parametrize(("what", "missing"), [("path", "path and molecule"), ("mean", "path and molecule")])
def test_what_the_run_would_show_differently_now_is_left_out_and_said(
    trained_again: Page, what: str, missing: str
) -> None:
    page = trained_again
    settle(page)
    before = shown(page)
    said = open_session(page, f"{what}_before")
    assert said.startswith(
        f"session opened without its {missing}: the run was trained or its landscape made again"
    )
    now = shown(page)
    assert (now["title"], now["volume"]) == (before["title"], before["volume"])
    assert page.execute_script("return gem.trajectory.path") is None
    assert page.execute_script("return gem.trajectory.waypoints") == [3, 30]


def test_a_particle_is_shown_by_the_new_model_too(trained_again: Page) -> None:
    page = trained_again
    settle(page)
    assert open_session(page, "particle_before").startswith("session opened without its path: ")
    assert shown(page)["title"] == "particle row 42"
    latents = page.execute_script("return gem.molecule.subject.latents")
    np.testing.assert_allclose(latents, explorer_source().latents[42], atol=1e-5)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"madeFrom": {"nParticles": 200}}, "saved with 200 particles, the run has 300"),
        ({"selected": [300]}, "saved with more particles, the run has 300"),
        ({"axes": {"x": "own_ice", "y": "latent_1", "colour": "latent_1"}}, "the column own_ice"),
        (
            {
                "states": {
                    "nStates": 3,
                    "linkage": "ward",
                    "region": "whole",
                    "mask": {"kind": "file", "file": "a.mrc"},
                }
            },
            "The mask a.mrc",
        ),
        ({"version": 99}, "newer version of GEM"),
    ],
)
def test_a_session_that_does_not_fit_changes_nothing(
    explorer: Explorer, page: Page, change: dict[str, Any], reason: str
) -> None:
    settle(page)
    path = explorer.run.explore.session("fits_not")
    name = "fits"
    if not explorer.run.explore.session(name).exists():
        save_session(page, name)
    content = json.loads(explorer.run.explore.session(name).read_text())
    path.write_text(json.dumps({**content, "hiddenGroups": [1], **change}))
    look = """const text = (id) => document.getElementById(id).textContent;
        return [...["counts", "molecule-title", "selected-count"].map(text), gem.plot.chosen.x.name, gem.plot.chosen.colour.name];"""
    before = page.execute_script(look)
    assert reason in open_session(page, "fits_not")
    assert page.execute_script(look) == before
