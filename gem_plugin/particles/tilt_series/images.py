"""Tilt images from disk, out of thousands of small stacks of which few are open at a time."""

import numpy as np

from gem_plugin.io.mrc.header import MrcHeader, read_mrc_header
from gem_plugin.io.mrc.stacks import StackReader
from gem_plugin.particles.tilt_series.table import TiltSeriesParticles

MAXIMUM_HEADERS = 4096  # kept in memory


class TiltImageReader:
    """Reads tilt images of particles; use it in a with block, which closes the files."""

    def __init__(self, particles: TiltSeriesParticles) -> None:
        self._particles = particles
        self._stacks = StackReader({})

    def __enter__(self) -> "TiltImageReader":
        return self

    def __exit__(self, *exception: object) -> None:
        self._stacks.close()

    def read(self, images: np.ndarray) -> np.ndarray:  # (k,) -> (k, box, box) float32
        """The given tilt images in the given order, as they are stored."""
        table, paths = self._particles.images, self._particles.stack_paths
        stack_paths = [paths[name] for name in table.stack_names[images].tolist()]
        if not stack_paths:
            size = self._particles.box_size
            return np.zeros((0, size, size), np.float32)
        headers: dict = self._stacks.headers
        if len(headers) > MAXIMUM_HEADERS:
            headers.clear()
        for path in dict.fromkeys(stack_paths):
            if path not in headers:
                header: MrcHeader = read_mrc_header(path)
                headers[path] = header
        return self._stacks.read_images(stack_paths, table.slice_indices[images])
