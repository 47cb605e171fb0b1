"""The prepared particles of a run as the observations that the engine learns from."""

from functools import partial
from typing import Any

import numpy as np
import torch

from gem_plugin.devices import free_memory_in_bytes
from gem_plugin.errors import InputError
from gem_plugin.heterogeneity.encoder.anchor_scores import N_VIEW_FEATURES
from gem_plugin.heterogeneity.image_owners import ImagesOfParticles
from gem_plugin.heterogeneity.observations import Observations
from gem_plugin.heterogeneity.settings import TrainSettings
from gem_plugin.io.run.excluded import used_particles
from gem_plugin.io.run.files import RunFiles
from gem_plugin.particles.ctf_parameters import ctf_parameters_of
from gem_plugin.particles.prepared import PreparedData, PreparedTilts, load_prepared
from gem_plugin.particles.table import ParticleTable
from gem_plugin.processes.launched import n_local_processes
from gem_plugin.progress import Progress

FRACTION_OF_FREE_MEMORY = 0.5  # that cached images may take
FRACTION_OF_FREE_MEMORY_OF_A_GPU = 0.75  # where nothing else than this training needs it


def open_observations(run: RunFiles, is_whitened: bool = True) -> tuple[Observations, ParticleTable]:
    """Images stay on disk, in the row order of the input."""
    prepared = load_prepared(run)
    return observations_of(prepared, is_whitened), prepared.table


def observations_of(prepared: PreparedData, is_whitened: bool = True) -> Observations:
    """The prepared particles as the engine takes them; those of tilt series own their images."""
    if prepared.tilts is not None:
        return observations_of_tilts(prepared, prepared.tilts, is_whitened)
    table = prepared.table
    return Observations(
        prepared.images,
        torch.from_numpy(table.view_matrices),
        torch.from_numpy(table.shifts_in_angstroms / table.pixel_size_in_angstroms),
        ctf_parameters_of(table),
        torch.from_numpy(prepared.noise_spectrum),
        table.pixel_size_in_angstroms,
        is_whitened,
        table.image_indices,
        table.particle_indices,
        torch.from_numpy(table.noise_rows),
    )


def observations_of_tilts(
    prepared: PreparedData, tilts: PreparedTilts, is_whitened: bool = True, are_single: bool = False
) -> Observations:
    """Particles that own their tilt images; or, where they are single, every image as a particle of its own."""
    images, pixel_size = tilts.particles.images, prepared.table.pixel_size_in_angstroms
    particles = prepared.table.particle_indices
    return Observations(
        tilts.images,
        torch.from_numpy(images.rotation_matrices),
        torch.from_numpy(images.shifts_in_angstroms / pixel_size),
        images.ctf_parameters(),
        torch.from_numpy(prepared.noise_spectrum),
        pixel_size,
        is_whitened,
        images.image_indices,
        particles[images.particle_indices] if are_single else particles,
        noise_levels=torch.from_numpy(tilts.noise_levels),
        owned=None if are_single else ImagesOfParticles(tilts.particles.first_images),
    )


def check_for_tilt_series(settings: TrainSettings) -> None:
    """Refuse what training cannot do with particles of several images."""
    if settings.loss != "squared":
        raise InputError(
            f"--loss {settings.loss} works with single particles only; tilt series need the squared loss. Leave it out."
        )


def rows_used(run: RunFiles, n_particles: int) -> torch.Tensor:  # (k,) int64
    """The particles that may train: all but the excluded ones."""
    return torch.from_numpy(np.flatnonzero(used_particles(run, n_particles)))


def open_cached_observations(
    run: RunFiles, settings: TrainSettings, device: torch.device, progress: Progress
) -> tuple[Observations, ParticleTable]:
    """Ready to train on the device: images in memory when they fit, unless the settings say where."""
    observations, table = open_observations(run, settings.whiten)
    observations.move_to_(device)
    check_memory(settings, len(observations), observations.n_matched, observations.box_size, device)
    dtype = precision_in_memory(observations.n_matched, observations.box_size, device)
    if settings.cache == "memory":
        dtype = dtype or precisions_on(device)[-1]
    if dtype is not None and settings.cache != "disk":
        track = partial(progress.track, description="Reading images", unit="chunk")
        observations.keep_in_memory(track, dtype)
    return observations, table


def bytes_in_memory(n_images: int, box_size: int, dtype: torch.dtype = torch.float32) -> int:
    """Of matched images with their squared CTF in half precision."""
    return n_images * box_size * (dtype.itemsize * box_size + 2 * (box_size // 2 + 1))


def precisions_on(device: torch.device) -> tuple[torch.dtype, ...]:
    """How images may be kept in memory, best first: a GPU reads half precision as fast, CPUs do not."""
    return (torch.float32, torch.float16) if device.type == "cuda" else (torch.float32,)


def precision_in_memory(n_images: int, box_size: int, device: torch.device) -> torch.dtype | None:
    """The best precision in which all images fit well into the memory that is free now on the device; None: in none."""
    fraction = FRACTION_OF_FREE_MEMORY_OF_A_GPU if device.type == "cuda" else FRACTION_OF_FREE_MEMORY
    free = fraction * _memory_of_this_process(device)
    return next(
        (one for one in precisions_on(device) if bytes_in_memory(n_images, box_size, one) < free), None
    )


def _memory_of_this_process(device: torch.device) -> float:
    """Free bytes on the device; processes of one machine share its memory, each has a GPU of its own."""
    free = free_memory_in_bytes(device)
    return free if device.type == "cuda" else free / n_local_processes()


def check_memory(
    settings: TrainSettings,
    n_particles: int,
    n_images: int,  # fewer where several particles are views of one image
    box_size: int,
    device: torch.device,
) -> None:
    """Raise InputError before the start when what must stay in memory is more than there is."""
    encoder_inputs = 2 * n_particles * (settings.anchors + N_VIEW_FEATURES)  # half precision
    images = 0
    if settings.cache == "memory":
        images = bytes_in_memory(n_images, box_size, precisions_on(device)[-1])
    free = _memory_of_this_process(device)
    if encoder_inputs + images > free:
        counted = "particles" if n_images == n_particles else f"views, {n_images} images,"
        remedy = "Use --cache disk" if images > free - encoder_inputs and images else "Use fewer --anchors"
        raise InputError(
            f"{n_particles} {counted} of {box_size} pixels need {(encoder_inputs + images) / 1e9:.1f} GB of memory on {device}, "
            f"{free / 1e9:.1f} GB are free. {remedy}, a smaller --box in prepare, or a larger machine."
        )


def plain(record: Any) -> dict[str, Any]:
    """A dataclass as a dictionary with short numbers, for summaries and tables."""
    return {
        name: round(value, 6) if isinstance(value, float) else value for name, value in vars(record).items()
    }
