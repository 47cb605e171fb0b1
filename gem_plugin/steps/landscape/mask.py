"""The mask of the landscape: given, kept, or automatic."""

import numpy as np

from gem_plugin.errors import InputError
from gem_plugin.io.mrc.maps import write_map
from gem_plugin.landscape.mask import (
    VolumeScan,
    automatic_threshold,
    check_mask,
    make_mask,
)
from gem_plugin.results.masks import original_grid, read_mask_on_grid
from gem_plugin.steps.landscape.job import LandscapeJob

LEVEL_OF_GAUSSIANS = 0.1  # such maps have no noise, and an arm that moves is often much fainter than the rest


LEVEL_OF_CRYODRGN = 0.5


def read_given_mask(job: LandscapeJob) -> np.ndarray | None:  # (d, d, d) float32; None: the automatic one
    """The mask that was given, or the one in the folder, on the grid of the maps; read before any work."""
    source, files, settings = job.source, job.files, job.settings
    if settings.skip_mask:
        if not files.mask.is_file():
            raise InputError(f"--skip-mask: there is no {files.mask}. Leave --skip-mask out.")
        return read_mask_on_grid(files.mask, source.box_size, source.pixel_size_in_angstroms)
    if settings.mask is None:
        return None
    original = original_grid(job.run)
    return read_mask_on_grid(settings.mask, source.box_size, source.pixel_size_in_angstroms, original)


def find_mask(
    job: LandscapeJob,
    scan: VolumeScan,
    given: np.ndarray | None,  # by read_given_mask
) -> np.ndarray:  # (d, d, d) float32
    """The mask that was given, or the automatic one; written in either case."""
    source, files, settings = job.source, job.files, job.settings
    mask = given
    if mask is None:
        threshold = _threshold(job, scan) if settings.thresh is None else settings.thresh
        mask = make_mask(
            scan.brightest, threshold, source.pixel_size_in_angstroms, settings.dilate, settings.cosine_edge
        )
        check_mask(mask, source.box_size)
    write_map(files.mask, mask, source.pixel_size_in_angstroms)
    return mask


def _threshold(job: LandscapeJob, scan: VolumeScan) -> float:
    level = job.settings.mask_level
    if level is None:
        level = LEVEL_OF_GAUSSIANS if job.source.clouds_at is not None else LEVEL_OF_CRYODRGN
    return automatic_threshold(scan, level)
