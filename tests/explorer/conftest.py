"""The explorer as its user has it: a server on this machine, and a real browser where there is one."""

from collections.abc import Iterator
from typing import Any

import pytest
from explorer_run import explorer_source, make_explorer_run
from page_actions import Page, open_page, settle
from served_explorer import Explorer, open_browser, serve

from gem_plugin.results.run import Run


@pytest.fixture(scope="package")
def explorer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Explorer]:
    """The finished run of the turning arm, served."""
    run = make_explorer_run(tmp_path_factory.mktemp("explorer"))
    real = Run.decoder
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            Run,
            "decoder",
            lambda opened, *grid: explorer_source() if opened.files == run else real(opened, *grid),
        )
        yield from serve(run)


@pytest.fixture(scope="package")
def browser() -> Iterator[Any]:
    """Headless Chromium."""
    yield from open_browser()


@pytest.fixture(scope="module")
def opened(explorer: Explorer, browser: Any) -> Page:
    """One page for all tests of a module."""
    page = open_page(browser, explorer)
    settle(page)
    return page


@pytest.fixture
def page(explorer: Explorer, browser: Any) -> Any:
    """The page, freshly loaded."""
    open_page(browser, explorer)
    return browser
