"""The images of a particle table: opened once, read a few at a time, each checked to carry information."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from gem_plugin.errors import InputError
from gem_plugin.io.mrc.stacks import StackReader
from gem_plugin.particles.stack_checks import check_stacks
from gem_plugin.particles.table import ParticleTable
from gem_plugin.progress import Track, untracked

BYTES_AT_A_TIME = 2**24  # of images, so that memory does not grow with their number
BYTES_PER_VALUE = 4


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
        size = max(1, BYTES_AT_A_TIME // (self.table.box_size**2 * BYTES_PER_VALUE))
        return [rows[start : start + size] for start in range(0, len(rows), size)]

    def read(self, rows: np.ndarray) -> Tensor:  # (rows, box, box) float32, positive density
        """Read images and refuse those that carry no information."""
        paths = [self.stack_paths[name] for name in self.table.stack_names[rows]]
        images = torch.from_numpy(self.reader.read_images(paths, self.table.slice_indices[rows]))
        self._check(images, rows)
        return images * torch.from_numpy(self.table.contrast_sign[rows])[:, None, None]

    def _check(self, images: Tensor, rows: np.ndarray) -> None:
        lowest, highest = images.amin(dim=(1, 2)), images.amax(dim=(1, 2))  # NaN and infinity show in either
        is_finite = torch.isfinite(lowest) & torch.isfinite(highest)
        bad = torch.nonzero(~is_finite | (lowest == highest)).flatten()
        if len(bad):
            row = int(rows[bad[0]])
            what = "constant" if is_finite[bad[0]] else "not all numbers (NaN or infinity)"
            raise InputError(
                f"{self.particle_file}, row {row}: the image {self.table.image_names[row]} is {what}. "
                "Remove this particle, or extract it again."
            )


def open_particle_images(
    table: ParticleTable,
    particle_file: Path,  # that the table was read from
    stack_paths: dict[str, Path],  # by the name in the table
    track: Track = untracked,
) -> ParticleImages:
    """Check all stacks by their headers; no image is read yet."""
    headers = check_stacks(table, stack_paths, particle_file, track)
    return ParticleImages(particle_file, table, stack_paths, StackReader(headers))
