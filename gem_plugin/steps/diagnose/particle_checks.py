"""The checks of particles, latents and training: what they follow, half-sets, outliers, poses, and a second training."""

from pathlib import Path

import numpy as np

from gem_plugin.heterogeneity.agreement import latent_agreement
from gem_plugin.landscape.checks import latents as of_latents
from gem_plugin.landscape.checks import particles as of_particles
from gem_plugin.landscape.checks.diagnostic import Diagnostic, not_measured
from gem_plugin.particles.prepared import PreparedData
from gem_plugin.progress import Progress
from gem_plugin.results.run import Run
from gem_plugin.results.tilt_columns import tilt_numbers

SHUFFLES_OF_A_QUICK_CHECK = 20
PARTICLES_OF_A_QUICK_CHECK = 5_000


def check_particles(run: Run, generator: np.random.Generator, progress: Progress) -> list[Diagnostic]:
    """Latents against pose and defocus, and the half-sets with their images."""
    prepared = run.images()
    is_used = _counted(run)
    fingerprints = _fingerprints(prepared, progress)[is_used]
    return [
        *_check_dependence(run, is_used, generator, progress, None, None),
        *of_latents.check_half_sets(prepared.table.half_sets[is_used], fingerprints),
        *_check_outliers_and_poses(run),
    ]


def quick_particle_checks(run: Run, generator: np.random.Generator, progress: Progress) -> list[Diagnostic]:
    """The same on fewer particles, without a look at the images."""
    is_used = _counted(run)
    size = PARTICLES_OF_A_QUICK_CHECK, SHUFFLES_OF_A_QUICK_CHECK
    return [
        *_check_dependence(run, is_used, generator, progress, *size),
        of_latents.check_half_sets_are_given(run.particles.half_sets[is_used]),
        *_check_outliers_and_poses(run),
    ]


def check_training(
    run: Run, other_run: Path | None, generator: np.random.Generator, progress: Progress
) -> list[Diagnostic]:
    """What history.csv and the summary show, and the agreement with a second training."""
    found = of_latents.training_checks(run.history, run.summary("train"))
    if other_run is None:
        why = "No second training was given."
        advice = "Train again with another --seed, then gem-em diagnose RUN --other-run RUN2."
        return [
            *found,
            not_measured("latents differ between trainings", of_latents.MINIMUM_AGREEMENT, why, advice),
        ]
    latents, others = run.latents, Run(other_run).latents
    with progress.waiting("agreement of the latents"):
        particles = run.particles.particle_indices if run.is_prepared else None
        agreement = latent_agreement(latents, others, generator, particles)
    return [*found, of_latents.check_agreement(*agreement)]


def _counted(run: Run) -> np.ndarray:  # (n,) bool
    """Outliers have latents that mean nothing."""
    return run.is_in_states if run.is_in_states.any() else run.is_used


def _check_dependence(
    run: Run,
    is_used: np.ndarray,  # (n,) bool
    generator: np.random.Generator,
    progress: Progress,
    n_particles: int | None,  # that are looked at; None: as many as the check takes
    n_shuffles: int | None,
) -> list[Diagnostic]:
    rows = np.flatnonzero(is_used)
    table, latents = run.particles.take(rows), run.latents[rows]
    directions, in_plane_angles = of_latents.view_bins(table.rotation_matrices)
    defocus = of_latents.equal_bins(table.defocus_u_in_angstroms + table.defocus_v_in_angstroms)
    shifts = of_latents.equal_bins(np.linalg.norm(table.shifts_in_angstroms, axis=1))
    groups = {"defocus": defocus, "viewing direction": directions, "in-plane angle (psi)": in_plane_angles}
    groups["distance from the image centre"] = shifts
    tilts = tilt_numbers(run.files)
    if tilts is not None:
        groups["tomogram"] = tilts.tomograms[rows]
        groups["number of tilt images"] = of_latents.equal_bins(tilts.image_counts[rows])
        groups["mean dose of the tilt images"] = of_latents.equal_bins(tilts.mean_doses[rows])
        groups["mean tilt of the images"] = of_latents.equal_bins(tilts.mean_tilts_in_degrees[rows])
    if run.files.contrasts.is_file():
        groups["contrast of the particles"] = of_latents.equal_bins(run.column("contrast")[rows])
    tracked = progress.track(list(groups.items()), "latents against poses and CTF", unit="check")
    size = of_latents.SampleSize(
        n_particles or of_latents.MAXIMUM_PARTICLES, n_shuffles or of_latents.N_SHUFFLES
    )
    return [
        of_latents.check_dependence(name, latents, of, generator, table.particle_indices, size)
        for name, of in tracked
    ]


def _check_outliers_and_poses(run: Run) -> list[Diagnostic]:
    """What training found of each particle; not of those that prepare excluded."""
    used, probabilities, poses = run.is_used, run.outliers, run.refined_poses
    is_outlier = None if probabilities is None else run.is_outlier[used]
    found = [of_particles.check_outliers(is_outlier)]
    if is_outlier is not None:
        table = run.particles
        found += of_particles.check_concentration(
            "image stacks", is_outlier, table.stack_names[used].astype(str)
        )
        found += of_particles.check_concentration("optics groups", is_outlier, table.optics_groups[used])
    were_right = run.summary("train").get("pose_spread_in_degrees") == 0
    return [*found, of_particles.check_poses(None if poses is None else poses.take(used), were_right)]


def _fingerprints(prepared: PreparedData, progress: Progress) -> np.ndarray:  # (n,)
    """The middle row of each row's image as one number; reading whole images would take as long as training."""
    middle, image_indices = prepared.images.shape[1] // 2, prepared.table.image_indices
    _, first_rows = np.unique(image_indices, return_index=True)
    values = [
        hash(prepared.images[row, middle].tobytes())
        for row in progress.track(first_rows.tolist(), "images", unit="image")
    ]
    return np.array(values)[image_indices]
