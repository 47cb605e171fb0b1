"""Jobs started from the page: progress, stop, errors beside what was asked, one list that a reload finds again."""

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from explorer_run import explorer_source
from page_actions import Page, choose, open_page, press, settle, show_tab, text_of, wait_until
from served_explorer import Explorer, serve

from gem_plugin.explorer import step_jobs
from gem_plugin.io.run.files import RunFiles
from gem_plugin.results.run import Run

FAKE_WORKER = Path(__file__).parent / "fake_step_worker.py"


@pytest.fixture(scope="module")
def served(explorer: Explorer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Explorer]:
    """A run of its own, as jobs change it."""
    run = RunFiles(tmp_path_factory.mktemp("jobs") / "run")
    without_jobs = shutil.ignore_patterns("explore")
    shutil.copytree(explorer.run.root, run.root, ignore=without_jobs)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Run, "decoder", lambda *_: explorer_source())
        patch.setattr(step_jobs, "WORKER", (sys.executable, str(FAKE_WORKER)))
        run.summary.write_text('{"train": {"epochs": 3}, "landscape": {"states": 5}}')
        yield from serve(run)


@pytest.fixture(scope="module")
def opened(served: Explorer, browser: Page) -> Page:
    page = open_page(browser, served)
    settle(page)
    show_tab(page, "jobs")
    return page


def click(page: Page, selector: str) -> None:
    """With the mouse."""
    from selenium.webdriver.common.action_chains import ActionChains

    element = page.find_element("css selector", selector)
    page.execute_script("arguments[0].scrollIntoView({ block: 'center' })", element)
    ActionChains(page, duration=20).move_to_element(element).click().perform()


def set_field(page: Page, name: str, value: str) -> None:
    page.execute_script(
        "document.querySelector(`[data-setting='${arguments[0]}']`).value = arguments[1]", name, value
    )


def start_and_replace(page: Page) -> None:
    """Start a landscape, and say that it may replace the one that is there."""
    click(page, "#job-start")
    wait_until(lambda: "which landscape would replace" in text_of(page, "message"))
    click(page, "#message button")


def first_job(page: Page) -> str:
    return page.execute_script("return document.querySelector('.job')?.innerText ?? ''")


def test_a_job_says_how_far_it_is_and_is_stopped(opened: Page) -> None:
    page = opened
    choose(page, "job-step", "landscape")
    assert "conformational states" in text_of(page, "job-help")
    set_field(page, "seed", "1")
    set_field(page, "n_states", "4")
    start_and_replace(page)
    wait_until(lambda: "taking the sketch" in first_job(page))
    assert "landscape: with n states 4, seed 1" in first_job(page)
    assert page.execute_script("return document.querySelector('.job progress').value") == 0.4
    page.execute_script("gem.selection.select([1, 2, 3, 4], 'new')")
    page.execute_script("return gem.reconstruction.start().catch((error) => gem.say(error.message, true))")
    wait_until(lambda: "The landscape with n states 4, seed 1 is still running" in text_of(page, "message"))
    click(page, ".job [data-action=stop]")
    wait_until(lambda: "stopped; the run is as it was before" in first_job(page))


def test_what_is_wrong_stands_beside_the_button_and_in_the_list(opened: Page) -> None:
    page = opened
    choose(page, "job-step", "landscape")
    set_field(page, "n_states", "many")
    click(page, "#job-start")
    wait_until(lambda: "expected a whole number, or auto" in text_of(page, "job-error"))
    set_field(page, "n_states", "5")
    set_field(page, "seed", "2")
    start_and_replace(page)
    wait_until(lambda: "The mask is empty. Choose a lower --mask-level." in first_job(page))
    assert text_of(page, "job-error") == ""
    choose(page, "job-step", "flex")
    click(page, "#job-start")
    wait_until(lambda: "Load an atomic model first" in text_of(page, "job-error"))


def test_select_asks_before_it_overwrites(opened: Page, served: Explorer) -> None:
    page = opened
    served.run.explore.root.mkdir(exist_ok=True)
    served.run.explore.particles("states", ".star").write_text("mine")
    choose(page, "job-step", "select")
    set_field(page, "states", "1,2")
    click(page, "#job-start")
    wait_until(lambda: "would be lost. Save as states-2" in text_of(page, "message"))
    click(page, "#message button")
    wait_until(lambda: "select: states-2" in first_job(page) and "done" in first_job(page))
    assert "states-2.star" in first_job(page)
    assert served.run.explore.particles("states", ".star").read_text() == "mine"
    page.execute_script(
        "gem.selection.select([], 'new'); document.getElementById('job-selection').checked = true"
    )
    click(page, "#job-start")
    wait_until(lambda: "The selection is empty" in text_of(page, "job-error"))


def test_the_list_is_there_after_a_reload_and_ended_jobs_leave_it(opened: Page, served: Explorer) -> None:
    page = open_page(opened, served, keeps_work=True)
    show_tab(page, "jobs")
    wait_until(lambda: page.execute_script("return document.querySelectorAll('.job').length") == 3)
    click(page, ".job [data-action=remove]")
    wait_until(lambda: page.execute_script("return document.querySelectorAll('.job').length") == 2)
    assert "select" not in first_job(page)


def test_a_relion_job_outside_of_a_project_says_where_to_click(opened: Page) -> None:
    page = opened
    page.execute_script("gem.selection.select([1, 2], 'new')")
    page.execute_script("document.getElementById('selection-name').value = 'open'")
    show_tab(page, "select")
    click(page, "#save-relion")
    wait_until(lambda: "In RELION: Import, tab Others" in text_of(page, "message"))
    show_tab(page, "jobs")
    wait_until(lambda: "RELION job: open" in first_job(page))


def test_a_new_landscape_is_announced_and_shown_with_the_baskets_kept(opened: Page, served: Explorer) -> None:
    page = opened
    page.execute_script("gem.selection.select([7, 8, 9], 'new', 'three')")
    choose(page, "job-step", "landscape")
    set_field(page, "seed", "3")
    start_and_replace(page)
    wait_until(lambda: "show the new states" in first_job(page))
    banner = wait_until(lambda: text_of(page, "connection"))
    assert "Its landscape was made again since this page was opened" in banner
    title = "return getComputedStyle(document.getElementById('molecule-title'), '::after').content"
    assert "earlier results" in page.execute_script(title), "every panel says so"
    click(page, "#connection-reopen")
    wait_until(
        lambda: (
            page.execute_script("return window.gem?.run.columns.find((one) => one.name === 'state').highest")
            == 4
        )
    )
    wait_until(
        lambda: page.execute_script("return window.gemIsReady === true && Boolean(gem.molecule?.subject)")
    )
    assert page.execute_script("return Array.from(gem.selection.rows())") == [7, 8, 9]
    wait_until(lambda: page.execute_script("return document.getElementById('connection').hidden"))


def test_names_that_are_code_stay_text_in_the_list(opened: Page, served: Explorer) -> None:
    status, content = served.ask(
        "/api/jobs/start/select?name=%3Cimg%20src%3Dx%3E", {"values": {"states": "1"}}
    )
    assert (status, b"cannot be used" in content) == (400, True)
    press(opened, "#select-none")
    show_tab(opened, "jobs")
    opened.execute_script(
        "gem.jobs.take({ jobs: [{ number: 99, kind: 'select', title: '<img src=x onerror=window.hacked=1>', state: 'done', words: '<b>', fraction: 1, started: 0, ended: 1, result: {} }] })"
    )
    assert "<img src=x" in first_job(opened)
    assert opened.execute_script(
        "return [window.hacked ?? 0, document.querySelectorAll('.job img').length]"
    ) == [0, 0]
