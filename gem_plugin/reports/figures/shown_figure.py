"""A figure that a notebook shows by itself, without pyplot."""

import io

from matplotlib.figure import Figure

DOTS_PER_INCH_IN_NOTEBOOKS = 130


class ShownFigure(Figure):
    """Shown where it is the last line of a cell."""

    def _repr_png_(self) -> bytes:
        buffer = io.BytesIO()
        self.savefig(buffer, format="png", dpi=DOTS_PER_INCH_IN_NOTEBOOKS)
        return buffer.getvalue()
