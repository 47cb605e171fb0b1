"""Images of several boxes and pixel sizes in one set: each is brought to one grid, and its optics to that grid's frequencies.

A raw image is cut or padded to the even number of its own pixels nearest to the width L of the grid, then cut in Fourier
space. Its width is now L', not L: frequencies of the grid are L / L' times those of the image, which its magnification
matrix and its shift take up exactly.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from gem_plugin.errors import InputError
from gem_plugin.notices import note
from gem_plugin.particles.optics import different_optics
from gem_plugin.particles.table import ParticleTable

if TYPE_CHECKING:
    from torch import Tensor

PIXEL_SIZE_TOLERANCE = 1e-4  # relative: rounding in the text of the file, nothing else
MAXIMUM_WIDTH_RATIO = 3.0  # of the widest images over the narrowest: more is a wrong pixel size
SIZES_SHOWN = 4


@dataclasses.dataclass(frozen=True)
class ImageSizes:
    """The grid of a set, and the own sizes of its images."""

    box_size: int  # pixels, of the first image
    pixel_size_in_angstroms: float
    own_box_sizes: np.ndarray  # (n,) int32
    own_pixel_sizes: np.ndarray  # (n,) float64, Angstrom


def sizes_of_images(
    box_sizes: np.ndarray,  # (n,) pixels
    pixel_sizes: np.ndarray,  # (n,) Angstrom
    source: Path,  # for messages
) -> ImageSizes:
    """Box and pixel size of the first image as those of the set, as RELION's reconstruction takes them.

    A note says which sizes there are. Raises InputError where one is not positive, or widths differ absurdly.
    """
    pixel_sizes = pixel_sizes.astype(np.float64)
    for name, values in (("box size", box_sizes), ("pixel size", pixel_sizes)):
        wrong = np.flatnonzero(~((values > 0) & np.isfinite(values)))
        if len(wrong):
            raise InputError(
                f"{source}: the {name} is {values[wrong[0]]:g} in row {wrong[0]}; expected a positive number. Correct it."
            )
    sizes = sizes_on_grid(int(box_sizes[0]), float(pixel_sizes[0]), box_sizes, pixel_sizes)
    _report(sizes, source)
    return sizes


def sizes_on_grid(
    box_size: int,
    pixel_size_in_angstroms: float,
    own_box_sizes: np.ndarray,  # (n,) pixels
    own_pixel_sizes: np.ndarray,  # (n,) Angstrom
) -> ImageSizes:
    """Own sizes of images beside those of their grid; pixel sizes that differ from it by rounding alone are the same."""
    difference = np.abs(own_pixel_sizes - pixel_size_in_angstroms)
    is_rounded = difference <= PIXEL_SIZE_TOLERANCE * pixel_size_in_angstroms
    own = np.where(is_rounded, pixel_size_in_angstroms, own_pixel_sizes)
    return ImageSizes(box_size, pixel_size_in_angstroms, own_box_sizes.astype(np.int32), own)


def _report(sizes: ImageSizes, source: Path) -> None:
    is_other = (sizes.own_box_sizes != sizes.box_size) | (
        sizes.own_pixel_sizes != sizes.pixel_size_in_angstroms
    )
    if not is_other.any():
        return
    pairs = np.stack([sizes.own_box_sizes, sizes.own_pixel_sizes], axis=1)
    different, counts = np.unique(pairs, axis=0, return_counts=True)
    shown = "; ".join(
        f"{count} of {box:.0f} pixels of {pixel:.6g} A"
        for (box, pixel), count in zip(different[:SIZES_SHOWN], counts, strict=False)
    ) + ("; ..." if len(different) > SIZES_SHOWN else "")
    widths = different.prod(axis=1)
    if widths.max() > MAXIMUM_WIDTH_RATIO * widths.min():
        raise InputError(
            f"{source}: expected images of similar width, found {shown}. Is one of the pixel sizes wrong? "
            "Correct it, or run each optics group alone: relion_star_handler --i FILE --o NEW --select rlnOpticsGroup "
            "--minval 1 --maxval 1"
        )
    note(
        f"{source}: images of several sizes ({shown}); all are brought to {sizes.box_size} pixels of "
        f"{sizes.pixel_size_in_angstroms:.6g} A, the size of the first."
    )


def has_one_size(table: ParticleTable) -> bool:
    """Whether every image has the box and pixel size of the table."""
    return bool(
        (table.own_box_sizes == table.box_size).all()
        and (table.own_pixel_sizes == table.pixel_size_in_angstroms).all()
    )


def own_pixels_of_width(
    table: ParticleTable | ImageSizes,
) -> np.ndarray:  # (n,) int64, even unless the image needs nothing
    """How many of its own pixels each image is cut or padded to."""
    width = table.box_size * table.pixel_size_in_angstroms
    nearest = 2 * np.rint(width / table.own_pixel_sizes / 2).astype(np.int64)
    is_same = (table.own_box_sizes == table.box_size) & (
        table.own_pixel_sizes == table.pixel_size_in_angstroms
    )
    return np.where(is_same, table.box_size, nearest)


def largest_common_box(table: ParticleTable) -> int:
    """The largest even box on the width of the table for which no image would need frequencies that it does not hold."""
    box_size = min(table.box_size, int(own_pixels_of_width(table).min(initial=table.box_size)))
    return box_size - box_size % 2


def noise_on_grid(table: ParticleTable) -> np.ndarray:  # (n,) float64
    """The standard deviation of white noise of 1 after brought_to_grid: below 1 where pixels are coarser than those of the grid.

    Such images are empty beyond their own Nyquist frequency, where the noise of the others goes on.
    """
    return np.minimum(1.0, own_pixels_of_width(table) / table.box_size)


def stretch_of(
    sizes: ParticleTable | ImageSizes,
) -> np.ndarray:  # (n,) float64: 1 but for images of another size
    """L / L': Angstrom on the grid of the table for one Angstrom in an image of another size that was brought there."""
    width = sizes.box_size * sizes.pixel_size_in_angstroms
    return width / (own_pixels_of_width(sizes) * sizes.own_pixel_sizes)


def on_one_grid(table: ParticleTable) -> ParticleTable:
    """The table in the frequencies of its grid: for images that were brought there by brought_to_grid."""
    if has_one_size(table):
        return table
    stretch = stretch_of(table)
    _, first, kinds = np.unique(
        np.stack([table.optics_rows, stretch], axis=1), axis=0, return_index=True, return_inverse=True
    )
    of_kinds = table.optics.take(table.optics_rows[first])
    stretched = of_kinds.magnification.astype(np.float64) * stretch[first][:, None, None]
    optics, which = different_optics(
        dataclasses.replace(of_kinds, magnification=stretched.astype(np.float32))
    )
    shifts = table.shifts_in_angstroms * stretch[:, None]
    return dataclasses.replace(
        table,
        optics=optics,
        optics_rows=which[kinds.reshape(-1)],
        shifts_in_angstroms=shifts.astype(np.float32),
    )


def brought_to_grid(
    images: Tensor,  # (k, own box, own box)
    rows: np.ndarray,  # (k,) of the table, all of one own size
    table: ParticleTable,
) -> Tensor:  # (k, box, box)
    """Images of another size on the grid of the table.

    White noise keeps its variance, and images of one dose on one area keep one scale of signal over noise. What is padded
    is noise like the image's own background, drawn by the number of the row.
    """
    box_size, own_pixel = table.box_size, float(table.own_pixel_sizes[rows[0]])
    own_box = images.shape[-1]
    if (own_box, own_pixel) == (box_size, table.pixel_size_in_angstroms):
        return images
    from gem_plugin.imaging.fourier import fourier_crop_images  # torch; not wanted where all have one size

    n_pixels = int(own_pixels_of_width(table.take(rows[:1]))[0])
    stretch = n_pixels * own_pixel / (box_size * table.pixel_size_in_angstroms)  # L' / L
    cut = _cut_or_padded(images, rows, n_pixels)
    return fourier_crop_images(cut, box_size) * (n_pixels / box_size * stretch)


def _cut_or_padded(images: Tensor, rows: np.ndarray, new_box: int) -> Tensor:
    box = images.shape[-1]
    before = new_box // 2 - box // 2  # pixels that are added; below 0: taken away
    start, end = max(0, -before), min(box, new_box - before)
    kept = images[:, start:end, start:end]
    if new_box <= box:
        return kept
    import torch

    from gem_plugin.imaging.normalisation import background_mask, measure_background

    background = measure_background(images, background_mask(box, box / 2))
    noise = np.stack(
        [np.random.default_rng(row).standard_normal((new_box, new_box), np.float32) for row in rows]
    )
    padded = torch.from_numpy(noise) * background.standard_deviations[:, None, None]
    padded += background.means[:, None, None]
    padded[:, start + before : end + before, start + before : end + before] = kept
    return padded
