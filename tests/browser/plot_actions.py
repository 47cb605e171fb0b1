"""What a person does on the explorer's plot, for tests in a real browser; and columns added to a particle file."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from page_actions import Page


def add_columns(star: Path, columns: dict[str, Any]) -> None:
    lines = star.read_text().splitlines()
    rows = [index for index, line in enumerate(lines) if "@" in line]
    last_label = max(index for index, line in enumerate(lines[: rows[0]]) if line.startswith("_rln"))
    for row, index in enumerate(rows):
        lines[index] += " " + " ".join(value(row) for value in columns.values())
    labels = [f"_{name}" for name in columns]
    lines[last_label + 1 : last_label + 1] = labels
    star.write_text("\n".join(lines) + "\n")


def move_to(page: Page, place: Sequence[float], overlay_id: str = "overlay") -> None:
    from selenium.webdriver.common.action_chains import ActionChains

    overlay = page.execute_script("return document.getElementById(arguments[0])", overlay_id)
    size = overlay.size
    ActionChains(page, duration=20).move_to_element_with_offset(
        overlay, round(place[0] - size["width"] / 2), round(place[1] - size["height"] / 2)
    ).perform()


def draw(page: Page) -> None:
    page.execute_script("for (const plane of gem.plot.planes()) plane.draw()")


def show(page: Page, x: str, y: str, colour: str) -> None:
    page.execute_script("return gem.plot.setAxes(...arguments)", x, y, colour)


def is_hidden(page: Page, identifier: str) -> bool:
    return page.execute_script("return document.getElementById(arguments[0]).hidden", identifier)


def drag_on(page: Page, overlay_id: str, places: list[tuple[float, float]]) -> None:
    from selenium.webdriver.common.action_chains import ActionChains

    overlay = page.execute_script("return document.getElementById(arguments[0])", overlay_id)
    width, height = overlay.size["width"], overlay.size["height"]
    first, *others = [(round(x - width / 2), round(y - height / 2)) for x, y in places]
    actions = ActionChains(page, duration=20).move_to_element_with_offset(overlay, *first).click_and_hold()
    for x, y in others:
        actions.move_to_element_with_offset(overlay, x, y)
    actions.release().perform()


def saved_svg(page: Page) -> str:
    """What the button would give to the downloads."""
    return page.execute_async_script(
        """const done = arguments[0], real = URL.createObjectURL, click = HTMLAnchorElement.prototype.click;
        HTMLAnchorElement.prototype.click = () => {};
        URL.createObjectURL = (blob) => { blob.text().then(done); return real.call(URL, blob); };
        document.getElementById('plot-svg').click();
        URL.createObjectURL = real; HTMLAnchorElement.prototype.click = click;"""
    )
