"""Jupyter asks an object for its picture."""

import io

from PIL import Image

from gem_plugin.reports.figures.shown_figure import DOTS_PER_INCH_IN_NOTEBOOKS, ShownFigure


def test_it_gives_its_picture_as_png() -> None:
    with Image.open(io.BytesIO(ShownFigure(figsize=(2, 1))._repr_png_())) as picture:
        assert (picture.format, picture.size) == (
            "PNG",
            (2 * DOTS_PER_INCH_IN_NOTEBOOKS, DOTS_PER_INCH_IN_NOTEBOOKS),
        )
