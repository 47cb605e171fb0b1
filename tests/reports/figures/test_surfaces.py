"""Surfaces: a sphere is a disc of its radius, things are where they are, and the same map gives the same picture."""

import numpy as np
import pytest
from scipy import ndimage
from scipy.spatial.transform import Rotation

from gem_plugin.reports.figures import surfaces
from gem_plugin.reports.figures.surfaces import (
    FineMap,
    Frame,
    draw_surface,
    find_surface,
    fine_map,
    frame_of,
    paint,
    reach_of,
)

BOX, PIXEL_SIZE, LEVEL = 48, 3.0, 0.5
FRONT = np.eye(3)  # x to the right, y up, z towards the viewer


def ball(radius: float, centre_xyz: tuple[float, float, float] = (0, 0, 0)) -> np.ndarray:
    """Density that falls from 1 to 0 and is 0.5 at the radius; Å."""
    z, y, x = (np.mgrid[:BOX, :BOX, :BOX] - BOX // 2) * PIXEL_SIZE
    distance = np.sqrt((x - centre_xyz[0]) ** 2 + (y - centre_xyz[1]) ** 2 + (z - centre_xyz[2]) ** 2)
    return (1 / (1 + np.exp((distance - radius) / 3.0))).astype(np.float32)


def fine(volume: np.ndarray) -> FineMap:
    return fine_map(volume, PIXEL_SIZE, reach_of(volume, PIXEL_SIZE, LEVEL))


@pytest.mark.parametrize("radius", [18.0, 31.0])
def test_silhouette_of_a_sphere_is_its_disc_within_a_pixel(radius: float) -> None:
    frame, rows = Frame(-50, 50, -50, 50), 100  # one Å per pixel
    surface = find_surface(fine(ball(radius)), LEVEL, FRONT, frame, rows)
    y, x = np.mgrid[:rows, :rows] + 0.5 - rows / 2
    distance = np.hypot(x, y)
    assert surface.is_hit[distance < radius - 1].all()
    assert not surface.is_hit[distance > radius + 1].any()
    middle = surface.depth[rows // 2, rows // 2]
    assert middle == pytest.approx(radius, abs=0.5)
    reached = np.linalg.norm(surface.positions, axis=1)
    np.testing.assert_allclose(reached, radius, atol=1.0)


def test_a_lower_level_gives_a_larger_surface() -> None:
    one = fine(ball(20.0))
    frame = Frame(-60, 60, -60, 60)
    sizes = [find_surface(one, level, FRONT, frame, 60).is_hit.sum() for level in (0.2, 0.5, 0.8)]
    assert sizes[0] > sizes[1] > sizes[2] > 0
    assert not find_surface(one, 2.0, FRONT, frame, 60).is_hit.any(), "nothing reaches it"


@pytest.mark.parametrize(
    ("view", "seen"),
    [
        (FRONT, (25, 0)),  # x to the right
        (np.array([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]]), (0, 25)),  # x up
        (np.array([[0.0, 0, -1], [0, 1, 0], [1, 0, 0]]), (0, 0)),  # x towards the viewer
    ],
)
def test_a_ball_off_the_centre_is_where_the_view_has_it(view: np.ndarray, seen: tuple[float, float]) -> None:
    """The hand is that of the map: each view is a proper rotation."""
    assert np.linalg.det(view) == pytest.approx(1)
    surface = find_surface(fine(ball(12.0, (25, 0, 0))), LEVEL, view, Frame(-50, 50, -50, 50), 100)
    rows, columns = np.nonzero(surface.is_hit)
    assert columns.mean() + 0.5 - 50 == pytest.approx(seen[0], abs=1)
    assert 50 - rows.mean() - 0.5 == pytest.approx(seen[1], abs=1)
    np.testing.assert_allclose(surface.positions.mean(axis=0), [25, 0, 0], atol=8.5)  # a hemisphere


def test_what_is_in_front_hides_what_is_behind() -> None:
    near, far = ball(10.0, (0, 0, 25)), ball(10.0, (0, 0, -25))
    surface = find_surface(fine(near + far), LEVEL, FRONT, Frame(-30, 30, -30, 30), 60)
    assert np.nanmin(surface.depth) > 0


def test_the_frame_holds_all_maps() -> None:
    maps = [fine(ball(10.0, (x, 0, 0))) for x in (-20, 30)]
    frame = frame_of(maps, LEVEL, FRONT)
    assert -45 < frame.left < -30
    assert 40 < frame.right < 55
    assert frame.bottom == pytest.approx(-frame.top, abs=3)
    assert frame.width > frame.height


def test_pictures_have_the_colour_smooth_edges_and_a_clear_ground() -> None:
    colour = np.array([0.9, 0.1, 0.1])
    picture = draw_surface(fine(ball(20.0)), LEVEL, FRONT, Frame(-40, 40, -40, 40), 60, colour)
    assert picture.shape == (60, 60, 4)
    assert picture.dtype == np.uint8
    assert picture[0, 0, 3] == 0
    middle = picture[30, 30].astype(int)
    assert middle[3] == 255
    assert middle[0] > middle[1] + 60
    assert middle[0] > middle[2] + 60
    assert np.isin(picture[..., 3], (0, 255)).mean() < 1, "pixels at the edge are partly covered"
    lit = picture[..., :3].astype(int).sum(axis=2)
    assert lit[20, 22] > lit[40, 38] > 0, "the lamp is above on the left"


def test_each_point_may_have_its_own_colour() -> None:
    surface = find_surface(fine(ball(20.0)), LEVEL, FRONT, Frame(-40, 40, -40, 40), 60)
    is_right = surface.positions[:, 0] > 0
    picture = paint(surface, np.where(is_right[:, None], [1.0, 0, 0], [0, 0, 1.0]))
    assert picture[30, 38, 0] > picture[30, 38, 2]
    assert picture[30, 22, 2] > picture[30, 22, 0]


def test_the_same_map_gives_the_same_picture() -> None:
    pictures = [
        draw_surface(fine(ball(15.0, (3, 4, 5))), LEVEL, FRONT, Frame(-40, 40, -40, 40), 40, np.ones(3))
        for _ in range(2)
    ]
    np.testing.assert_array_equal(*pictures)


def rugged_map(seed: int) -> FineMap:
    """Clumps with gaps, voxels alone, and density at the edge of the grid."""
    noise = ndimage.gaussian_filter(np.random.default_rng(seed).normal(size=(30, 30, 30)), 1.3)
    noise[3, 4, 5] = noise[0, 15, 15] = 10 * noise.max()
    return FineMap((noise / noise.std()).astype(np.float32), 2.0)


@pytest.mark.parametrize("seed", range(3))
def test_what_is_not_looked_at_holds_no_surface(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same picture as that of all rays from the front to the back, and of clefts on the whole grid."""
    one, view = rugged_map(seed), Rotation.from_euler("zyx", [17 + 31 * seed, 40, 11], True).as_matrix()
    frame = Frame(-40, 40, -35, 35)
    quick = find_surface(one, 1.5, view, frame, 90)

    def all_rays(one: FineMap, seen: np.ndarray, right: np.ndarray, up: np.ndarray) -> surfaces._Rays:
        return surfaces._Rays(
            np.arange(len(right)), np.full(len(right), np.inf), np.full(len(right), -np.inf)
        )

    monkeypatch.setattr(surfaces, "_rays_that_may_hit", all_rays)
    monkeypatch.setattr(surfaces, "_box_around", lambda *_: (slice(0, 30),) * 3)
    whole = find_surface(one, 1.5, view, frame, 90)
    assert 500 < quick.is_hit.sum() < 0.9 * quick.is_hit.size
    np.testing.assert_array_equal(quick.depth, whole.depth)
    np.testing.assert_allclose(quick.brightness, whole.brightness, atol=1e-6)
