"""Keys of a real keyboard, pressed where the focus is."""

from typing import Any


def keys_to(page: Any, *names: str) -> None:
    """Names of selenium's Keys, or single characters; with SHIFT+ or CONTROL+ before them where those are held."""
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.common.keys import Keys

    actions = ActionChains(page, duration=0)
    for name in names:
        *held, last = name.split("+") if len(name) > 1 else [name]
        for one in held:
            actions.key_down(getattr(Keys, one))
        actions.send_keys(getattr(Keys, last) if len(last) > 1 else last)
        for one in held:
            actions.key_up(getattr(Keys, one))
    actions.perform()


def focused(page: Any) -> str:
    """The identifier of what has the focus."""
    return page.execute_script("return document.activeElement.id")
