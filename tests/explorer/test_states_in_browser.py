"""The explorer's page in a real browser: states, masks, sessions, RELION jobs, runs that are not finished."""

import json
from pathlib import Path

import numpy as np
from arm_model import BOX_SIZE, PIXEL_SIZE_IN_ANGSTROMS
from explorer_run import N_STATES
from page_actions import (
    Page,
    choose,
    count_of_pixels,
    open_page,
    press,
    set_range,
    settle,
    text_of,
    wait_until,
)
from served_explorer import Explorer, serve
from small_star_run import write_run

from gem_plugin.io.mrc.maps import read_map, write_map
from gem_plugin.results.run import Run


def test_states_again_with_another_number(page: Page) -> None:
    page.execute_script("const e = document.getElementById('n-states'); e.value = 3; e.onchange()")
    wait_until(lambda: page.execute_script("return gem.plot.chosen.colour.name === 'states_here'"))
    rows = page.execute_script("return document.querySelectorAll('#states-list tr').length")
    assert rows == 3
    assert "silhouette" in text_of(page, "states-quality")
    badges = "return Array.from(document.querySelectorAll('#states-list .badge'), (one) => one.textContent)"
    assert page.execute_script(badges) == ["not tested"] * 3, "no check was made of these"
    assert page.execute_script("return gem.plot.chosen.colour.badges") == dict.fromkeys("123", "not tested")
    values = page.execute_script("return Array.from(gem.plot.chosen.colour.values)")
    assert set(values) == {1, 2, 3}
    assert count_of_pixels(page, "dendrogram", "r > 150 && r > b + 60") > 5, "the cut of the tree"
    press(page, "[data-state='1'][data-kind=mean]")
    wait_until(lambda: text_of(page, "molecule-title") == "mean of state 1")
    assert text_of(page, "particle-certainty") == "state 1: not tested"
    press(page, "[data-state='2'][data-kind=difference]")
    wait_until(lambda: text_of(page, "molecule-title") == "state 2 minus state 1")
    settle(page)
    assert page.execute_script("return gem.molecule.view.components.length") == 2
    assert count_of_pixels(page, "surface", "r > b + 60") > 200, "what state 2 lacks is orange"


def test_the_states_of_the_run_have_the_verdicts_of_its_checks(explorer: Explorer, page: Page) -> None:
    settle(page)
    checks = Run(explorer.run).checks
    badges = [checks.badge(number) for number in range(1, N_STATES + 1)]
    assert "not tested" not in badges
    shown = "return Array.from(document.querySelectorAll('#states-list .badge'), (one) => one.textContent)"
    assert page.execute_script(shown) == badges
    legend = page.execute_script("return document.getElementById('legend').textContent")
    assert all(f"{number}: {badge}" in legend for number, badge in enumerate(badges, start=1))


def test_states_inside_a_mask_made_in_the_page(explorer: Explorer, page: Page) -> None:
    grey = "Math.max(r, g, b) - Math.min(r, g, b) < 8 && r > 120 && r < 253"
    bare = count_of_pixels(page, "surface", grey)
    press(page, "#mask-show")
    wait_until(lambda: count_of_pixels(page, "surface", grey) > bare + 2000)
    choose(page, "mask-kind", "made")
    wait_until(lambda: page.execute_script("return gem.plot.chosen.colour.name === 'states_here'"))
    assert "mask made here" in page.execute_script("return gem.plot.chosen.colour.label")
    large = text_of(page, "mask-size")
    page.execute_script("const e = document.getElementById('mask-level'); e.value = 0.5; e.onchange()")
    wait_until(lambda: text_of(page, "mask-size") != large)
    assert int(text_of(page, "mask-size").split()[0].replace(",", "")) < int(
        large.split()[0].replace(",", "")
    )
    page.execute_script("document.getElementById('mask-name').value = 'tight'")
    press(page, "#mask-save")
    wait_until(lambda: "mask saved as explore/masks/tight.mrc" in text_of(page, "message"))
    assert page.execute_script("return gem.states.settings().mask") == {
        "kind": "file",
        "file": "explore/masks/tight.mrc",
    }
    assert (explorer.run.explore.root / "masks" / "tight.mrc").is_file()


def test_a_mask_file_is_sent_from_the_disk_of_the_browser(explorer: Explorer, page: Page, tmp_path) -> None:
    mask = np.zeros((BOX_SIZE,) * 3, np.float32)
    mask[6:-6, 6:-6, 6:-6] = 1
    write_map(tmp_path / "my mask.mrc", mask, PIXEL_SIZE_IN_ANGSTROMS)
    page.execute_script("document.getElementById('mask-file').hidden = false")
    page.find_element("id", "mask-file").send_keys(str(tmp_path / "my mask.mrc"))
    wait_until(lambda: "mask saved as explore/masks/my_mask.mrc" in text_of(page, "message"))
    wait_until(lambda: page.execute_script("return gem.plot.chosen.colour.name === 'states_here'"))
    np.testing.assert_array_equal(read_map(explorer.run.explore.root / "masks" / "my_mask.mrc").volume, mask)


def test_runs_from_a_star_file_are_not_offered_to_cryosparc(page: Page) -> None:
    assert page.execute_script("return document.getElementById('cryosparc').hidden")
    assert not page.find_element("id", "cryosparc-send").is_displayed()


def test_a_session_is_saved_and_opened(explorer: Explorer, page: Page) -> None:
    page.execute_script("return gem.plot.setAxes('latent_2', 'latent_1', 'defocus')")
    wait_until(lambda: page.execute_script("return gem.plot.chosen.x.name === 'latent_2'"))
    page.execute_script("return gem.plot.addFilter('latent_1')")
    page.execute_script("gem.plot.filters[0].setRange(-0.5, 0.5); gem.selection.select([1, 2, 3, 50], 'new')")
    page.execute_script("document.getElementById('session-name').value = 'kept'")
    press(page, "#session-save")
    wait_until(lambda: "session saved" in text_of(page, "message"))
    counts = text_of(page, "counts")
    open_page(page, explorer)
    page.execute_script("document.getElementById('session-name').value = 'kept'")
    press(page, "#session-open")
    wait_until(lambda: text_of(page, "message") == "session opened")
    assert text_of(page, "counts") == counts
    chosen = page.execute_script("return Object.values(gem.plot.chosen).map((column) => column.name)")
    assert chosen == ["latent_2", "latent_1", "defocus"]
    flags = page.execute_script("return Array.from(gem.plot.scatter.flags)")
    assert [row for row, flag in enumerate(flags) if flag & 2] == [1, 2, 3, 50]


def test_a_session_brings_path_and_view_of_the_molecule_back(explorer: Explorer, page: Page) -> None:
    settle(page)
    page.execute_script("gem.trajectory.waypoints = [3, 30]")
    choose(page, "trajectory-kind", "on data")
    press(page, "#trajectory-create")
    wait_until(lambda: page.execute_script("return Boolean(gem.trajectory.path)"))
    settle(page)
    set_range(page, "trajectory-position", 0.5)
    set_range(page, "level", 55)
    settle(page)
    page.execute_script(
        "gem.molecule.view.stage.viewerControls.spin(new NGL.Vector3(0, 1, 0), 0.7); gem.molecule.view.stage.viewerControls.zoom(0.2)"
    )
    seen = page.execute_script("return [gem.molecule.settings(), gem.trajectory.settings()]")
    page.execute_script("document.getElementById('session-name').value = 'view'")
    press(page, "#session-save")
    wait_until(lambda: "session saved" in text_of(page, "message"))
    open_page(page, explorer)
    settle(page)
    assert page.execute_script("return gem.trajectory.path") is None
    page.execute_script("document.getElementById('session-name').value = 'view'")
    press(page, "#session-open")
    wait_until(lambda: text_of(page, "message") == "session opened")
    settle(page)
    molecule, travel = page.execute_script("return [gem.molecule.settings(), gem.trajectory.settings()]")
    assert travel == seen[1]
    np.testing.assert_allclose(molecule.pop("orientation"), seen[0].pop("orientation"), rtol=1e-4, atol=1e-4)
    shown, before = molecule.pop("shown"), seen[0].pop("shown")
    np.testing.assert_allclose(shown["latents"], before["latents"], atol=1e-5)
    assert molecule == seen[0]


def test_a_session_brings_its_states_and_mask_back(explorer: Explorer, page: Page) -> None:
    page.execute_script("gem.states.number.value = 4")
    choose(page, "mask-kind", "made")
    wait_until(lambda: page.execute_script("return gem.plot.chosen.colour.name === 'states_here'"))
    wanted = page.execute_script("return gem.states.settings()")
    states = page.execute_script("return Array.from(gem.plot.chosen.colour.values)")
    page.execute_script("document.getElementById('session-name').value = 'masked'")
    press(page, "#session-save")
    wait_until(lambda: "session saved" in text_of(page, "message"))
    open_page(page, explorer)
    page.execute_script("document.getElementById('session-name').value = 'masked'")
    press(page, "#session-open")
    wait_until(lambda: text_of(page, "message") == "session opened")
    assert page.execute_script("return gem.states.settings()") == wanted
    assert page.execute_script("return Array.from(gem.plot.chosen.colour.values)") == states


def test_a_session_of_the_first_version_is_opened(explorer: Explorer, page: Page) -> None:
    """As GEM 0.1.0 wrote it, with the words of its time."""
    settle(page)
    content = {
        "axes": {"x": "latent_2", "y": "latent_1", "colour": "states_here"},
        "view": {"x": [-2.0, 2.0], "y": [-3.0, 3.0]},
        "filters": [{"column": "latent_1", "range": [-0.5, 0.5]}],
        "hiddenGroups": [2],
        "selected": [1, 2, 50],
        "anchors": [3, 30],
        "path": {"latents": [[0.0, 1.0], [1.0, 0.0]], "rows": [3, 30]},
        "pathKind": "least energy",
        "place": 0.5,
        "molecule": {
            "latents": [0.5, 0.5],
            "title": "path, 50 %",
            "level": "55",
            "section": "0.4",
            "orientation": page.execute_script("return gem.molecule.view.orientation()"),
        },
        "clicked": 7,
        "grouping": {"nStates": 4, "linkage": "ward", "region": "whole", "mask": {"kind": "landscape"}},
    }
    explorer.run.explore.root.mkdir(exist_ok=True)
    explorer.run.explore.session("old").write_text(json.dumps(content))
    page.execute_script("document.getElementById('session-name').value = 'old'")
    press(page, "#session-open")
    wait_until(lambda: text_of(page, "message") == "session opened")
    settle(page)
    assert text_of(page, "molecule-title") == "trajectory, 50 %"
    np.testing.assert_allclose(page.execute_script("return gem.molecule.subject.latents"), [0.5, 0.5])
    assert page.execute_script("return gem.trajectory.settings()") == {
        "waypoints": [3, 30],
        "path": content["path"],
        "kind": "minimum energy",
        "fraction": 0.5,
    }
    assert page.execute_script("return Array.from(new Set(gem.plot.chosen.colour.values)).length") == 4
    assert page.execute_script("return gem.plot.scatter.view.limits") == content["view"]
    assert page.execute_script("return gem.selection.settings()") == content["selected"]
    assert page.execute_script("return [...gem.plot.hiddenGroups]") == [2]
    assert page.execute_script("return gem.molecule.settings().slice") == "0.4"


def test_a_selection_becomes_a_relion_job(explorer: Explorer, page: Page) -> None:
    page.execute_script("gem.selection.select([4, 8, 15], 'new')")
    page.execute_script("document.getElementById('selection-name').value = 'three_of_them'")
    press(page, "#save-relion")
    wait_until(lambda: "3 particles saved" in text_of(page, "message"))
    folder = explorer.run.explore.root / "jobs" / "three_of_them"
    assert (folder / "RELION_JOB_EXIT_SUCCESS").is_file()
    names = [line.split()[0] for line in (folder / "particles.star").read_text().splitlines() if "@" in line]
    assert sorted(names) == [f"{row + 1:06d}@stack.mrcs" for row in (4, 8, 15)]


def test_a_run_that_is_still_training_shows_what_there_is(browser: Page, tmp_path: Path) -> None:
    run, _ = write_run(tmp_path, 20)
    run.history.parent.mkdir(parents=True)
    run.history.write_text("epoch,loss\n1,3.0\n2,2.0\n")
    run.settings.write_text("[train]\nepochs = 30\n")
    for served in serve(run):
        open_page(browser, served)
        assert text_of(browser, "training") == "still training: 2 of 30 epochs"
        assert "gem-em train" in text_of(browser, "molecule-title")
        assert "gem-em landscape" in text_of(browser, "states-missing")
        assert not browser.find_element("id", "states-controls").is_displayed()
        browser.execute_script("return gem.plot.setAxes('row', 'tilt', 'row')")
        assert text_of(browser, "counts") == "20 particles"
        wait_until(lambda: count_of_pixels(browser, "points", "r + g + b < 700") > 100)
