"""The decoder of a run, found in one place: the model trained here, or the cryoDRGN run that its landscape was made of."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gem_plugin.io.run.files import RunFiles
from gem_plugin.io.run.settings import read_run_settings
from gem_plugin.landscape.volume_source import VolumeSource

USUAL_LARGEST_BOX_SIZE = 128  # of landscape maps, where the settings were not recorded


@dataclass(frozen=True)
class MapGrid:
    """How maps are decoded: never larger than the model's own box."""

    largest_box_size: int | None = None  # default: the model's
    pixel_size_in_angstroms: float | None = (
        None  # default: the model's; overrides it for headers and masks only
    )
    is_flipped: bool = False  # mirrored along z: the other hand


@dataclass(frozen=True)
class CryodrgnEpoch:
    """One epoch of a run of cryoDRGN, which a landscape can be made of."""

    work_folder: Path
    epoch: str


def open_decoder(run: RunFiles, grid: MapGrid | None = None, devices: str = "cpu") -> VolumeSource:
    """Latents and decoder of a run as its landscape used them, on the given grid or else that of its landscape.

    Several devices, divided by commas, share the decoding. Raises InputError when there is no model yet.
    """
    return decoder_of(run, recorded_cryodrgn(run), grid or grid_of_landscape(run), devices)


def decoder_of(
    run: RunFiles, cryodrgn: CryodrgnEpoch | None, grid: MapGrid, devices: str = "cpu"
) -> VolumeSource:
    """The decoder of an epoch of cryoDRGN, or without one the run's own."""
    size, pixel_size, flip = grid.largest_box_size, grid.pixel_size_in_angstroms, grid.is_flipped
    if cryodrgn is not None:
        from gem_plugin.results.cryodrgn_decoder import open_cryodrgn_source

        size = size or USUAL_LARGEST_BOX_SIZE
        return open_cryodrgn_source(cryodrgn.work_folder, cryodrgn.epoch, size, pixel_size, flip, devices)
    from gem_plugin.results.gem_decoder import open_volume_source

    return open_volume_source(run, size, pixel_size, flip, devices)


def recorded_cryodrgn(run: RunFiles) -> CryodrgnEpoch | None:
    """The epoch of cryoDRGN that the landscape of a run was made of; None for runs of our own."""
    recorded = _landscape_settings(run)
    if "workdir" not in recorded or "epoch" not in recorded:
        return None
    return CryodrgnEpoch(Path(recorded["workdir"]), str(recorded["epoch"]))


def grid_of_landscape(run: RunFiles) -> MapGrid:
    """The grid on which the landscape of a run was made."""
    recorded = _landscape_settings(run)
    return MapGrid(
        recorded.get("downsample", USUAL_LARGEST_BOX_SIZE), recorded.get("apix"), recorded.get("flip", False)
    )


def _landscape_settings(run: RunFiles) -> dict[str, Any]:
    return read_run_settings(run).get("landscape", {})
