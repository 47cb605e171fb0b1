"""diagnose: hold a run against everything that is known to go wrong, and say what was found.

diagnostics.json is {"diagnostics": [{name, value, threshold, verdict, is_bad, sentence, advice}, ...]}:
verdict is "good", "bad" or "not measured" (value null). The report shows it.
"""

import csv
import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gem_plugin.heterogeneity.agreement import latent_agreement
from gem_plugin.io.array_files import read_array
from gem_plugin.io.mrc.maps import read_map
from gem_plugin.io.run.files import RunFiles
from gem_plugin.io.run.landscape_files import LandscapeFiles
from gem_plugin.io.run.reconstruct_files import CONTROL_NAME, ReconstructFiles
from gem_plugin.io.run.settings import read_run_settings, read_summary
from gem_plugin.io.whole_files import write_text_whole
from gem_plugin.landscape.checks import latents as of_latents
from gem_plugin.landscape.checks import states as of_states
from gem_plugin.landscape.checks.diagnostic import Diagnostic, not_measured
from gem_plugin.landscape.mask import fit_mask_to_grid
from gem_plugin.particles.prepared import load_prepared
from gem_plugin.progress import Progress
from gem_plugin.results.decoder import read_latents
from gem_plugin.steps.diagnose.settings import DiagnoseSettings
from gem_plugin.steps.reconstruct.half_maps import read_map_table

FILE_NAME = "diagnostics.json"


def run_diagnose(run: RunFiles, settings: DiagnoseSettings, progress: Progress) -> dict[str, Any]:
    """Write diagnostics.json and say every bad finding."""
    generator = np.random.default_rng(settings.seed)
    found = [
        *_diagnose_particles(run, generator, progress),
        *_diagnose_training(run, settings, generator, progress),
    ]
    with progress.waiting("states and masks"):
        found += [*_diagnose_states(run, generator), *_diagnose_masks(run, settings)]
    content = {"diagnostics": [one.as_plain() for one in found]}
    write_text_whole(run.root / FILE_NAME, json.dumps(content, indent=2) + "\n")
    bad = [one for one in found if one.is_bad]
    for one in bad:
        progress.say(f"{one.name.upper()}: {one.sentence} {one.advice}")
    unknown = sum(one.value is None for one in found)
    return {"checks": len(found), "bad": len(bad), "not_measured": unknown}


def _diagnose_particles(
    run: RunFiles, generator: np.random.Generator, progress: Progress
) -> list[Diagnostic]:
    """Latents against pose and defocus, and the half-sets."""
    prepared, latents = load_prepared(run), read_latents(run)
    table = prepared.table
    directions, turns = of_latents.view_bins(table.rotation_matrices)
    defocus = of_latents.equal_bins(table.defocus_u_in_angstroms + table.defocus_v_in_angstroms)
    shifts = of_latents.equal_bins(np.linalg.norm(table.shifts_in_angstroms, axis=1))
    groups = {"defocus": defocus, "viewing direction": directions, "turn in the image plane": turns}
    groups["distance from the image centre"] = shifts
    if run.contrasts.is_file():
        groups["contrast of the particles"] = of_latents.equal_bins(read_array(run.contrasts, "gem-em train"))
    told = progress.track(list(groups.items()), "latents against poses and CTF", unit="check")
    found = [of_latents.check_dependence(name, latents, of, generator) for name, of in told]
    return found + of_latents.check_half_sets(table.half_sets, _fingerprints(prepared.images, progress))


def _fingerprints(images: np.ndarray, progress: Progress) -> np.ndarray:  # (n,)
    """The middle row of every image as one number; reading whole images would take as long as training."""
    middle = images.shape[1] // 2
    values = [
        hash(images[row, middle].tobytes())
        for row in progress.track(range(len(images)), "images", unit="image")
    ]
    return np.array(values)


def _diagnose_training(
    run: RunFiles, settings: DiagnoseSettings, generator: np.random.Generator, progress: Progress
) -> list[Diagnostic]:
    found = of_latents.training_checks(_columns(run.history), read_summary(run).get("train", {}))
    if settings.other_run is None:
        why = "No second training was given."
        advice = "Train again with another --seed, then gem-em diagnose RUN --other-run RUN2."
        return [
            *found,
            not_measured("latents differ between trainings", of_latents.MINIMUM_AGREEMENT, why, advice),
        ]
    latents, others = read_latents(run), read_latents(RunFiles(settings.other_run))
    with progress.waiting("agreement of the latents"):
        agreement = latent_agreement(latents, others, generator)
    return [*found, of_latents.check_agreement(*agreement)]


def _diagnose_states(run: RunFiles, generator: np.random.Generator) -> list[Diagnostic]:
    landscape, files = LandscapeFiles(run.landscape), ReconstructFiles(run.root / "reconstruct")
    if not landscape.state_labels.is_file():
        return _state_support(files, ())
    labels = read_array(landscape.state_labels, "gem-em landscape")
    distances = read_array(landscape.distances, "gem-em landscape")
    linkage = str(read_summary(run).get("landscape", {}).get("linkage", "ward"))
    return [
        *of_states.check_stability(distances, labels, linkage, generator),
        *_state_support(files, [int(one) for one in np.unique(labels) if one > 0]),
        *_state_sizes(landscape, files),
    ]


def _state_support(files: ReconstructFiles, numbers: Sequence[int]) -> list[Diagnostic]:
    """From the maps that reconstruct made of the particles."""
    if not files.table.is_file():
        why = "The states were not reconstructed from their particles."
        return [
            not_measured(
                "states may be noise", of_states.MINIMUM_Z_SCORE, why, "Run gem-em reconstruct RUN first."
            )
        ]
    table = read_map_table(files.table)
    found = [
        not_measured(
            f"state {number} may be noise",
            of_states.MINIMUM_Z_SCORE,
            "It has no particles in one of the half-sets, or was not reconstructed.",
            "Ask for fewer states, or run gem-em reconstruct RUN again.",
        )
        for number in numbers
        if f"state_{number:03d}" not in table
    ]
    for name, row in table.items():
        if "difference_z_score" not in row:
            continue
        correlation, z_score = row["difference_correlation"], row["difference_z_score"]
        if name == CONTROL_NAME:
            found.append(_control(z_score))
        else:
            title = f"state {int(name.split('_')[1])}"
            found += of_states.check_support(
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


def _state_sizes(landscape: LandscapeFiles, files: ReconstructFiles) -> list[Diagnostic]:
    states = read_array(landscape.particle_states, "gem-em landscape")
    maps = _state_maps(landscape, int(states.max()))
    if not maps or not files.curves("all").is_file():
        return []
    counts = {number: int((states == number).sum()) for number in maps}
    curve = _columns(files.curves("all"))["corrected"]
    mean = np.average([maps[number] for number in maps], axis=0, weights=[counts[number] for number in maps])
    if 2 * len(curve) != len(mean):
        return []
    return [
        of_states.check_size(
            f"state {number}",
            counts[number],
            of_states.particles_needed(curve, len(states), mean, maps[number] - mean),
        )
        for number in maps
    ]


def _diagnose_masks(run: RunFiles, settings: DiagnoseSettings) -> list[Diagnostic]:
    """The mask that was given, else that of the consensus step, against the decoded states."""
    name = "consensus mask"
    path = settings.mask or _recorded_mask(run)
    landscape = LandscapeFiles(run.landscape)
    maps = _state_maps(landscape, len(list(landscape.states.glob("state_*_mean.mrc"))))
    if path is None or not Path(path).is_file() or not maps:
        why = "No mask was used, or there are no states."
        return [
            not_measured(
                f"{name} cuts through motion", of_states.MAXIMUM_FRACTION_OUTSIDE, why, "Give --mask."
            )
        ]
    mask, some = read_map(Path(path)), landscape.state_file(next(iter(maps)), "mean.mrc")
    grid = read_map(some)
    fitted = fit_mask_to_grid(
        mask.volume, mask.pixel_size_in_angstroms, len(grid.volume), grid.pixel_size_in_angstroms
    )
    return [of_states.check_mask(name, fitted, maps)]


def _recorded_mask(run: RunFiles) -> Path | None:
    recorded = read_run_settings(run)
    for step in ("consensus", "prepare"):
        if recorded.get(step, {}).get("mask"):
            return Path(recorded["gem"].get("working_folder", ".")) / recorded[step]["mask"]
    return None


def _state_maps(landscape: LandscapeFiles, n_states: int) -> dict[int, np.ndarray]:
    paths = {number: landscape.state_file(number, "mean.mrc") for number in range(1, n_states + 1)}
    return {number: read_map(path).volume for number, path in paths.items() if path.is_file()}


def _columns(path: Path) -> dict[str, np.ndarray]:
    """A csv file of numbers by column; empty where it does not exist."""
    if not path.is_file():
        return {}
    with open(path, encoding="utf-8", newline="") as handle:
        rows = list(csv.DictReader(handle))
    names = list(rows[0]) if rows else []
    return {name: np.array([float(row[name] or math.nan) for row in rows]) for name in names}
