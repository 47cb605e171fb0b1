"""The picture of the first page and its caption: for every kind of run, true of what is drawn."""

from pathlib import Path

import numpy as np
import pytest
from first_page_runs import KINDS, run_of_kind
from PIL import Image

from gem_plugin.reports.figures.drawn_by import DrawnBy, draw_anew
from gem_plugin.reports.first_page import contents
from gem_plugin.reports.first_page.contents import FirstPage
from gem_plugin.results.run import Run

DRAWN_BY = DrawnBy("first_page.picture", "draw_first_page")
HAS_STATES = set(KINDS) - {"empty", "no landscape", "no latents"}


@pytest.fixture(autouse=True)
def small_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody looks at these."""
    monkeypatch.setattr(contents, "LARGEST_PICTURE", 40)
    monkeypatch.setattr(contents, "SMALLEST_PICTURE", 30)
    monkeypatch.setattr(contents, "ROWS_OF_CONSENSUS", 40)


@pytest.mark.parametrize("kind", ["good", "cryoDRGN", "no landscape", "one state"])
def test_the_picture_is_drawn_and_its_caption_is_true(tmp_path: Path, kind: str) -> None:
    page = FirstPage(Run(run_of_kind(tmp_path, kind)))
    written = draw_anew(page.path.with_suffix(""), DRAWN_BY, *page.drawn_from)
    assert [path.suffix for path in written] == [".png", ".pdf"]
    with Image.open(page.path) as picture:
        assert np.asarray(picture.convert("RGB")).std() > 10
        assert picture.width == 1400
    assert ("as surfaces of their mean maps" in page.caption) == (kind in HAS_STATES)
    assert ("Arrows" in page.caption) == (kind in ("good", "one state"))
    assert ("no Gaussians to follow" in page.caption) == (kind == "cryoDRGN")
    assert ("coloured by state" in page.caption) == (kind in HAS_STATES)
    assert ("90 % interval" in page.caption) == (kind == "good")


def test_an_earlier_picture_goes_where_nothing_is_left_to_draw(tmp_path: Path) -> None:
    run = run_of_kind(tmp_path, "empty")
    run.figures.mkdir()
    earlier = run.figures / "first_page.png"
    earlier.write_bytes(b"old")
    assert draw_anew(earlier.with_suffix(""), DRAWN_BY, *FirstPage(Run(run)).drawn_from) == []
    assert not earlier.exists()


def test_every_state_has_its_population_and_its_badge(tmp_path: Path) -> None:
    page = FirstPage(Run(run_of_kind(tmp_path, "good")))
    assert page.lines_of[3] == ["45.0 % (43.0–48.0)", "supported (15 sigma)"]
    counted = FirstPage(Run(run_of_kind(tmp_path / "other", "unchecked")))
    assert counted.lines_of[1][0].endswith(" %")
    assert counted.lines_of[1][1] == "not tested"


def test_the_plane_is_that_of_the_plot_of_the_report(tmp_path: Path) -> None:
    run = run_of_kind(tmp_path, "good")
    plane = FirstPage(Run(run)).plane
    assert plane is not None
    assert set(np.unique(plane.states)) == {1, 2, 3}
    assert "latent component 1" in plane.labels[0]
    np.save(run.landscape.umap, np.random.default_rng(0).normal(size=(300, 2)).astype(np.float32))
    plane = FirstPage(Run(run)).plane
    assert plane is not None
    assert plane.labels[0].startswith("UMAP 1")
