"""Surfaces of equal density as pictures, without a display and without a graphics card.

Rays go through the map along the view; each ends where the density first reaches the level. The colour there is that of the
surface times its brightness: two lamps and less light in narrow clefts. Maps are cubes about the rotation centre, ordered zyx; a view
is a rotation matrix whose rows are the directions of the picture in the frame of the map: right, up, and towards the viewer.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy import ndimage

from gem_plugin.imaging.resampling import resample_map

FINE_GRID = 112  # voxels across the molecule: more than this no picture of a page shows
MARGIN = 0.06  # of the width of the molecule, around it
SUPERSAMPLING = 2  # rays along each side of a pixel
STEP_IN_VOXELS = 0.7  # along the rays
DIAGONAL = 3**0.5  # of a voxel: as far from a point the corners that its density comes from can lie
CELLS_NEAR = 2  # between the rounded places of a point and of such a corner, along each axis of the picture
BISECTIONS = 5  # which end a step's length times 2^-5 from the surface
LAMPS = ((np.array([-0.45, 0.55, 0.75]), 0.62), (np.array([0.7, -0.1, 0.6]), 0.18))  # from where, how bright
AMBIENT = 0.40  # brightness without any lamp
SHINE, SHARPNESS = 0.10, 24.0  # of the highlight
CLEFTS_IN_VOXELS = (2.0, 5.0)  # widths of the clefts that are darker
DARKNESS_OF_CLEFTS = 0.55
OUTLINE_IN_VOXELS = 4.0  # a step in depth that is drawn as a line
DARKNESS_OF_OUTLINE = 0.45
EDGE_ON = 1e-9  # length of a gradient that has no direction


@dataclass(frozen=True)
class FineMap:
    """A map on the grid that is drawn: the cube around the molecule."""

    density: np.ndarray  # (g, g, g) float32, ordered zyx; voxel g // 2 is the rotation centre
    voxel_size_in_angstroms: float


@dataclass(frozen=True)
class Surface:
    """Where the rays of one picture end."""

    depth: np.ndarray  # (height, width) Å towards the viewer; NaN where there is no surface
    positions: np.ndarray  # (hits, 3) Å from the rotation centre, ordered xyz in the frame of the map
    brightness: np.ndarray  # (hits,) 0 to 1
    highlight: np.ndarray  # (hits,) 0 to 1, added in white

    @property
    def is_hit(self) -> np.ndarray:  # (height, width) bool
        return np.isfinite(self.depth)


@dataclass(frozen=True)
class Frame:
    """The part of the view that a picture shows, in Å from the rotation centre."""

    left: float
    right: float
    bottom: float
    top: float

    @property
    def width(self) -> float:
        return self.right - self.left

    @property
    def height(self) -> float:
        return self.top - self.bottom

    @property
    def extent(self) -> tuple[float, float, float, float]:
        """As imshow takes it."""
        return self.left, self.right, self.bottom, self.top


def fine_map(
    volume: np.ndarray,  # (box, box, box), ordered zyx
    pixel_size_in_angstroms: float,
    reach_in_angstroms: float,  # from the rotation centre to the furthest density that is to be seen
    grid: int = FINE_GRID,  # voxels along each side
) -> FineMap:
    """The cube around the molecule on the grid of a picture, by band-limited interpolation."""
    half = min(reach_in_angstroms * (1 + 2 * MARGIN), len(volume) // 2 * pixel_size_in_angstroms)
    voxel_size = 2 * half / grid
    fine = resample_map(volume, voxel_size / pixel_size_in_angstroms, grid)
    return FineMap(fine, voxel_size)


def reach_of(volume: np.ndarray, pixel_size_in_angstroms: float, level: float) -> float:
    """Distance in Å from the rotation centre to the furthest voxel at the level."""
    inside = np.argwhere(volume >= level) - len(volume) // 2
    if not len(inside):
        return len(volume) // 2 * pixel_size_in_angstroms
    return float(np.sqrt((inside**2).sum(axis=1).max()) + 1) * pixel_size_in_angstroms


def frame_of(
    maps: list[FineMap],
    level: float,
    view: np.ndarray,  # (3, 3)
) -> Frame:
    """The smallest frame that shows all maps at the level, with a margin."""
    limits = np.array([[np.inf, np.inf], [-np.inf, -np.inf]])
    for one in maps:
        inside = np.argwhere(one.density >= level)[:, ::-1] - len(one.density) // 2
        if len(inside):
            seen = inside @ view[:2].T * one.voxel_size_in_angstroms  # (voxels, 2)
            limits[0] = np.minimum(limits[0], seen.min(axis=0))
            limits[1] = np.maximum(limits[1], seen.max(axis=0))
    if not np.isfinite(limits).all():
        half = len(maps[0].density) / 2 * maps[0].voxel_size_in_angstroms
        return Frame(-half, half, -half, half)
    margin = MARGIN * float((limits[1] - limits[0]).max()) + maps[0].voxel_size_in_angstroms
    return Frame(
        float(limits[0, 0]) - margin,
        float(limits[1, 0]) + margin,
        float(limits[0, 1]) - margin,
        float(limits[1, 1]) + margin,
    )


def find_surface(
    one: FineMap, level: float, view: np.ndarray, frame: Frame, height_in_pixels: int
) -> Surface:
    """Follow a ray from the viewer through the middle of each pixel to where the density reaches the level.

    The picture is height_in_pixels high and as wide as the frame; its first row is the top.
    """
    n_rows = height_in_pixels
    n_columns = max(1, round(n_rows * frame.width / frame.height))
    pixel = frame.height / n_rows
    x = frame.left + (np.arange(n_columns) + 0.5) * frame.width / n_columns
    y = frame.top - (np.arange(n_rows) + 0.5) * pixel
    right, up = (grid.ravel() for grid in np.meshgrid(x, y))  # (rays,)
    depths = _depths(one, level, view, right, up)
    hits = np.isfinite(depths)
    positions = np.stack([right[hits], up[hits], depths[hits]], axis=1) @ view
    normals = _normals(one, view, positions)
    brightness, highlight = _light(normals)
    brightness *= 1 - DARKNESS_OF_CLEFTS * _clefts(one, level, view, positions, normals)
    depth = depths.reshape(n_rows, n_columns)
    brightness *= 1 - DARKNESS_OF_OUTLINE * _outline(depth, one.voxel_size_in_angstroms)[np.isfinite(depth)]
    return Surface(depth, positions, np.clip(brightness, 0, 1), highlight)


def paint(
    surface: Surface,
    colours: np.ndarray,  # (3,) or (hits, 3), 0 to 1
    supersampling: int = 1,  # rays along each side of a pixel; the picture is smaller by this
) -> np.ndarray:  # (height, width, 4) uint8, transparent where there is no surface
    """The picture of a surface in its colours."""
    lit = np.asarray(colours, dtype=np.float64) * surface.brightness[:, None] + surface.highlight[:, None]
    picture = np.zeros((*surface.depth.shape, 4))
    picture[surface.is_hit, :3] = np.clip(lit, 0, 1)
    picture[surface.is_hit, 3] = 1
    return _averaged(picture, supersampling)


def draw_surface(
    one: FineMap,
    level: float,
    view: np.ndarray,
    frame: Frame,
    height_in_pixels: int,
    colour: np.ndarray,  # (3,) 0 to 1
    supersampling: int = SUPERSAMPLING,
) -> np.ndarray:  # (height, width, 4) uint8
    """A surface in one colour, with smooth edges."""
    surface = find_surface(one, level, view, frame, height_in_pixels * supersampling)
    return paint(surface, colour, supersampling)


def _sample(
    one: FineMap,
    values: np.ndarray,  # on the grid of the map, or on a part of it
    positions: np.ndarray,  # (n, 3) Å, xyz
    first: tuple[int, int, int] = (0, 0, 0),  # voxel of that part, zyx
) -> np.ndarray:  # (n,), 0 outside
    centre = len(one.density) // 2 - np.array(first)
    voxels = positions[:, ::-1].T / one.voxel_size_in_angstroms + centre[:, None]
    return ndimage.map_coordinates(values, voxels, order=1, mode="constant", cval=0.0)


class _Rays(NamedTuple):
    """Those that may meet the surface, and between which depths."""

    numbers: np.ndarray  # (rays,) of all rays of the picture
    nearest: np.ndarray  # (rays,) Å towards the viewer
    farthest: np.ndarray  # (rays,) Å


def _rays_that_may_hit(one: FineMap, seen: np.ndarray, right: np.ndarray, up: np.ndarray) -> _Rays:
    """Where a voxel at the level is near a ray; all else is below the level between its corners.

    seen: (voxels, 3) right, up and towards the viewer, in voxels: all at the level.
    """
    cells = np.round(seen[:, :2]).astype(np.int64)
    reach = int(np.abs(cells).max(initial=0)) + CELLS_NEAR
    nearest, farthest = np.full((2 * reach + 1,) * 2, -np.inf), np.full((2 * reach + 1,) * 2, np.inf)
    np.maximum.at(nearest, tuple(cells.T + reach), seen[:, 2])
    np.minimum.at(farthest, tuple(cells.T + reach), seen[:, 2])
    nearest = ndimage.maximum_filter(nearest, 2 * CELLS_NEAR + 1) + DIAGONAL
    farthest = ndimage.minimum_filter(farthest, 2 * CELLS_NEAR + 1) - DIAGONAL
    columns, rows = (
        np.round(one_axis / one.voxel_size_in_angstroms).astype(int) + reach for one_axis in (right, up)
    )
    is_inside = (np.minimum(columns, rows) >= 0) & (np.maximum(columns, rows) <= 2 * reach)
    numbers = np.flatnonzero(is_inside)
    where = columns[numbers], rows[numbers]
    found = np.isfinite(nearest[where])
    depths = (one_side[where][found] * one.voxel_size_in_angstroms for one_side in (nearest, farthest))
    return _Rays(numbers[found], *depths)


def _depths(
    one: FineMap, level: float, view: np.ndarray, right: np.ndarray, up: np.ndarray
) -> np.ndarray:  # (rays,) Å; NaN where a ray meets nothing
    found = np.full(len(right), np.nan)
    inside = np.argwhere(one.density >= level)[:, ::-1] - len(one.density) // 2
    if not len(inside):
        return found
    seen = inside @ view.T
    waiting, nearest, farthest = _rays_that_may_hit(one, seen, right, up)
    along = seen[:, 2] * one.voxel_size_in_angstroms
    step = STEP_IN_VOXELS * one.voxel_size_in_angstroms
    plane = right[waiting, None] * view[0] + up[waiting, None] * view[1]  # (rays, 3)
    is_waiting = np.ones(len(waiting), dtype=bool)
    for depth in np.arange(along.max() + 2 * step, along.min() - 2 * step, -step):
        looked_at = np.flatnonzero(is_waiting & (nearest >= depth) & (farthest <= depth))
        if not len(looked_at):
            continue
        reached = _sample(one, one.density, plane[looked_at] + depth * view[2]) >= level
        hit = looked_at[reached]
        if len(hit):
            found[waiting[hit]] = _refined(one, level, plane[hit], view[2], depth, depth + step)
            is_waiting[hit] = False
    return found


def _refined(
    one: FineMap, level: float, plane: np.ndarray, towards: np.ndarray, inside: float, outside: float
) -> np.ndarray:  # (rays,)
    """The depth between the last two steps at which the density reaches the level, by bisection."""
    low, high = np.full(len(plane), inside), np.full(len(plane), outside)
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        is_in = _sample(one, one.density, plane + middle[:, None] * towards) >= level
        low, high = np.where(is_in, middle, low), np.where(is_in, high, middle)
    return (low + high) / 2


def _normals(one: FineMap, view: np.ndarray, positions: np.ndarray) -> np.ndarray:  # (hits, 3) in the view
    """Down the gradient of the density, as unit vectors: right, up, towards the viewer."""
    voxel = one.voxel_size_in_angstroms
    gradient = np.stack(
        [
            _sample(one, one.density, positions + offset) - _sample(one, one.density, positions - offset)
            for offset in np.eye(3) * voxel
        ],
        axis=1,
    )
    normals = -gradient @ view.T
    length = np.linalg.norm(normals, axis=1, keepdims=True)
    return np.where(length > EDGE_ON, normals / np.maximum(length, EDGE_ON), [0.0, 0.0, 1.0])


def _light(normals: np.ndarray) -> tuple[np.ndarray, np.ndarray]:  # (hits,) each
    """Brightness by Lambert's law, and the highlight of the first lamp (Blinn 1977)."""
    brightness = np.full(len(normals), AMBIENT)
    for direction, strength in LAMPS:
        brightness += strength * np.maximum(normals @ (direction / np.linalg.norm(direction)), 0)
    halfway = LAMPS[0][0] / np.linalg.norm(LAMPS[0][0]) + np.array([0.0, 0.0, 1.0])
    halfway /= np.linalg.norm(halfway)
    return brightness, SHINE * np.maximum(normals @ halfway, 0) ** SHARPNESS


def _clefts(
    one: FineMap, level: float, view: np.ndarray, positions: np.ndarray, normals: np.ndarray
) -> np.ndarray:  # (hits,) 0 to 1
    """How much of the neighbourhood in front of the surface is filled: 0 on a ridge, towards 1 in a cleft."""
    darkness = np.zeros(len(positions))
    if not len(positions):
        return darkness
    is_solid = one.density >= level
    around = _box_around(is_solid, round(max(CLEFTS_IN_VOXELS)) + 2)  # one for each rounding
    solid, first = is_solid[around].astype(np.float32), tuple(side.start for side in around)
    outward = normals @ view
    for width in CLEFTS_IN_VOXELS:
        blurred = ndimage.gaussian_filter(solid, width, mode="constant", truncate=3.0)
        filled = _sample(one, blurred, positions + width * one.voxel_size_in_angstroms * outward, first)
        darkness += np.clip(filled / 0.5, 0, 1) / len(CLEFTS_IN_VOXELS)
    return darkness


def _box_around(is_solid: np.ndarray, margin: int) -> tuple[slice, slice, slice]:
    """The part of the grid that holds all that is solid, and a margin of voxels where the grid has them."""
    sides = ndimage.find_objects(is_solid.astype(np.int8))[0]
    z, y, x = (slice(max(0, one.start - margin), one.stop + margin) for one in sides)
    return z, y, x


def _outline(depth: np.ndarray, voxel_size_in_angstroms: float) -> np.ndarray:  # (height, width) 0 to 1
    """Lines where the surface ends in front of another one or of nothing."""
    far = (
        np.nanmin(depth) - 10 * OUTLINE_IN_VOXELS * voxel_size_in_angstroms
        if np.isfinite(depth).any()
        else 0.0
    )
    filled = np.where(np.isfinite(depth), depth, far)
    behind = filled - ndimage.minimum_filter(filled, 3)
    return np.clip(behind / (OUTLINE_IN_VOXELS * voxel_size_in_angstroms) - 0.5, 0, 1)


def _averaged(picture: np.ndarray, factor: int) -> np.ndarray:  # (height, width, 4) -> uint8
    """Blocks of pixels as one; colours are weighted by how opaque they are."""
    rows, columns = (size // factor for size in picture.shape[:2])
    kept = picture[: rows * factor, : columns * factor]
    kept = kept.reshape(rows, factor, columns, factor, 4)
    opacity = kept[..., 3].mean(axis=(1, 3))
    colour = (kept[..., :3] * kept[..., 3:]).mean(axis=(1, 3)) / np.maximum(opacity, 1e-9)[..., None]
    return np.round(255 * np.concatenate([colour, opacity[..., None]], axis=2)).astype(np.uint8)
