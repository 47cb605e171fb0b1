"""Several figures on a page: in their order, side by side where they are narrow, and on the next page where there is no room."""

from dataclasses import dataclass

import numpy as np

GAP = 0.25  # inches between figures side by side


@dataclass(frozen=True, eq=False)
class PlacedFigure:
    """A figure at its printed size."""

    picture: np.ndarray  # (rows, columns, channels)
    title: list[str]  # lines
    caption: list[str]  # lines
    width: float  # inches, of the picture
    height: float  # inches, of the picture
    whole_height: float  # inches, with title and caption


Placed = list[tuple[PlacedFigure, float, float]]  # with left and top, in inches


def pages_of(figures: list[PlacedFigure], room: tuple[float, float]) -> list[Placed]:
    """Figures in rows, rows on pages of this width and height; one that is too high for a page is made smaller."""
    pages: list[Placed] = []
    top = 0.0
    for row in _rows(figures, room[0]):
        fitted = [_fitted(one, room[1]) for one in row]
        height = max(one.whole_height for one in fitted)
        if not pages or top + height > room[1]:
            pages.append([])
            top = 0.0
        left = 0.0
        for one in fitted:
            pages[-1].append((one, left, top))
            left += one.width + GAP
        top += height
    return pages


def _rows(figures: list[PlacedFigure], width: float) -> list[list[PlacedFigure]]:
    """In their order; a narrow figure waits for the next narrow one, which then comes before wide ones between them."""
    rows: list[list[PlacedFigure]] = []
    waiting: list[PlacedFigure] | None = None
    for one in figures:
        if waiting is not None and sum(other.width + GAP for other in waiting) + one.width <= width:
            waiting.append(one)
            waiting = None
            continue
        rows.append([one])
        if 2 * one.width + GAP <= width and waiting is None:
            waiting = rows[-1]
    return rows


def _fitted(one: PlacedFigure, highest: float) -> PlacedFigure:
    if one.whole_height <= highest:
        return one
    scale = (highest - (one.whole_height - one.height)) / one.height
    return PlacedFigure(one.picture, one.title, one.caption, one.width * scale, one.height * scale, highest)
