"""What a person does on the explorer's page, for tests in a real browser: wait, read, press, choose, drag, count pixels."""

import time
from collections.abc import Callable
from typing import Any

PATIENCE_IN_SECONDS = 60.0  # two tests share two cores, and the browser draws without a graphics card
Page = Any  # a selenium WebDriver


def wait_until(is_so: Callable[[], Any]) -> Any:
    end = time.monotonic() + PATIENCE_IN_SECONDS
    while time.monotonic() < end:
        found = is_so()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError("the page did not get there in time")


def open_page(browser: Page, explorer: Any, keeps_work: bool = False) -> Page:
    """The page of a served run, loaded. keeps_work: with the baskets and all else that was there before."""
    if not keeps_work:
        browser.get("about:blank")
        kept = explorer.ask_json("/api/work")["parts"]
        explorer.ask_json("/api/work", {"seen": 0, "parts": dict.fromkeys(kept)})
    browser.get(explorer.address)
    wait_until(lambda: browser.execute_script("return window.gemIsReady === true"))
    let_lay_out(browser)
    return browser


def let_lay_out(page: Page) -> None:
    """Two frames: then everything has the place and the size that what the page holds now gives it."""
    page.execute_async_script(
        "const done = arguments[0]; requestAnimationFrame(() => requestAnimationFrame(() => done()))"
    )


def text_of(page: Page, identifier: str) -> str:
    return page.execute_script("return document.getElementById(arguments[0]).textContent", identifier)


def press(page: Page, selector: str) -> None:
    page.execute_script("document.querySelector(arguments[0]).click()", selector)


def pixel_of(page: Page, row: int) -> list[float]:
    return page.execute_script("return gem.plot.scatter.pixelOf(arguments[0])", row)


def drag(page: Page, places: list[tuple[float, float]]) -> None:
    """Press at the first place of the plot, move over all others, release."""
    from selenium.webdriver.common.action_chains import ActionChains

    overlay = page.execute_script("return document.getElementById('overlay')")
    width, height = overlay.size["width"], overlay.size["height"]
    actions = ActionChains(page, duration=20)
    first, *others = [(round(x - width / 2), round(y - height / 2)) for x, y in places]
    actions.move_to_element_with_offset(overlay, *first).click_and_hold()
    for x, y in others:
        actions.move_to_element_with_offset(overlay, x, y)
    actions.release().perform()


def count_of_pixels(page: Page, canvas: str, condition: str) -> int:
    """Pixels of a canvas, or of the one inside an element, for which a condition on r, g, b holds."""
    return page.execute_script(
        f"""const place = document.getElementById('{canvas}'), source = place.querySelector('canvas') ?? place, copy = document.createElement('canvas');
        copy.width = source.width; copy.height = source.height;
        const context = copy.getContext('2d'); context.fillStyle = '#fff'; context.fillRect(0, 0, copy.width, copy.height); context.drawImage(source, 0, 0);
        const data = context.getImageData(0, 0, copy.width, copy.height).data; let count = 0;
        for (let i = 0; i < data.length; i += 4) {{ const [r, g, b] = data.slice(i, i + 3); if ({condition}) count++; }}
        return count;"""
    )


def settle(page: Page) -> None:
    """Wait until the last molecule that was requested is on the canvas, and the page rests."""
    wait_until(
        lambda: page.execute_script(
            "return Boolean(gem.molecule.subject) && !gem.molecule.isBusy && !gem.molecule.view.building"
        )
    )
    let_lay_out(page)


def triangles(page: Page) -> int:
    """Of all surfaces that are shown."""
    return page.execute_script("return gem.molecule.view.countTriangles()")


def choose(page: Page, identifier: str, value: str) -> None:
    page.execute_script(
        "const e = document.getElementById(arguments[0]); e.value = arguments[1]; e.dispatchEvent(new Event('change'))",
        identifier,
        value,
    )


def set_range(page: Page, identifier: str, value: float) -> None:
    page.execute_script(
        "const e = document.getElementById(arguments[0]); e.value = arguments[1]; e.dispatchEvent(new Event('input'))",
        identifier,
        value,
    )


def show_tab(page: Page, name: str) -> None:
    """Bring controls or details to the front: look, select, states, path; particle, selection, compare, atoms."""
    press(page, f"#tab-{name}")
