"""diagnose: check a run for everything that is known to go wrong.

diagnostics.json is {"diagnostics": [{name, value, threshold, verdict, is_bad, sentence, advice}, ...]}:
verdict is "good", "bad" or "not measured" (value null). The report shows it.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gem_plugin.heterogeneity.agreement import latent_agreement
from gem_plugin.io.array_files import read_array
from gem_plugin.io.mrc.maps import read_map
from gem_plugin.io.run.files import RunFiles
from gem_plugin.io.run.names import state_name, state_number
from gem_plugin.io.run.reconstruct_files import CONTROL_NAME, WHOLE_NAME
from gem_plugin.io.run.settings import GENERAL_TABLE
from gem_plugin.io.whole_files import write_text_whole
from gem_plugin.landscape.checks import latents as of_latents
from gem_plugin.landscape.checks import particles as of_particles
from gem_plugin.landscape.checks import states as of_states
from gem_plugin.landscape.checks.diagnostic import Diagnostic, not_measured
from gem_plugin.particles.prepared import PreparedData
from gem_plugin.progress import Progress
from gem_plugin.results.components import VolumeComponents
from gem_plugin.results.masks import original_grid, read_mask_on_grid
from gem_plugin.results.recognise import check_is_run
from gem_plugin.results.run import Run
from gem_plugin.steps.diagnose.settings import DiagnoseSettings


def run_diagnose(files: RunFiles, settings: DiagnoseSettings, progress: Progress) -> dict[str, Any]:
    """Write diagnostics.json and say every bad finding."""
    run = Run(files)
    _check_inputs(run, settings)
    generator = np.random.default_rng(settings.seed)
    found = [
        *_diagnose_particles(run, generator, progress),
        *_diagnose_training(run, settings, generator, progress),
    ]
    with progress.waiting("states and masks"):
        found += [*_diagnose_states(run, generator), *_diagnose_masks(run, settings)]
    content = {"diagnostics": [one.as_plain() for one in found]}
    write_text_whole(files.diagnostics, json.dumps(content, indent=2) + "\n")
    bad = [one for one in found if one.is_bad]
    for one in bad:
        progress.say(f"{one.name.upper()}: {one.sentence} {one.advice}")
    unknown = sum(one.value is None for one in found)
    return {"checks": len(found), "bad": len(bad), "not_measured": unknown}


def _diagnose_particles(run: Run, generator: np.random.Generator, progress: Progress) -> list[Diagnostic]:
    """Latents against pose and defocus, and the half-sets."""
    prepared = run.images()
    is_used = prepared.is_used
    if run.is_in_states.any():  # outliers have latents that mean nothing
        is_used = is_used & run.is_in_states
    table, latents = prepared.table.take(np.flatnonzero(is_used)), run.latents[is_used]
    directions, in_plane_angles = of_latents.view_bins(table.rotation_matrices)
    defocus = of_latents.equal_bins(table.defocus_u_in_angstroms + table.defocus_v_in_angstroms)
    shifts = of_latents.equal_bins(np.linalg.norm(table.shifts_in_angstroms, axis=1))
    groups = {"defocus": defocus, "viewing direction": directions, "in-plane angle (psi)": in_plane_angles}
    groups["distance from the image centre"] = shifts
    if run.files.contrasts.is_file():
        groups["contrast of the particles"] = of_latents.equal_bins(run.column("contrast")[is_used])
    tracked = progress.track(list(groups.items()), "latents against poses and CTF", unit="check")
    particles = table.particle_indices
    found = [of_latents.check_dependence(name, latents, of, generator, particles) for name, of in tracked]
    found += of_latents.check_half_sets(table.half_sets, _fingerprints(prepared, progress)[is_used])
    return found + _diagnose_outliers_and_poses(run)


def _diagnose_outliers_and_poses(run: Run) -> list[Diagnostic]:
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


def _diagnose_training(
    run: Run, settings: DiagnoseSettings, generator: np.random.Generator, progress: Progress
) -> list[Diagnostic]:
    found = of_latents.training_checks(run.history, run.summary("train"))
    if settings.other_run is None:
        why = "No second training was given."
        advice = "Train again with another --seed, then gem-em diagnose RUN --other-run RUN2."
        return [
            *found,
            not_measured("latents differ between trainings", of_latents.MINIMUM_AGREEMENT, why, advice),
        ]
    latents, others = run.latents, Run(settings.other_run).latents
    with progress.waiting("agreement of the latents"):
        particles = run.particles.particle_indices if run.is_prepared else None
        agreement = latent_agreement(latents, others, generator, particles)
    return [*found, of_latents.check_agreement(*agreement)]


def _diagnose_states(run: Run, generator: np.random.Generator) -> list[Diagnostic]:
    landscape = run.files.landscape
    if not landscape.state_labels.is_file():
        return _states_against_noise(run, ())
    labels = read_array(landscape.state_labels, "gem-em landscape")
    distances = VolumeComponents.load_distances(landscape)
    linkage = str(run.summary("landscape").get("linkage", "ward"))
    return [
        *of_states.check_stability(distances, labels, linkage, generator, _particles_of_maps(run)),
        *_states_against_noise(run, [int(one) for one in np.unique(labels) if one > 0]),
        *_state_sizes(run),
    ]


def _particles_of_maps(run: Run) -> np.ndarray | None:  # (k,) int64
    """The particle that each map of the sketch was decoded for; None where every row is a particle of its own."""
    if not run.is_prepared or len(np.unique(run.particles.particle_indices)) == run.n_particles:
        return None
    return run.particles.particle_indices[run.sketch().rows]


def _states_against_noise(run: Run, numbers: Sequence[int]) -> list[Diagnostic]:
    """From the maps that reconstruct made of the particles."""
    table = run.reconstructed_maps()
    if not table:
        why = "The states were not reconstructed from their particles."
        return [
            not_measured(
                "states may be noise", of_states.MINIMUM_Z_SCORE, why, "Run gem-em reconstruct RUN first."
            )
        ]
    found = [
        not_measured(
            f"state {number} may be noise",
            of_states.MINIMUM_Z_SCORE,
            "It has no particles in one of the half-sets, or was not reconstructed.",
            "Request fewer states (-M), or run gem-em reconstruct RUN again.",
        )
        for number in numbers
        if state_name(number) not in table
    ]
    for name, row in table.items():
        if "difference_z_score" not in row:
            continue
        correlation, z_score = row["difference_correlation"], row["difference_z_score"]
        if name == CONTROL_NAME:
            found.append(_control(z_score))
        else:
            title = f"state {state_number(name)}"
            found += of_states.check_against_noise(
                title, correlation, z_score, row.get("decoded_difference_agreement")
            )
    return found


def _control(z_score: float) -> Diagnostic:
    return Diagnostic(
        "half-maps share noise",
        abs(z_score),
        of_states.MINIMUM_Z_SCORE,
        abs(z_score) >= of_states.MINIMUM_Z_SCORE,
        f"For a random subset the half-differences agree by {z_score:.1f} standard errors; nothing real can agree there.",
        "The half-sets are not independent: look for duplicate particles, and for half-sets made after the refinement.",
    )


def _state_sizes(run: Run) -> list[Diagnostic]:
    states, maps = run.states(), _state_maps(run)
    curve = run.half_map_curves(WHOLE_NAME).get("corrected")
    if not maps or curve is None:
        return []
    counts = {number: int((states.labels == number).sum()) for number in maps}
    mean = np.average([maps[number] for number in maps], axis=0, weights=[counts[number] for number in maps])
    if 2 * len(curve) != len(mean):
        return []
    return [
        of_states.check_size(
            f"state {number}",
            counts[number],
            of_states.particles_needed(curve, int(run.is_in_states.sum()), mean, maps[number] - mean),
        )
        for number in maps
    ]


def _check_inputs(run: Run, settings: DiagnoseSettings) -> None:
    """Refuse a mask or another run that does not fit, before any work."""
    if settings.other_run is not None:
        check_is_run(settings.other_run)
    if settings.mask is not None:
        _mask_on_grid(run, settings.mask)


def _mask_on_grid(run: Run, path: Path) -> np.ndarray:  # (d, d, d) float32
    """On the grid of the states; before there are any, on that of the images."""
    original = original_grid(run.files)
    if run.state_maps:
        grid = read_map(next(iter(run.state_maps.values())))
        return read_mask_on_grid(path, len(grid.volume), grid.pixel_size_in_angstroms, original)
    table = run.particles
    return read_mask_on_grid(path, table.box_size, table.pixel_size_in_angstroms, original)


def _diagnose_masks(run: Run, settings: DiagnoseSettings) -> list[Diagnostic]:
    """The mask that was given, else that of the consensus step, against the decoded states."""
    name = "consensus mask"
    path = settings.mask or _recorded_mask(run)
    maps = _state_maps(run)
    if path is None or not Path(path).is_file() or not maps:
        why = "No mask was used, or there are no states."
        return [
            not_measured(
                f"{name} cuts through motion", of_states.MAXIMUM_FRACTION_OUTSIDE, why, "Give --mask."
            )
        ]
    fitted = _mask_on_grid(run, Path(path))
    return [of_states.check_mask(name, fitted, maps)]


def _recorded_mask(run: Run) -> Path | None:
    for step in ("consensus", "prepare"):
        if mask := run.settings(step).get("mask"):
            return Path(run.settings(GENERAL_TABLE).get("working_folder", ".")) / mask
    return None


def _state_maps(run: Run) -> dict[int, np.ndarray]:
    return {number: read_map(path).volume for number, path in run.state_maps.items()}
