"""The surface of a map as a picture: its outline, its light, and what is nearer."""

import numpy as np

from gem_plugin.reports.figures.shaded_surface import AMBIENT, shaded_surface, window_of

WHITE = (1.0, 1.0, 1.0)


def ball(side: int, centre: tuple[float, float, float], radius: float) -> np.ndarray:
    z, y, x = np.mgrid[:side, :side, :side]
    distance = np.sqrt((z - centre[0]) ** 2 + (y - centre[1]) ** 2 + (x - centre[2]) ** 2)
    return (1 / (1 + np.exp(distance - radius))).astype(np.float32)


def test_the_outline_of_a_ball_is_its_circle() -> None:
    picture = shaded_surface(ball(40, (20, 20, 20), 10), 0.5, WHITE)
    voxel = len(picture) / 40
    radius = np.sqrt(picture[..., 3].sum() / np.pi) / voxel
    assert abs(radius - 10) < 0.5
    rows, columns = np.nonzero(picture[..., 3])
    assert abs(rows.mean() / voxel - 20.5) < 0.6
    assert abs(columns.mean() / voxel - 20.5) < 0.6


def test_the_light_comes_from_the_upper_left_and_shadows_are_not_black() -> None:
    picture = shaded_surface(ball(40, (20, 20, 20), 10), 0.5, WHITE)
    middle, step = len(picture) // 2, len(picture) // 7
    upper_left = picture[middle + step, middle - step, 0]
    lower_right = picture[middle - step, middle + step, 0]
    assert upper_left > lower_right + 0.2
    shown = picture[picture[..., 3] > 0][:, 0]
    assert shown.min() > 0.5 * AMBIENT


def test_what_is_nearer_to_the_viewer_hides_the_rest_and_is_brighter() -> None:
    far, near = ball(40, (8, 20, 12), 6), ball(40, (32, 20, 28), 6)
    picture = shaded_surface(np.maximum(far, near), 0.5, WHITE)
    voxel = len(picture) / 40
    brightness = [picture[int(20.5 * voxel), int((x + 0.5) * voxel), 0] for x in (12, 28)]
    assert brightness[1] > brightness[0] + 0.1


def test_nothing_above_the_level_is_an_empty_picture() -> None:
    assert shaded_surface(np.zeros((8, 8, 8)), 0.5, WHITE).sum() == 0


def test_several_pictures_are_cut_to_one_window() -> None:
    left, right = np.zeros((2, 80, 80, 4))
    left[40, 10], right[50, 30] = 1, 1
    rows, columns = window_of([left, right])
    assert (rows, columns) == (slice(38, 53), slice(8, 33))
    assert left[window_of([np.zeros_like(left)])].shape == left.shape
