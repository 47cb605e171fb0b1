"""Grey pictures of maps for report.html: projections and slices, small, and all of a group on one grey scale."""

from dataclasses import dataclass
from html import escape
from pathlib import Path

import numpy as np

from gem_plugin.io.mrc.maps import read_map
from gem_plugin.reports.sections.html_parts import grey_levels, png_address

MAXIMUM_PICTURE = 128  # pixels along one side
FRACTION_OF_BRIGHTEST = 0.05  # of a picture: dimmer pixels may be cut off
VIEWS = ("along z", "along y", "along x")
AXES = ("z", "y", "x")


@dataclass(frozen=True)
class MapPictures:
    """Projections along z, y and x, and slices perpendicular to them, of several maps in the same way."""

    projections: list[list[np.ndarray]]  # maps, then three (box, box)
    slices: list[list[np.ndarray]]
    window: slice  # the part of the box that holds the molecule in all of them
    slice_positions_in_angstroms: tuple[float, float, float]  # from the centre, ordered zyx
    pixel_size_in_angstroms: float

    @property
    def width_in_angstroms(self) -> float:
        return (self.window.stop - self.window.start) * self.pixel_size_in_angstroms


def pictures_of_maps(paths: list[Path], with_slices: bool = True) -> MapPictures:
    """Read each map once for its projections and, where requested, once more for slices through the most density of all."""
    projections, densities, pixel_size = [], [], 1.0
    for path in paths:
        grid = read_map(path)
        pixel_size = grid.pixel_size_in_angstroms
        projections.append([grid.volume.sum(axis=axis) for axis in range(3)])
        densities.append(_density_of_planes(grid.volume))
    box = len(projections[0][0])
    planes = tuple(int(np.sum(of_axis, axis=0).argmax()) for of_axis in zip(*densities))
    slices = [_slices(path, planes) for path in paths] if with_slices else []
    z, y, x = ((plane - box // 2) * pixel_size for plane in planes)
    return MapPictures(projections, slices, window_of_content(projections), (z, y, x), pixel_size)


def projections_of_map(path: Path) -> list[np.ndarray]:  # three (box, box)
    """Projections along z, y and x."""
    volume = read_map(path).volume
    return [volume.sum(axis=axis) for axis in range(3)]


def window_of_content(groups: list[list[np.ndarray]]) -> slice:  # pictures (box, box) each
    """The central rows and columns that hold the molecule in all pictures, with a margin."""
    box = len(groups[0][0])
    furthest = furthest_content(groups)
    half_width = min(box // 2, furthest + max(2, box // 20))
    return slice(box // 2 - half_width, box // 2 + half_width)


def furthest_content(groups: list[list[np.ndarray]]) -> int:
    """Pixels from the centre to the furthest bright pixel, along an axis."""
    furthest = 0
    for picture in (picture for group in groups for picture in group):
        bright = np.argwhere(picture > FRACTION_OF_BRIGHTEST * picture.max())
        furthest = max(furthest, int(np.abs(bright - len(picture) // 2).max(initial=0)))
    return furthest


def picture_html(picture: np.ndarray, highest: float, title: str) -> str:
    """Grey, white = high density; zero is black so that noise in the solvent does not fill the range."""
    address = png_address(grey_levels(small_picture(picture), 0.0, highest))
    return f'<img alt="{escape(title)}" title="{escape(title)}" src="{address}">'


def small_picture(picture: np.ndarray, largest: int = MAXIMUM_PICTURE) -> np.ndarray:
    """Average blocks of pixels until the picture is small; flipped so that y points up."""
    factor = -(-picture.shape[0] // largest)
    size = picture.shape[0] // factor
    kept = picture[: size * factor, : size * factor]
    return kept.reshape(size, factor, size, factor).mean(axis=(1, 3))[::-1]


def _density_of_planes(volume: np.ndarray) -> list[np.ndarray]:  # three (box,)
    positive = np.maximum(volume, 0)
    return [positive.sum(axis=tuple(other for other in range(3) if other != axis)) for axis in range(3)]


def _slices(path: Path, planes: tuple[int, ...]) -> list[np.ndarray]:
    volume = read_map(path).volume
    return [volume.take(plane, axis=axis) for axis, plane in enumerate(planes)]
