"""consensus: turn the map of the finished refinement into Gaussians that fit the images."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gem_plugin.devices import set_threads
from gem_plugin.errors import InputError
from gem_plugin.gaussians.cloud import GaussianCloud
from gem_plugin.gaussians.from_map import find_density, gaussians_from_density
from gem_plugin.gaussians.volume import render_volumes
from gem_plugin.heterogeneity.consensus_fit import (
    IMAGES_FOR_GREY_SCALE,
    GreyScaleTerms,
    fit_consensus,
    fit_grey_scale,
    grey_scale_terms,
)
from gem_plugin.heterogeneity.pose_match import PoseMatch, match_poses
from gem_plugin.heterogeneity.processing_match import phases_against_stated
from gem_plugin.heterogeneity.schedule import epoch_generator
from gem_plugin.imaging.fourier import fourier_crop_volume
from gem_plugin.io.gaussian_files import GaussianArrays, write_gaussians
from gem_plugin.io.mrc.maps import write_map
from gem_plugin.io.new_files import is_same_file
from gem_plugin.io.run.files import RunFiles
from gem_plugin.notices import warn
from gem_plugin.particles.map_checks import read_matching_map, read_matching_mask
from gem_plugin.particles.prepared import load_prepared_table
from gem_plugin.particles.symmetry_check import check_symmetry_of_map
from gem_plugin.particles.views import one_view_each
from gem_plugin.progress import Progress
from gem_plugin.settings import check_settings
from gem_plugin.steps.consensus.optics import settle_optics
from gem_plugin.steps.consensus.settings import ConsensusSettings
from gem_plugin.steps.train.images import open_observations
from gem_plugin.steps.train.single_images import open_single_images

BATCH_SIZE = 64
MINIMUM_POWER = 1e-30  # of a projection without density
MINIMUM_POSE_ERRORS = 3.0  # standard errors by which own poses must beat those of others
MINIMUM_PHASE_ERRORS = 5.0  # by which the other sign of the CTF must fit better
MINIMUM_FLIP_ERRORS = 5.0  # and by which a flipped map must beat the given one to be called the right one


def run_consensus(run: RunFiles, settings: ConsensusSettings, progress: Progress) -> dict[str, Any]:
    """Write consensus/gaussians.ply and consensus/map.mrc."""
    check_settings(settings)
    _check_map_is_no_result(run, settings.map)
    set_threads(settings.threads)
    images = open_single_images(run)
    observations, table = images.observations, images.table
    box_size, pixel_size = table.box_size, table.pixel_size_in_angstroms
    with progress.waiting("Gaussians from the map"):
        volume, mask = _read_maps(run, settings, box_size)
        density = find_density(volume, settings.threshold, mask)
        width, n_gaussians = settings.gaussian_width, settings.n_gaussians
        cloud = gaussians_from_density(density, box_size, width, n_gaussians, settings.seed, progress.track)
    progress.say(f"Consensus: {len(cloud)} Gaussians above the density {density.threshold:.4g}")

    rows = images.rows
    order = rows[torch.randperm(len(rows), generator=epoch_generator(settings.seed, 0))]
    independent = torch.from_numpy(one_view_each(order.numpy(), observations.particle_indices))
    sample = independent[:IMAGES_FOR_GREY_SCALE].sort().values
    terms = grey_scale_terms(cloud, observations, sample, progress.track)
    grey_scale = fit_grey_scale(terms)
    match = match_poses(cloud, observations, sample, epoch_generator(settings.seed, 1))
    _check_contrast_of_groups(terms, images.optics_groups[sample.numpy()])
    _check_grey_scale(grey_scale, pixel_size)
    _check_hand(settings.map, match)
    _warn_when_poses_do_not_match(match)
    readings = {} if images.are_tilts else settle_optics(run, cloud, order, progress)
    if readings:
        observations = open_observations(run)[0]
        grey_scale = fit_grey_scale(grey_scale_terms(cloud, observations, sample, progress.track))
    _warn_of_other_phases(
        phases_against_stated(cloud, observations, sample, epoch_generator(settings.seed, 2))
    )
    cloud = replace(cloud, amplitudes=cloud.amplitudes * grey_scale)
    batches = _batches(order, settings.fit_images)
    losses: list[float] = []
    tracked = progress.track(batches, "Consensus fit", unit="step")
    cloud = fit_consensus(cloud, observations, tracked, len(batches), losses.append)
    with progress.waiting("map of the Gaussians"):
        _save(run, cloud, box_size, pixel_size)
    return {
        "gaussians": len(cloud),
        "threshold": float(f"{density.threshold:.6g}"),
        "grey_scale": float(f"{grey_scale:.6g}"),
        "match_in_own_poses": round(match.own, 2),
        "match_in_poses_of_others": round(match.of_others, 2),
        "fit_steps": len(batches),
        "loss": round(float(np.mean(losses[-50:])), 4) if losses else None,
        **readings,
    }


def _check_map_is_no_result(run: RunFiles, path: Path | None) -> None:
    written = run.as_users_know(run.consensus_map)
    if path is not None and is_same_file(Path(path), written):
        raise InputError(
            f"--map {path} is a file that this step writes itself, and would be destroyed. "
            "Give the map of the refinement."
        )


def _read_maps(
    run: RunFiles, settings: ConsensusSettings, box_size: int
) -> tuple[np.ndarray, np.ndarray | None]:
    """Map and mask, Fourier-cropped to the working box."""
    if settings.map is None:
        raise InputError("--map is missing; expected the consensus map of these particles (.mrc).")
    table, _, origin = load_prepared_table(run)
    original = origin.original_box_size, origin.original_pixel_size_in_angstroms

    def cropped(volume: np.ndarray) -> np.ndarray:
        return fourier_crop_volume(torch.from_numpy(volume), box_size).numpy()

    volume = cropped(read_matching_map(Path(settings.map), *original))
    check_symmetry_of_map(table.symmetry, volume, Path(settings.map))
    mask = None if settings.mask is None else cropped(read_matching_mask(Path(settings.mask), *original))
    return volume, mask


def _check_hand(path: Path | None, match: PoseMatch) -> None:
    if match.flipped_over_own > MINIMUM_FLIP_ERRORS:
        raise InputError(
            f"{path}: the images match this map better when it is flipped along {match.flipped_axis} "
            f"(by {match.flipped_over_own:.0f} standard errors). Its hand was flipped or it was moved after the refinement, or it "
            "belongs to another one. Give the map as the refinement of these particles left it; flip the results instead."
        )


def _warn_when_poses_do_not_match(match: PoseMatch) -> None:
    if match.own_over_others < MINIMUM_POSE_ERRORS:
        warn(
            f"The images match the map hardly better in their own poses ({match.own:.2f} noise standard deviations) than in "
            f"those of other particles ({match.of_others:.2f}). Are particles and map of the same refinement, and is the map "
            "where the refinement left it? The results are meaningless unless they are."
        )


def _warn_of_other_phases(better: dict[bool, float]) -> None:
    """By how many standard errors images stated as raw (True), or as processed (False), fit the map better as the other."""
    if better.get(True, 0.0) > MINIMUM_PHASE_ERRORS:
        warn(
            f"The images fit the map better with the absolute value of their CTF (by {better[True]:.0f} standard errors): their "
            "phases seem to be flipped, or they were multiplied by their CTF at extraction. The results are wrong unless the file "
            "says so: set _rlnCtfDataArePhaseFlipped or _rlnCtfDataAreCtfPremultiplied to 1 in data_optics, or extract again."
        )
    if better.get(False, 0.0) > MINIMUM_PHASE_ERRORS:
        warn(
            "The file says that images were phase-flipped or multiplied by their CTF, but they fit the map better as raw images "
            f"(by {better[False]:.0f} standard errors). Set the flags in data_optics to 0, or extract again."
        )


def _check_grey_scale(grey_scale: float, pixel_size_in_angstroms: float) -> None:
    if not grey_scale > 0:
        raise InputError(
            f"The projections of the map match the images with the factor {grey_scale:.3g}; expected a positive one. "
            f"Are the particles dark on light (use --invert-contrast), is {pixel_size_in_angstroms:.4g} A not the size of their pixels, "
            "which their CTF is made with, or do their poses belong to another map?"
        )


def _check_contrast_of_groups(terms: GreyScaleTerms, optics_groups: np.ndarray) -> None:
    """Refuse a set in which some optics groups are dark and others light."""
    scores = terms.matched / terms.explained.clamp_min(MINIMUM_POWER).sqrt()  # normal; variance 1 for noise
    errors = {  # standard errors of the mean over the group
        int(group): float(of_group.mean()) * len(of_group) ** 0.5
        for group in np.unique(optics_groups)
        if len(of_group := scores.numpy()[optics_groups == group])
    }
    dark = [group for group, error in errors.items() if error < -MINIMUM_FLIP_ERRORS]
    if dark and max(errors.values()) > MINIMUM_FLIP_ERRORS:
        named = ", ".join(map(str, dark))
        raise InputError(
            f"The images of optics group{'s' if len(dark) > 1 else ''} {named} match the map with the opposite contrast of the "
            "others. Invert their stacks (relion_image_handler --multiply_constant -1), or leave these groups out."
        )


def _batches(order: Tensor, n_images: int) -> list[Tensor]:
    """Rows of each step; the particles come round again when there are fewer than requested."""
    n_rounds = -(-n_images // len(order))
    rows = order.repeat(max(1, n_rounds))[:n_images]
    return list(rows.split(BATCH_SIZE)) if n_images else []


def _save(run: RunFiles, cloud: GaussianCloud, box_size: int, pixel_size: float) -> None:
    cloud = cloud.in_angstroms(pixel_size)
    arrays = [value.numpy() for value in (cloud.positions, cloud.amplitudes, cloud.widths)]
    write_gaussians(run.consensus_gaussians, GaussianArrays(*arrays))
    volume = render_volumes(cloud, box_size, pixel_size)[0]
    write_map(run.consensus_map, volume.numpy(), pixel_size)
