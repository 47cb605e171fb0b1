"""Particles along a path whose ends are given; the paths themselves: test_free_energy.py."""

import numpy as np

from gem_plugin.landscape.paths import rows_near_path


def test_given_ends_are_kept_and_the_way_between_them_leads_from_one_to_the_other() -> None:
    """Two sheets lie above each other on the plane; the ends are on different ones, far from others in the latents."""
    generator = np.random.default_rng(0)
    points = generator.uniform(-1, 1, (4000, 2))
    sheet = np.where(generator.random(4000) < 0.5, -5.0, 5.0)
    latents = np.column_stack([points, sheet])
    line = np.stack([np.linspace(-0.9, 0.9, 20), np.zeros(20)], axis=1)
    lower, upper = (np.flatnonzero(sheet == side) for side in (-5.0, 5.0))
    first = int(lower[np.linalg.norm(points[lower] - line[0], axis=1).argmin()])
    last = int(upper[np.linalg.norm(points[upper] - line[-1], axis=1).argmin()])
    rows = rows_near_path(line, points, latents, ends=(first, last))
    assert (rows[0], rows[-1]) == (first, last)
    assert (np.diff(sheet[rows]) != 0).sum() == 1, "one change of sheet, no more"
    far = rows_near_path(line, points, latents, ends=(first, 17))
    assert far[-1] == 17, "wherever it is"


def test_two_points_are_the_two_ends() -> None:
    points = np.random.default_rng(0).normal(size=(30, 2))
    np.testing.assert_array_equal(rows_near_path(points[:2], points, points, ends=(8, 9)), [8, 9])
