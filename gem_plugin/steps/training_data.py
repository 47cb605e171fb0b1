"""The prepared particles of a run as the observations that the engine learns from."""

import os
from typing import Any

import torch

from gem_plugin.errors import InputError
from gem_plugin.heterogeneity.evidence import N_VIEW_FEATURES
from gem_plugin.heterogeneity.observations import Observations
from gem_plugin.heterogeneity.settings import TrainSettings
from gem_plugin.imaging.ctf import CtfParameters
from gem_plugin.io.run_files import RunFiles
from gem_plugin.particles.prepared import load_prepared
from gem_plugin.particles.table import ParticleTable
from gem_plugin.progress import Progress

CTF_FIELDS = (
    "defocus_u_in_angstroms",
    "defocus_v_in_angstroms",
    "defocus_angle_in_degrees",
    "phase_shift_in_degrees",
    "b_factor_in_square_angstroms",
    "scale_factor",
    "voltage_in_kilovolts",
    "spherical_aberration_in_millimetres",
    "amplitude_contrast",
)
SHARE_OF_FREE_MEMORY = 0.5  # that cached images may take


def open_observations(run: RunFiles, is_whitened: bool = True) -> tuple[Observations, ParticleTable]:
    """Images stay on disk, in the row order of the input."""
    prepared = load_prepared(run)
    table = prepared.table
    observations = Observations(
        prepared.images,
        torch.from_numpy(table.rotation_matrices),
        torch.from_numpy(table.shifts_in_angstroms / table.pixel_size_in_angstroms),
        ctf_parameters(table),
        torch.from_numpy(prepared.noise_spectrum),
        table.pixel_size_in_angstroms,
        is_whitened,
    )
    return observations, table


def open_cached_observations(
    run: RunFiles, settings: TrainSettings, device: torch.device, progress: Progress
) -> tuple[Observations, ParticleTable]:
    """Ready to train on the device: images in memory when they fit, unless the settings say where."""
    observations, table = open_observations(run, settings.whiten)
    observations.move_to_(device)
    check_memory(settings, len(observations), observations.box_size, device)
    fits = fits_in_memory(len(observations), observations.box_size, device)
    if settings.cache == "memory" or (settings.cache == "auto" and fits):
        observations.keep_in_memory(lambda parts: progress.track(parts, "Reading images", unit="chunk"))
    return observations, table


def ctf_parameters(table: ParticleTable) -> CtfParameters:
    """The CTF columns as tensors."""
    return CtfParameters(**{name: torch.from_numpy(getattr(table, name)).float() for name in CTF_FIELDS})


def fits_in_memory(n_images: int, box_size: int, device: torch.device) -> bool:
    """Whether all images take less than half of the memory that is free now on the device that will hold them."""
    return 4 * n_images * box_size**2 < SHARE_OF_FREE_MEMORY * free_memory_in_bytes(device)


def check_memory(settings: TrainSettings, n_images: int, box_size: int, device: torch.device) -> None:
    """Raise InputError before the start when what must stay in memory is more than there is."""
    evidence = 2 * n_images * (settings.anchors + N_VIEW_FEATURES)  # half precision
    images = 4 * n_images * box_size**2 if settings.cache == "memory" else 0
    free = free_memory_in_bytes(device)
    if evidence + images > free:
        remedy = "Use --cache disk" if images > free - evidence and images else "Use fewer --anchors"
        raise InputError(
            f"{n_images} particles of {box_size} pixels need {(evidence + images) / 1e9:.1f} GB of memory on {device}, "
            f"{free / 1e9:.1f} GB are free. {remedy}, a smaller --box in prepare, or a larger machine."
        )


def free_memory_in_bytes(device: torch.device | None = None) -> float:
    """Free memory of the device (default: the CPU); endless where the system does not tell."""
    if device is not None and device.type == "cuda":
        return float(torch.cuda.mem_get_info(device)[0])
    try:
        with open("/proc/meminfo", encoding="ascii") as handle:
            fields = dict(line.split(":", 1) for line in handle)
        return 1024 * float(fields["MemAvailable"].split()[0])
    except (OSError, KeyError, ValueError):
        return float("inf")


def choose_device(wanted: str) -> torch.device:
    """auto, cpu, cuda or cuda:N. Raises InputError for a device that is not there."""
    if wanted == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(wanted)
    except RuntimeError as error:
        raise InputError(f"--device is {wanted!r}; expected auto, cpu, cuda or cuda:N.") from error
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise InputError(
            f"--device is {wanted}, but this machine offers {torch.cuda.device_count()} CUDA devices. "
            "Use --device cpu, or check the driver with nvidia-smi."
        )
    if device.type not in ("cpu", "cuda"):
        raise InputError(f"--device is {wanted!r}; expected auto, cpu, cuda or cuda:N.")
    return device


def set_threads(wanted: int | None) -> int:
    """Use this many CPU threads in torch and Numba; default: the processors that this process may use."""
    import numba

    n_processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    n_threads = wanted or int(os.environ.get("OMP_NUM_THREADS") or n_processors)
    torch.set_num_threads(n_threads)
    numba.set_num_threads(min(n_threads, n_processors))
    return n_threads


def plain(record: Any) -> dict[str, Any]:
    """A dataclass as a dictionary with short numbers, for summaries and tables."""
    return {
        name: round(value, 6) if isinstance(value, float) else value for name, value in vars(record).items()
    }
