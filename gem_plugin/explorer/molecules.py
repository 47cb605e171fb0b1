"""Molecules for the browser: decoded maps as bytes in a window, particle images beside the model's projections."""

import threading
from dataclasses import dataclass

import numpy as np
import torch
from scipy.ndimage import gaussian_filter

from gem_plugin.errors import InputError
from gem_plugin.explorer.tilt_montage import ShownTilts, filtered_tilts, projected_tilts, tilts_shown
from gem_plugin.gaussians.cloud import GaussianCloud
from gem_plugin.gaussians.simulated_images import simulate_images
from gem_plugin.gaussians.volume import render_volumes
from gem_plugin.imaging.bright_level import DISPLAY_PERCENTILE
from gem_plugin.io.run.files import RunFiles
from gem_plugin.landscape.volume_source import VolumeSource
from gem_plugin.particles.ctf_parameters import ctf_parameters_of
from gem_plugin.particles.prepared import PreparedData, load_prepared
from gem_plugin.particles.table import ParticleTable
from gem_plugin.reports.chimerax_scripts import LEVEL_FRACTION
from gem_plugin.results.refined_poses import prepared_in_refined_poses

SAMPLE_FOR_SCALE = 8  # molecules decoded once, to choose brightness and window
HEADROOM = 1.5  # the brightest byte over the brightest sampled voxel
FRACTION_OUTSIDE_WINDOW = 0.01  # of the bright level: dimmer voxels may be cut off
MARGIN_IN_VOXELS = 2
LOW_PASS_IN_PIXELS = 1.5  # so that a particle can be seen through the noise


@dataclass(frozen=True)
class Window:
    """The cube about the centre that holds the molecule, and how density becomes bytes."""

    first: int  # voxel of the box where the window starts, along each axis
    size: int
    density_of_255: float
    level: float  # density at which the surface is drawn first


@dataclass(frozen=True)
class DecodedMolecule:
    """What one decoding gives."""

    latents: np.ndarray  # (latent_size,)
    volume: np.ndarray  # (box, box, box), ordered zyx
    cloud: GaussianCloud | None = None  # where images or atoms are to be made of the same decoding
    is_coarse: bool = False  # of half the box, with voxels twice as wide


class Molecules:
    """Decodes one molecule after the other; the kernels are not made for several threads at once."""

    def __init__(self, run: RunFiles, source: VolumeSource) -> None:
        self.source = source
        self.lock = threading.Lock()
        self.window = self._choose_window()
        self._prepared: PreparedData | None = None
        self.run = run

    def latents_of(self, row: int) -> np.ndarray:  # (latent_size,)
        if not 0 <= row < self.source.n_particles:
            raise InputError(f"There is no particle row {row}; rows are 0 to {self.source.n_particles - 1}.")
        return self.source.latents[row]

    @property
    def has_images(self) -> bool:
        """Whether particles have images, and the model has Gaussians to project beside them."""
        return self.source.clouds_at is not None and self.run.prepared_images.is_file()

    def decode_particle(self, row: int, with_cloud: bool, is_coarse: bool = False) -> DecodedMolecule:
        """A particle's molecule; with its cloud, where images or atoms are to be made of the same decoding."""
        return self.decode(self.latents_of(row), with_cloud, is_coarse)

    def image_size(self) -> int:
        """Pixels along a side of the particles' images."""
        return self._prepared_data().images.shape[-1]

    @property
    def has_tilts(self) -> bool:
        """Whether particles own several images."""
        return self.has_images and self.run.prepared_tilt_series.is_file()

    def tilts_of(self, row: int) -> ShownTilts | None:
        """Which tilt images of a particle are shown; None for single particles."""
        tilts = self._prepared_data().tilts
        return None if tilts is None else tilts_shown(tilts, row)

    def tilt_images(self, shown: ShownTilts, cloud: GaussianCloud) -> np.ndarray:  # (2, k, box, box) float32
        """Tilt images of a particle, low-pass filtered, and the projections that the model expects of them."""
        prepared = self._prepared_data()
        tilts, table = prepared.tilts, prepared.table
        assert tilts is not None
        with self.lock:
            projections = projected_tilts(
                tilts, shown.images, cloud, table.box_size, table.pixel_size_in_angstroms
            )
        return np.stack([filtered_tilts(tilts, shown.images, LOW_PASS_IN_PIXELS), projections])

    def images(self, row: int, cloud: GaussianCloud) -> np.ndarray:  # (2, box, box) float32
        """The particle, low-pass filtered, and the projection that the model expects of it."""
        prepared = self._prepared_data()
        with self.lock:
            projection = _project(cloud, prepared.table.take(np.array([row])))
        image = gaussian_filter(np.asarray(prepared.images[row], np.float32), LOW_PASS_IN_PIXELS)
        return np.stack([image, projection])

    def decode(
        self,
        latents: np.ndarray,  # (latent_size,)
        with_cloud: bool = False,
        is_coarse: bool = False,  # half the box, for a molecule that follows the mouse
    ) -> DecodedMolecule:
        """The molecule at a point of the latent space."""
        self._check(latents)
        is_coarse = is_coarse and self.can_be_coarse
        if not with_cloud and not is_coarse:
            return DecodedMolecule(latents, self.density(latents))
        if self.source.clouds_at is None:
            raise InputError("This model has no Gaussians to project.")
        with self.lock:
            cloud = self.source.clouds_at(latents[None].astype(np.float32))
            return DecodedMolecule(latents, self._render(cloud, is_coarse), cloud, is_coarse)

    @property
    def can_be_coarse(self) -> bool:
        """Whether half the box has whole voxels at the same positions, and half the window too."""
        window = self.window
        return (
            self.source.clouds_at is not None
            and not self.source.is_flipped
            and self.source.box_size % 4 == 0
            and window.size % 2 == 0
            and window.first % 2 == 0
        )

    def density(self, latents: np.ndarray) -> np.ndarray:  # (latent_size,) -> (box, box, box)
        """The whole decoded map."""
        self._check(latents)
        with self.lock:
            return next(iter(self.source.decode(latents[None].astype(np.float32))))

    def _check(self, latents: np.ndarray) -> None:
        if latents.shape != (self.source.latents.shape[1],) or not np.isfinite(latents).all():
            raise InputError(
                f"Expected {self.source.latents.shape[1]} finite latents, got {latents.tolist()[:20]}."
            )

    def _render(
        self, cloud: GaussianCloud, is_coarse: bool
    ) -> np.ndarray:  # one cloud -> (box, box, box), or half
        """The same map that the source decodes; coarse: half of its voxels along each side."""
        step = 2 if is_coarse else 1
        box_size = self.source.box_size // step
        pixel_size = self.source.cloud_pixel_size_in_angstroms
        in_angstroms = cloud.in_angstroms(pixel_size)
        volume = render_volumes(in_angstroms, box_size, step * pixel_size)[0].cpu().numpy()
        return volume[::-1] if self.source.is_flipped else volume

    def coarse_bytes(self, volume: np.ndarray) -> bytes:  # (box / 2, box / 2, box / 2)
        """The window of a coarse map; a voxel eight times as large holds eight times as much."""
        window = self.window
        inside = slice(window.first // 2, (window.first + window.size) // 2)
        scaled = volume[inside, inside, inside] * np.float32(255 / 8 / window.density_of_255)
        return np.clip(scaled, 0, 255, out=scaled).astype(np.uint8).tobytes()

    def as_bytes(self, volume: np.ndarray, density_of_255: float | None = None) -> bytes:
        """The window of a map, z slowest, x fastest, negative density as 0. density_of_255: default: the window's."""
        inside = slice(self.window.first, self.window.first + self.window.size)
        scaled = volume[inside, inside, inside] * np.float32(
            255 / (density_of_255 or self.window.density_of_255)
        )
        return np.clip(scaled, 0, 255, out=scaled).astype(np.uint8).tobytes()

    def signed_bytes(self, volume: np.ndarray, largest: float | None = None) -> bytes:
        """The same for differences: 128 is zero, and 127 more the largest value (default: the density of byte 255)."""
        inside = slice(self.window.first, self.window.first + self.window.size)
        largest = largest or self.window.density_of_255
        scaled = 128 + volume[inside, inside, inside] * np.float32(127 / largest)
        return np.clip(scaled, 0, 255, out=scaled).astype(np.uint8).tobytes()

    def mask_bytes(self, mask: np.ndarray) -> bytes:
        """The window of a mask; 255 is inside."""
        inside = slice(self.window.first, self.window.first + self.window.size)
        return (mask[inside, inside, inside].clip(0, 1) * 255).astype(np.uint8).tobytes()

    def _prepared_data(self) -> PreparedData:
        if self._prepared is None:
            prepared = load_prepared(self.run)
            self._prepared = prepared_in_refined_poses(prepared, self.run)
        return self._prepared

    def _choose_window(self) -> Window:
        rows = np.linspace(0, self.source.n_particles - 1, SAMPLE_FOR_SCALE).astype(int)
        volumes = list(self.source.decode(self.source.latents[rows]))
        brightest = max(float(volume.max()) for volume in volumes)
        bright_level = float(np.median([np.percentile(volume, DISPLAY_PERCENTILE) for volume in volumes]))
        box = self.source.box_size
        furthest = 0
        for volume in volumes:
            outline = np.argwhere(volume > FRACTION_OUTSIDE_WINDOW * bright_level)
            furthest = max(furthest, int(np.abs(outline - box // 2).max(initial=0)))
        half_width = min(box // 2, furthest + MARGIN_IN_VOXELS)
        if box % 4 == 0:
            half_width += half_width % 2  # so that half the box has voxels at its corners too
        return Window(
            box // 2 - half_width,
            2 * half_width,
            HEADROOM * max(brightest, 1e-30),
            LEVEL_FRACTION * bright_level,
        )


def _project(cloud: GaussianCloud, particle: ParticleTable) -> np.ndarray:  # one cloud, one row -> (box, box)
    """The image that the model expects of a particle: same view, shift and CTF."""
    projection = simulate_images(
        cloud,
        torch.from_numpy(particle.view_matrices),
        torch.from_numpy(particle.shifts_in_angstroms),
        ctf_parameters_of(particle),
        particle.box_size,
        particle.pixel_size_in_angstroms,
    )
    return projection[0].numpy()
