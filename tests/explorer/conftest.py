"""The explorer as its user has it: a server on this machine, and a real browser where there is one."""

from collections.abc import Iterator
from typing import Any

import pytest
from explorer_run import explorer_source, make_explorer_run
from page_actions import open_page
from served_explorer import Explorer, open_browser, serve

from gem_plugin.explorer import session as session_module


@pytest.fixture(scope="package")
def explorer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Explorer]:
    """The finished run of the turning arm, served."""
    run = make_explorer_run(tmp_path_factory.mktemp("explorer"))
    real = session_module.open_volume_source
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            session_module,
            "open_volume_source",
            lambda wanted, *others: explorer_source() if wanted == run else real(wanted, *others),
        )
        yield from serve(run)


@pytest.fixture(scope="package")
def browser() -> Iterator[Any]:
    """Headless Chromium."""
    yield from open_browser()


@pytest.fixture
def page(explorer: Explorer, browser: Any) -> Any:
    """The page, freshly loaded."""
    open_page(browser, explorer)
    return browser
