"""Decode maps with the networks of cryoDRGN (train_vae, train_dec, abinit), many at a time.

Written from the published form of the networks, tested against the program itself. The network gives, for a frequency
k (in cycles per voxel of the full box) and latents z, either the complex Fourier transform (two outputs) or the
Hartley transform (one output). k is expanded into sines and cosines; that part does not depend on z and is
computed once for a whole batch. The Fourier transform of a real map is Hermitian, so only half of it is evaluated.

A smaller box takes the central frequencies of the full one, which is a Fourier crop for every kind of network.
"""

import dataclasses
import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from gem_plugin.errors import InputError

POINTS_AT_A_TIME = 16384
LATENTS_AT_A_TIME = 8
EXTENT = 0.5  # the largest frequency of the full box, cycles per voxel
ENCODINGS = ("gaussian", "geom_ft", "geom_full", "geom_lowf", "geom_nohighf", "linear_lowf")
Layer = tuple[Tensor, Tensor, bool]  # weight, bias, whether the input is added to the output


@dataclass(frozen=True)
class CryodrgnDecoder:
    """A network with what is needed to make maps from its output."""

    layers: tuple[Layer, ...]
    frequencies: Tensor  # (f, 3): the phases of the encoding are k @ frequencies.T
    is_grouped_by_axis: bool  # sine and cosine features of one axis together; else all sines first
    latent_frequencies: Tensor | None  # (g,): abinit may encode the latents by sines and cosines too
    negative_slope: float  # of the activation: 0 for relu
    is_hartley: bool  # one output per point, no symmetry
    full_box_size: int
    norm: tuple[float, float]  # mean and standard deviation of the transformed images
    sphere_radius: int | None  # abinit: frequencies beyond this many steps are 0

    def on_device(self, device: str) -> "CryodrgnDecoder":
        """The same network with its weights on a device."""
        layers = tuple((weight.to(device), bias.to(device), added) for weight, bias, added in self.layers)
        of_latents = None if self.latent_frequencies is None else self.latent_frequencies.to(device)
        return dataclasses.replace(
            self, layers=layers, frequencies=self.frequencies.to(device), latent_frequencies=of_latents
        )

    def decode(self, latents: np.ndarray, box_size: int) -> Iterator[np.ndarray]:
        """Maps (box, box, box) float32 ordered zyx, in the order of the latents."""
        self.check_box(box_size)
        device = self.frequencies.device
        coordinates, indices = (values.to(device) for values in self._points(box_size))
        for start in range(0, len(latents), LATENTS_AT_A_TIME):
            part = torch.as_tensor(np.asarray(latents[start : start + LATENTS_AT_A_TIME], np.float32))
            part = part.to(device)
            with torch.no_grad():
                yield from self._volumes(part, coordinates, indices, box_size)

    def check_box(self, box_size: int) -> None:
        if box_size % 2 or not 2 <= box_size <= self.full_box_size:
            raise InputError(
                f"-d is {box_size}; expected an even box up to {self.full_box_size}, the run's own."
            )

    def _points(self, box_size: int) -> tuple[Tensor, Tensor]:
        """Frequencies to evaluate (p, 3) ordered xyz, and their indices in the flat lattice of (box + 1)^3."""
        half = box_size // 2
        step = EXTENT / (self.full_box_size // 2)
        axis = torch.from_numpy(np.linspace(-half * step, half * step, box_size + 1).astype(np.float32))
        z, y, x = torch.meshgrid(axis, axis, axis, indexing="ij")
        coordinates = torch.stack([x.flatten(), y.flatten(), z.flatten()], dim=1)
        is_used = torch.ones(len(coordinates), dtype=torch.bool)
        if not self.is_hartley:
            is_used = coordinates.pow(2).sum(dim=1) <= (half * step) ** 2
            is_used[len(is_used) // 2 + 1 :] = False  # the other half follows by symmetry
        elif self.sphere_radius is not None:
            is_used = self._inside_sphere(box_size)
        indices = torch.nonzero(is_used).flatten()
        return coordinates[indices], indices

    def _inside_sphere(self, box_size: int) -> Tensor:  # ((box + 1)^3,)
        """abinit cuts every slice at a whole number of steps, and leaves out the middle of each, as in training."""
        assert self.sphere_radius is not None
        lattice = self.full_box_size + 1
        half = box_size // 2
        steps = torch.arange(-half, half + 1)
        heights = steps.double() * EXTENT / (self.full_box_size // 2)
        cut = (self.sphere_radius / lattice) ** 2 - heights**2
        radii = (cut.clamp(min=0).sqrt() * lattice).floor()  # (box + 1,): per slice
        in_plane = (steps[:, None] ** 2 + steps[None] ** 2).double().sqrt()
        return ((in_plane[None] <= radii[:, None, None]) & (in_plane[None] > 0)).flatten()

    def _volumes(
        self, latents: Tensor, coordinates: Tensor, indices: Tensor, box_size: int
    ) -> Iterator[np.ndarray]:
        lattice = box_size + 1
        hartley = torch.zeros(len(latents), lattice**3, device=latents.device)
        for start in range(0, len(coordinates), POINTS_AT_A_TIME):
            part = slice(start, start + POINTS_AT_A_TIME)
            output = self._evaluate(coordinates[part], latents)  # (b, p, 1 or 2)
            if self.is_hartley:
                hartley[:, indices[part]] = output[..., 0]
                continue
            hartley[:, lattice**3 - 1 - indices[part]] = output[..., 0] + output[..., 1]
            hartley[:, indices[part]] = output[..., 0] - output[..., 1]
        mean, standard_deviation = self.norm
        for values in hartley:
            cube = (values * standard_deviation + mean).reshape(lattice, lattice, lattice)[:-1, :-1, :-1]
            yield _inverse_hartley(cube).cpu().numpy()

    def _evaluate(self, coordinates: Tensor, latents: Tensor) -> Tensor:  # (p, 3), (b, z) -> (b, p, outputs)
        encoded = self._encode(coordinates)  # (p, e)
        latents = self._encode_latents(latents)
        weight, bias, is_residual = self.layers[0]
        n_encoded = encoded.shape[1]
        from_points = encoded @ weight[:, :n_encoded].T + bias  # (p, h): the same for all latents
        from_latents = latents @ weight[:, n_encoded:].T  # (b, h)
        values = from_points[None] + from_latents[:, None]
        if is_residual:
            inputs = torch.cat(
                [encoded.expand(len(latents), -1, -1), latents[:, None].expand(-1, len(encoded), -1)], dim=-1
            )
            values = values + inputs
        for weight, bias, is_residual in self.layers[1:]:
            values = torch.nn.functional.leaky_relu(values, self.negative_slope)
            result = values @ weight.T + bias
            values = result + values if is_residual else result
        return values

    def _encode(self, coordinates: Tensor) -> Tensor:
        phases = coordinates @ self.frequencies.T  # (p, f)
        sines, cosines = torch.sin(phases), torch.cos(phases)
        if not self.is_grouped_by_axis:
            return torch.cat([sines, cosines], dim=1)
        by_axis = [values.reshape(len(coordinates), 3, -1) for values in (sines, cosines)]
        return torch.cat(by_axis, dim=2).flatten(1)

    def _encode_latents(self, latents: Tensor) -> Tensor:
        if self.latent_frequencies is None:
            return latents
        phases = latents[:, :, None] * self.latent_frequencies  # (b, z, g)
        return torch.cat([torch.sin(phases), torch.cos(phases)], dim=2).flatten(1)


def encoding_frequencies(kind: str, n_frequencies: int, full_box_size: int) -> Tensor:  # (3 n, 3)
    """Fixed frequencies of the positional encodings, axis by axis; the Gaussian ones are in the weights."""
    half, steps = full_box_size / 2, torch.arange(n_frequencies, dtype=torch.float32)
    fraction = steps / max(n_frequencies - 1, 1)
    spacings = {
        "geom_ft": full_box_size * math.pi * (2 / full_box_size) ** fraction,
        "geom_full": full_box_size * math.pi * (1 / (full_box_size * math.pi)) ** fraction,
        "geom_lowf": half * (1 / half) ** fraction,
        "geom_nohighf": half * (2 * math.pi / half) ** fraction,
        "linear_lowf": torch.arange(1, int(half) + 1, dtype=torch.float32),
    }
    if kind not in spacings:
        raise InputError(f"The run uses the positional encoding {kind!r}; known are {', '.join(ENCODINGS)}.")
    return torch.kron(torch.eye(3), spacings[kind][:, None])


def layers_from_weights(weights: dict[str, Tensor], prefix: str) -> tuple[Layer, ...]:
    """The linear layers below a prefix such as `decoder.decoder.main.`, in order."""
    numbers = sorted({int(name[len(prefix) :].split(".")[0]) for name in weights if name.startswith(prefix)})
    layers = []
    for number in numbers:
        stem = f"{prefix}{number}."
        is_residual = f"{stem}linear.weight" in weights
        stem += "linear." if is_residual else ""
        layers.append((weights[f"{stem}weight"].float(), weights[f"{stem}bias"].float(), is_residual))
    return tuple(layers)


def _inverse_hartley(cube: Tensor) -> Tensor:  # (d, d, d), zero frequency at d // 2 -> map
    spectrum = torch.fft.fftshift(torch.fft.fftn(torch.fft.ifftshift(cube)))
    return (spectrum.real - spectrum.imag) / cube.numel()
