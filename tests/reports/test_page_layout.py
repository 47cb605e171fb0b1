"""Figures on pages: two narrow ones side by side, nothing beyond the margins, each once."""

import numpy as np
import pytest

from gem_plugin.reports.page_layout import PlacedFigure, pages_of

ROOM = (7.0, 10.0)


def figure(width: float, height: float) -> PlacedFigure:
    return PlacedFigure(np.zeros((2, 2, 3)), ["title"], ["caption"], width, height, height + 0.5)


def test_figures_fill_pages_inside_the_margins() -> None:
    sizes = [(3.3, 2.5), (7.0, 2.0), (3.3, 2.5), (3.3, 3.0), (7.0, 4.0), (3.3, 2.0), (7.0, 30.0)]
    figures = [figure(*size) for size in sizes]
    pages = pages_of(figures, ROOM)
    placed = [one for page in pages for one in page]
    assert len(placed) == len(figures)
    for page in pages:
        for one, left, top in page:
            assert left + one.width <= ROOM[0] + 1e-9
            assert top + one.whole_height <= ROOM[1] + 1e-9
        tops = [(top, top + one.whole_height, left, left + one.width) for one, left, top in page]
        for index, (top, bottom, left, right) in enumerate(tops):
            for other_top, other_bottom, other_left, other_right in tops[:index]:
                assert (
                    bottom <= other_top or other_bottom <= top or right <= other_left or other_right <= left
                )
    assert len(pages) == 3


def test_two_narrow_figures_share_a_row() -> None:
    (page,) = pages_of([figure(3.3, 2), figure(3.3, 3)], ROOM)
    assert [(left > 0, top) for _, left, top in page] == [(False, 0.0), (True, 0.0)]


def test_a_figure_that_is_too_high_keeps_its_shape() -> None:
    (((one, _, _),),) = pages_of([figure(4.0, 20.0)], ROOM)
    assert one.width / one.height == pytest.approx(4.0 / 20.0)
    assert pages_of([], ROOM) == []
