"""The images of a particle table: opened once, read a few at a time, with the reasons where one carries no information."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from gem_plugin.io.mrc.stacks import StackReader
from gem_plugin.particles.image_sizes import brought_to_grid
from gem_plugin.particles.stack_checks import check_stacks
from gem_plugin.particles.table import ParticleTable
from gem_plugin.progress import Track, untracked

BYTES_AT_A_TIME = 2**23  # of images: near the size of processor caches, and memory does not grow
BYTES_PER_VALUE = 4
MAXIMUM_FRACTION_OF_ONE_PIXEL = 0.25  # of the variance of an image: more is a hot pixel, whatever the scale
NOT_FINITE = "its image is not all numbers (NaN or infinity)"
CLEARLY_BELOW = 0.5  # of that fraction: nothing that rounding could change
MINIMUM_FRACTION_ABOUT_MEAN = 0.05  # of the squares of the values: below, their difference loses digits
MINIMUM_FRACTION_OF_LEVEL = 1e-8  # of the same: below, the rounding of the mean counts
CONSTANT = "its image is constant"
HOT_PIXEL = "one pixel of its image stands out from all others (a hot pixel)"


RawImages = list[
    tuple[np.ndarray, Tensor]
]  # of each size: positions (k,), images (k, own box, own box) float32


@dataclass(frozen=True)
class ParticleImages:
    """The images behind a table, on disk. Use it in a with block, which closes the stacks."""

    particle_file: Path
    table: ParticleTable
    stack_paths: dict[str, Path]  # by the name in the table
    reader: StackReader

    def __enter__(self) -> "ParticleImages":
        return self

    def __exit__(self, *exception: object) -> None:
        self.reader.close()

    def __len__(self) -> int:
        return len(self.table)

    @property
    def n_stacks(self) -> int:
        return len(self.stack_paths)

    def in_chunks(self, rows: np.ndarray) -> list[np.ndarray]:
        """The rows in pieces of a few megabytes of images."""
        box_size = max(self.table.box_size, int(self.table.own_box_sizes.max(initial=0)))
        size = max(1, BYTES_AT_A_TIME // (box_size**2 * BYTES_PER_VALUE))
        return [rows[start : start + size] for start in range(0, len(rows), size)]

    def read(
        self, rows: np.ndarray
    ) -> tuple[Tensor, dict[int, str]]:  # (rows, box, box) float32, positive density; reasons by row
        """Read images; those that carry no information are zero and come with the reason.

        Images of another box or pixel size than the table's are brought to its grid.
        """
        return self.checked(rows, self.read_raw(rows))

    def read_raw(self, rows: np.ndarray) -> RawImages:
        """The images as their files have them."""
        box_sizes, pixel_sizes = self.table.own_box_sizes[rows], self.table.own_pixel_sizes[rows]
        if (box_sizes == box_sizes[:1]).all() and (pixel_sizes == pixel_sizes[:1]).all():
            return [(np.arange(len(rows)), self._read_of_one_size(rows))]
        _, kinds = np.unique(np.stack([box_sizes, pixel_sizes]), axis=1, return_inverse=True)
        kinds = kinds.reshape(-1)
        positions_of = [np.flatnonzero(kinds == kind) for kind in range(kinds.max() + 1)]
        return [(positions, self._read_of_one_size(rows[positions])) for positions in positions_of]

    def checked(self, rows: np.ndarray, raw: RawImages) -> tuple[Tensor, dict[int, str]]:
        """What `read` gives of the raw images of these rows, which are changed; several threads may do this."""
        defects: dict[int, str] = {}
        found = []
        for positions, images in raw:
            of_some = rows[positions]
            on_grid, of_kind = self._checked_of_one_size(of_some, images)
            found.append(on_grid)
            defects |= of_kind
        if len(found) == 1:
            return found[0], defects
        together = torch.empty(len(rows), self.table.box_size, self.table.box_size)
        for (positions, _), on_grid in zip(raw, found, strict=True):
            together[torch.from_numpy(positions)] = on_grid
        return together, defects

    def _read_of_one_size(self, rows: np.ndarray) -> Tensor:
        paths = [self.stack_paths[name] for name in self.table.stack_names[rows]]
        return torch.from_numpy(self.reader.read_images(paths, self.table.slice_indices[rows]))

    def _checked_of_one_size(self, rows: np.ndarray, images: Tensor) -> tuple[Tensor, dict[int, str]]:
        defects = image_defects(images)
        images[list(defects)] = 0
        signs = self.table.contrast_sign[rows]
        if (signs != 1).any():
            images *= torch.from_numpy(signs)[:, None, None]
        on_grid = brought_to_grid(images, rows, self.table)
        return on_grid, {int(rows[position]): reason for position, reason in defects.items()}


def image_defects(images: Tensor) -> dict[int, str]:
    """Positions of images that cannot be a particle, with the reason."""
    lowest, highest = images.amin(dim=(1, 2)), images.amax(dim=(1, 2))  # NaN shows in either
    means = images.mean(dim=(1, 2))
    squares, are_exact = _squares_about(images.flatten(1), means)
    peaks = torch.maximum(highest - means, means - lowest).square()
    is_sound = are_exact & (peaks < CLEARLY_BELOW * MAXIMUM_FRACTION_OF_ONE_PIXEL * squares)
    doubtful = torch.nonzero(~is_sound).flatten()
    if not len(doubtful):
        return {}
    positions = doubtful.tolist()
    return {positions[position]: reason for position, reason in _certain_defects(images[doubtful]).items()}


def _squares_about(
    values: Tensor,  # (batch, n)
    means: Tensor,  # (batch,)
) -> tuple[Tensor, Tensor]:  # (batch,), and (batch,) bool: whether the digits of float32 were enough
    """Sum of the squared deviations from the mean, from the squares themselves where these are not much larger."""
    squares = torch.linalg.vector_norm(values, dim=1).square()
    deviations = squares - values.shape[1] * means.square()
    if not bool((deviations > MINIMUM_FRACTION_ABOUT_MEAN * squares).all()):
        deviations = torch.linalg.vector_norm(values - means[:, None], dim=1).square()
    are_exact = torch.isfinite(squares) & (deviations > MINIMUM_FRACTION_OF_LEVEL * squares)
    return deviations, are_exact


def _certain_defects(images: Tensor) -> dict[int, str]:
    """The same of images whose squares may leave the range of float32, or are near the limit."""
    lowest, highest = images.amin(dim=(1, 2)).double(), images.amax(dim=(1, 2)).double()
    is_finite = torch.isfinite(lowest) & torch.isfinite(highest)
    found = {int(position): NOT_FINITE for position in torch.nonzero(~is_finite)}
    found |= {int(position): CONSTANT for position in torch.nonzero(is_finite & (lowest == highest))}
    means = images.mean(dim=(1, 2), dtype=torch.float64)
    peaks = torch.maximum((highest - means).square(), (means - lowest).square())
    squares = (images.double() - means[:, None, None]).square().sum(dim=(1, 2))
    is_hot = is_finite & (peaks > MAXIMUM_FRACTION_OF_ONE_PIXEL * squares)
    for position in torch.nonzero(is_hot).flatten().tolist():
        found.setdefault(position, HOT_PIXEL)
    return found


def open_particle_images(
    table: ParticleTable,
    particle_file: Path,  # that the table was read from
    stack_paths: dict[str, Path],  # by the name in the table
    track: Track = untracked,
) -> ParticleImages:
    """Check all stacks by their headers; no image is read yet."""
    headers = check_stacks(table, stack_paths, particle_file, track)
    return ParticleImages(particle_file, table, stack_paths, StackReader(headers))
