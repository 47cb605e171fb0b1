"""Particles that own several images, as those of tilt series do: which images are whose, and sums over them.

Particles that are one image each have no owners: None stands for them, and everything here is left out.
"""

from dataclasses import replace
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from gem_plugin.gaussians.cloud import GaussianCloud


class ImageOwners(NamedTuple):
    """Whose the images of a batch are. Images of one particle follow each other."""

    particles: Tensor  # (images,) int64: position of the particle in the batch
    n_particles: int
    scales: Tensor | None = (
        None  # (particles,) float32: all images of each over those in the batch; None: all are there
    )

    def to(self, device: torch.device) -> "ImageOwners":
        scales = None if self.scales is None else self.scales.to(device)
        return ImageOwners(self.particles.to(device), self.n_particles, scales)


class ImagesOfParticles:
    """The images of every particle of a set: those of particle i are first_images[i] to first_images[i + 1]."""

    def __init__(self, first_images: np.ndarray) -> None:  # (n + 1,) int64, rising
        self.first_images = torch.from_numpy(np.asarray(first_images, dtype=np.int64))
        self.counts = self.first_images.diff()  # (n,)

    def __len__(self) -> int:
        return len(self.counts)

    def of(self, rows: Tensor) -> tuple[Tensor, ImageOwners]:  # (k,) particles -> (images,)
        """All images of the given particles."""
        counts = self.counts[rows]
        return self._taken(rows, counts), _owners(counts)

    def of_each_image(self, values: Tensor) -> Tensor:  # (n, ...) -> (images of the set, ...)
        """What is given for each particle, for every image."""
        return values.repeat_interleave(self.counts.to(values.device), dim=0)

    def some_of(
        self,
        rows: Tensor,  # (k,)
        maximum: int,  # of each particle
        generator: torch.Generator,
    ) -> tuple[Tensor, ImageOwners]:
        """A random choice of the images of each particle, all where it has no more than the maximum."""
        images, owners = self.of(rows)
        counts = self.counts[rows]
        if int(counts.max()) <= maximum:
            return images, owners
        order = torch.rand(len(images), generator=generator).argsort()
        order = order[owners.particles[order].argsort(stable=True)]  # by particle, at random within
        starts = counts.cumsum(0) - counts
        ranks = torch.arange(len(images)) - starts.repeat_interleave(counts)
        chosen = order[ranks < maximum].sort().values
        scales = counts / counts.clamp_max(maximum)
        return images[chosen], ImageOwners(owners.particles[chosen], len(rows), scales)

    def _taken(self, rows: Tensor, counts: Tensor) -> Tensor:
        before = counts.cumsum(0) - counts
        offsets = (self.first_images[rows] - before).repeat_interleave(counts)
        return offsets + torch.arange(int(counts.sum()))


def _owners(counts: Tensor) -> ImageOwners:
    return ImageOwners(torch.arange(len(counts)).repeat_interleave(counts), len(counts))


def clouds_of_images(cloud: GaussianCloud, owners: ImageOwners | None) -> GaussianCloud:
    """The cloud of each image's particle; one cloud for all stays one."""
    if owners is None or cloud.positions.ndim == 2:
        return cloud
    widths = cloud.widths
    if len(widths) == owners.n_particles and widths.ndim == 2:
        widths = widths.index_select(0, owners.particles)
    positions, are_planes = cloud.positions, cloud.positions.device.type == "cpu"  # what the projection reads
    positions = positions.transpose(1, 2) if are_planes else positions
    positions = positions.index_select(0, owners.particles)
    return replace(
        cloud,
        positions=positions.transpose(1, 2) if are_planes else positions,
        amplitudes=cloud.amplitudes.index_select(0, owners.particles),
        widths=widths,
    )


def sums_of_particles(
    values: Tensor, owners: ImageOwners | None
) -> Tensor:  # (images, ...) -> (particles, ...)
    """The sum over the images of each particle that are in the batch."""
    if owners is None:
        return values
    sums = values.new_zeros(owners.n_particles, *values.shape[1:])
    return sums.index_add(0, owners.particles, values)
