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
    weights: Tensor | None = None  # (images,) float32: 0 for repeated images, which only fill the batch up

    def to(self, device: torch.device) -> "ImageOwners":
        scales, weights = (
            None if values is None else values.to(device) for values in (self.scales, self.weights)
        )
        return ImageOwners(self.particles.to(device), self.n_particles, scales, weights)


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

    def some_as_table(
        self, rows: Tensor, maximum: int, generator: torch.Generator
    ) -> Tensor:  # (k, width): as many for each particle, whose first image is repeated where it has too few
        """The images that `some_of` chooses, as a table whose shape does not depend on the rows."""
        images, _ = self.some_of(rows, maximum, generator)
        width = min(maximum, int(self.counts.max()))
        table = self.first_images[rows][:, None].repeat(1, width)
        table[_are_taken(self.counts[rows], width)] = images
        return table

    def _taken(self, rows: Tensor, counts: Tensor) -> Tensor:
        before = counts.cumsum(0) - counts
        offsets = (self.first_images[rows] - before).repeat_interleave(counts)
        return offsets + torch.arange(int(counts.sum()))


def _owners(counts: Tensor) -> ImageOwners:
    return ImageOwners(torch.arange(len(counts)).repeat_interleave(counts), len(counts))


def owners_of_table(counts: Tensor, width: int) -> ImageOwners:  # counts (particles,): of all their images
    """The owners of `some_as_table`, on the device of the counts and without waiting for it."""
    own = torch.arange(len(counts), device=counts.device)
    particles = own[:, None].expand(-1, width).flatten()
    scales = counts / counts.clamp_max(width)
    return ImageOwners(particles, len(counts), scales, _are_taken(counts, width).flatten().float())


def _are_taken(counts: Tensor, width: int) -> Tensor:  # (particles,) -> (particles, width) bool
    return torch.arange(width, device=counts.device) < counts[:, None]


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
    if owners.weights is not None:
        values = values * owners.weights.reshape(-1, *(1,) * (values.ndim - 1))
    sums = values.new_zeros(owners.n_particles, *values.shape[1:])
    return sums.index_add(0, owners.particles, values)
