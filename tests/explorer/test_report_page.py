"""report.html in a real browser without network: drawn, moving, asking nobody."""

import io
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from served_explorer import open_browser
from tiny_run import N_PARTICLES, make_tiny_run

from gem_plugin.progress import Progress
from gem_plugin.steps.report import ReportSettings, run_report


@pytest.fixture(scope="module")
def offline_browser() -> Iterator[Any]:
    """Chromium that can reach no machine at all."""
    yield from open_browser("--host-resolver-rules=MAP * ~NOTFOUND", "--proxy-server=127.0.0.1:9")


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory, offline_browser: Any) -> Any:
    run = make_tiny_run(tmp_path_factory.mktemp("run"))
    run_report(run, ReportSettings(chimerax=False), Progress(io.StringIO()))
    assert run.report.stat().st_size < 15e6
    offline_browser.get(Path(run.report).as_uri())
    return offline_browser


def coloured_pixels(page: Any) -> int:
    return page.execute_script(
        """const canvas = document.querySelector('#scatter canvas');
        const data = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data; let count = 0;
        for (let i = 0; i < data.length; i += 4) if (Math.max(...data.slice(i, i + 3)) - Math.min(...data.slice(i, i + 3)) > 60) count++;
        return count;"""
    )


def test_report_opens_from_disk_without_network(page: Any) -> None:
    assert (
        page.execute_script(
            "return performance.getEntriesByType('resource').filter((e) => !e.name.startsWith('data:')).length"
        )
        == 0
    )
    assert [line for line in page.get_log("browser") if line["level"] == "SEVERE"] == []
    broken = page.execute_script(
        "document.querySelectorAll('img').forEach((image) => image.loading = 'eager');"
        "return Array.from(document.images).filter((image) => image.complete && !image.naturalWidth).length"
    )
    assert broken == 0


def test_scatter_is_drawn_and_groups_can_be_hidden(page: Any) -> None:
    everything = coloured_pixels(page)
    assert everything > N_PARTICLES
    page.execute_script("document.querySelector('#scatter .legend button').click()")
    assert 0 < coloured_pixels(page) < everything
    page.execute_script("document.querySelector('#scatter .legend button').click()")
    assert coloured_pixels(page) == everything


def test_scatter_shows_other_columns(page: Any) -> None:
    before = page.execute_script("return document.querySelector('#scatter canvas').toDataURL()")
    page.execute_script(
        "const s = document.querySelector('[data-role=x]'); s.value = s.options.length - 1; s.onchange()"
    )
    assert page.execute_script("return document.querySelector('#scatter canvas').toDataURL()") != before


def test_trajectories_move_and_can_be_stopped(page: Any) -> None:
    def place() -> str:
        return page.execute_script("return document.querySelector('.frame').style.backgroundPositionY")

    seen = set()
    for _ in range(12):
        seen.add(place())
        time.sleep(0.08)
    assert len(seen) == 3, "all three maps are shown"
    page.execute_script("document.querySelector('.animation button').click()")
    stopped = place()
    time.sleep(0.4)
    assert place() == stopped
