"""The molecule follows a real mouse, and the user's atoms move with it."""

from pathlib import Path

import numpy as np
import pytest
from arm_atoms import write_model
from explorer_run import explorer_source
from page_actions import (
    Page,
    count_of_pixels,
    drag,
    let_lay_out,
    pixel_of,
    press,
    settle,
    text_of,
    wait_until,
)
from selenium.webdriver.common.action_chains import ActionChains

from gem_plugin.explorer.atoms import AtomModels

ROWS = (40, 150, 220)


@pytest.fixture
def following(opened: Page) -> Page:
    if not opened.execute_script("return document.getElementById('follow-mouse').checked"):
        ActionChains(opened, duration=20).move_to_element(
            opened.find_element("id", "follow-mouse")
        ).click().perform()
    assert opened.execute_script("return document.getElementById('follow-mouse').checked")
    return opened


def move_to(page: Page, row: int) -> None:
    """The mouse to a particle of the plot, once more where the plot got another size meanwhile."""

    def is_there() -> bool:
        let_lay_out(page)
        overlay = page.find_element("id", "overlay")
        size = overlay.size
        x, y = place = pixel_of(page, row)
        ActionChains(page, duration=20).move_to_element_with_offset(
            overlay, round(x - size["width"] / 2), round(y - size["height"] / 2)
        ).perform()
        return pixel_of(page, row) == place

    wait_until(is_there)


def shown(page: Page) -> tuple[int, bool]:
    return tuple(page.execute_script("return [gem.molecule.presented.row, gem.molecule.presented.isCoarse]"))


def test_the_molecule_follows_the_mouse_and_becomes_sharp_where_it_rests(following: Page) -> None:
    page = following
    page.execute_script(
        "window.asked = []; const real = window.fetch; window.fetch = (path, options) => { if (path === '/api/molecule') asked.push(JSON.parse(options.body)); return real(path, options); };"
    )
    for row in ROWS:
        move_to(page, row)
        wait_until(lambda row=row: page.execute_script("return gem.plot.markedRow") == row)
    wait_until(lambda: shown(page) == (ROWS[-1], False))
    assert text_of(page, "molecule-title") == f"particle row {ROWS[-1]}, under the mouse"
    asked = page.execute_script("return asked")
    assert {one["row"] for one in asked if one.get("isCoarse")} >= {ROWS[0]}
    last = asked[-1]
    assert (last["row"], last.get("isCoarse"), last["withImages"]) == (ROWS[-1], None, True)
    assert page.execute_script("return !document.getElementById('particle').classList.contains('empty')")


def test_the_mouse_at_rest_does_not_replace_what_was_asked_for_meanwhile(following: Page) -> None:
    page = following
    move_to(page, ROWS[0])
    wait_until(lambda: page.execute_script("return gem.plot.markedRow") == ROWS[0])
    page.execute_script("return gem.molecule.showParticle(arguments[0])", ROWS[1])
    page.execute_async_script("setTimeout(arguments[0], 600)")  # the mouse rests after 250 ms
    settle(page)
    assert shown(page) == (ROWS[1], False)
    assert text_of(page, "molecule-title") == f"particle row {ROWS[1]}"


def test_coarse_molecules_lie_where_the_sharp_ones_do(following: Page) -> None:
    page = following
    centres = []
    for coarse in ("true", "undefined"):
        page.execute_script(
            f"return gem.molecule.requests.run((signal) => gem.molecule.load({{ row: 40, isCoarse: {coarse} }}, 'x', signal))"
        )
        settle(page)
        centres.append(middle_of_surface(page))
        assert shown(page)[1] == (coarse == "true")
    np.testing.assert_allclose(centres[0], centres[1], atol=4.0)  # Å: a voxel


def middle_of_surface(page: Page) -> list[float]:
    return page.execute_script(
        """const { array } = gem.molecule.view.components[0].reprList[0].repr.bufferList[0].geometry.attributes.position;
        const low = [1e9, 1e9, 1e9], high = [-1e9, -1e9, -1e9];
        array.forEach((value, index) => { low[index % 3] = Math.min(low[index % 3], value); high[index % 3] = Math.max(high[index % 3], value); });
        return low.map((value, axis) => (value + high[axis]) / 2);"""
    )


def test_a_lasso_or_a_switch_ends_following(following: Page) -> None:
    page = following
    move_to(page, ROWS[0])
    wait_until(lambda: shown(page) == (ROWS[0], False))
    press(page, "[data-tool=lasso]")
    x, y = pixel_of(page, ROWS[1])
    drag(page, [(x - 30, y - 30), (x + 30, y - 30), (x + 30, y + 30), (x - 30, y + 30)])
    wait_until(lambda: "selected" in text_of(page, "selected-count"))
    wait_until(lambda: "under the mouse" not in text_of(page, "molecule-title"))  # that of the lasso
    press(page, "[data-tool=click]")
    press(page, "#select-none")
    press(page, "#follow-mouse")
    before = page.execute_script("return gem.molecule.subject.title")
    move_to(page, ROWS[2])
    move_to(page, ROWS[0])
    assert page.execute_script("return gem.molecule.subject.title") == before


@pytest.fixture(scope="module")
def with_atoms(opened: Page, tmp_path_factory: pytest.TempPathFactory) -> Page:
    """The page with a model whose arm points along x."""
    path = tmp_path_factory.mktemp("atoms") / "my model <b>.pdb"
    write_model(path, 0.0)
    opened.find_element("id", "atoms-file").send_keys(str(path))
    wait_until(lambda: "atoms of my model <b>.pdb, moved with each molecule" in text_of(opened, "message"))
    settle(opened)
    return opened


def tip(page: Page) -> list[float]:
    """The last CA as the viewer has it, from the centre of the box."""
    return page.execute_script(
        "const { atomStore } = gem.molecule.view.atoms.component.structure; return [atomStore.x[22] - 48, atomStore.y[22] - 48]"
    )


def angle_of(row: int) -> float:
    x, y = explorer_source().latents[row]
    return float(np.arctan2(y, x))


def turned_from(page: Page, row: int) -> float:
    """Angle between the arm of the atoms and that of a particle, in radians."""
    x, y = tip(page)
    return float(np.angle(np.exp(1j * (np.arctan2(y, x) - angle_of(row)))))


def test_atoms_move_with_particles_paths_and_the_mouse(with_atoms: Page) -> None:
    page = with_atoms
    for row in ROWS:
        page.execute_script("return gem.molecule.showParticle(arguments[0])", row)
        wait_until(lambda row=row: page.execute_script("return gem.molecule.presented.row") == row)
        wait_until(lambda row=row: abs(turned_from(page, row)) < 0.15)
    assert "(root mean square), at most" in text_of(page, "atoms-note")
    page.execute_script("gem.trajectory.waypoints = [40, 150]")
    press(page, "#trajectory-create")
    wait_until(lambda: "trajectory, 0 %" in text_of(page, "molecule-title"))
    settle(page)
    first = tip(page)
    page.execute_script("return gem.trajectory.goTo(1)")
    wait_until(lambda: "trajectory, 100 %" in text_of(page, "molecule-title"))
    wait_until(lambda: np.linalg.norm(np.subtract(tip(page), first)) > 5)
    if not page.execute_script("return document.getElementById('follow-mouse').checked"):
        press(page, "#follow-mouse")
    move_to(page, ROWS[2])
    wait_until(lambda: shown(page)[0] == ROWS[2])
    wait_until(lambda: abs(turned_from(page, ROWS[2])) < 0.15)


def test_colours_say_how_far_and_the_legend_is_in_angstroms(with_atoms: Page) -> None:
    page = with_atoms
    assert text_of(page, "atoms-scale").endswith(" Å")
    x = explorer_source().latents[:, 0]

    def reds() -> int:
        return count_of_pixels(page, "surface", "r > b + 20 && r > g")

    page.execute_script("return gem.molecule.showParticle(arguments[0])", int(x.argmax()))  # as in the file
    settle(page)
    wait_until(lambda: reds() == 0)
    page.execute_script(
        "return gem.molecule.showParticle(arguments[0])", int(x.argmin())
    )  # on the other side
    wait_until(lambda: reds() > 10)
    press(page, "[data-state='2'][data-kind=mean]")
    wait_until(lambda: "as in the file" in text_of(page, "atoms-note"))
    assert np.hypot(*tip(page)) == pytest.approx(30, abs=0.1)
    assert tip(page)[1] == pytest.approx(0, abs=0.01), "no atoms of another molecule"


def test_a_restarted_explorer_gets_the_model_again(with_atoms: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    page = with_atoms
    real, lost = AtomModels.get, []

    def forgetful(models: AtomModels, key: str) -> object:
        if not lost:
            lost.append(key)
            return None
        return real(models, key)

    monkeypatch.setattr(AtomModels, "get", forgetful)
    page.execute_script("gem.say('')")
    page.execute_script("return gem.molecule.showParticle(arguments[0])", ROWS[0])
    wait_until(lambda: "moved with each molecule" in text_of(page, "message"))
    x, y = tip(page)
    assert abs(np.angle(np.exp(1j * (np.arctan2(y, x) - angle_of(ROWS[0]))))) < 0.15


def test_wrong_files_are_explained_beside_the_field_and_atoms_can_be_removed(
    with_atoms: Page, tmp_path: Path
) -> None:
    page = with_atoms
    (tmp_path / "broken.pdb").write_text("nothing to see\n")
    page.find_element("id", "atoms-file").send_keys(str(tmp_path / "broken.pdb"))
    beside = "return document.querySelector('#atoms .error-beside')?.textContent ?? ''"
    wait_until(lambda: "broken.pdb holds no atoms" in page.execute_script(beside))
    assert page.execute_script("return gem.molecule.view.atoms.isThere"), "the earlier model stays"
    press(page, "#atoms-remove")
    wait_until(lambda: not page.execute_script("return gem.molecule.view.atoms.isThere"))
    settle(page)
    assert page.execute_script("return document.getElementById('atoms-shown').hidden")
    assert page.execute_script("return gem.molecule.view.stage.compList.length") <= 2
