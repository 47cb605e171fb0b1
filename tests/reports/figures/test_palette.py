"""Colours that figures, pages and scripts share."""

import numpy as np
from matplotlib.colors import to_rgb

from gem_plugin.reports.figures.palette import (
    MARKERS,
    OKABE_ITO,
    colour_of_group,
    colours_of_change,
    marker_of_group,
)
from gem_plugin.reports.first_page.panels import colour_map


def test_a_colour_that_comes_again_has_another_marker() -> None:
    signs = [
        (colour_of_group(number), marker_of_group(number))
        for number in range(1, len(OKABE_ITO) * len(MARKERS) + 1)
    ]
    assert len(set(signs)) == len(signs)


def test_the_surface_in_the_browser_has_the_colours_of_the_picture() -> None:
    in_browser = np.array([to_rgb(one) for one in colours_of_change(32)])
    in_picture = colour_map()(np.linspace(0, 1, 32))[:, :3]
    np.testing.assert_allclose(in_browser, in_picture, atol=2 / 255)
