"""The checks that a run does by itself when it has states: quick ones, so that every state stands there with a verdict.

They go into checks.csv. Long ones that diagnose or reconstruct made for the same latents and states stay.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace

import numpy as np

from gem_plugin.devices import choose_device, free_memory_in_bytes
from gem_plugin.errors import InputError
from gem_plugin.io.run.outliers import particles_in_states
from gem_plugin.landscape.checks import states as of_states
from gem_plugin.landscape.checks.diagnostic import Diagnostic, not_measured
from gem_plugin.landscape.checks.known_checks import done_in_words
from gem_plugin.landscape.checks.latents import training_checks
from gem_plugin.landscape.checks.state_verdicts import KINDS
from gem_plugin.results.checks import QUICK, RunChecks
from gem_plugin.results.refined_poses import prepared_in_refined_poses
from gem_plugin.results.run import Run
from gem_plugin.steps.diagnose.particle_checks import quick_particle_checks
from gem_plugin.steps.diagnose.state_checks import check_sizes, check_stability, decoded_maps
from gem_plugin.steps.landscape.job import LandscapeJob, is_of_run
from gem_plugin.steps.reconstruct.quick_half_maps import (
    QuickHalfMaps,
    measure_quick_half_maps,
    memory_of_half_maps,
)

GIGABYTE = 1e9


def write_quick_checks(job: LandscapeJob, linkage: str) -> dict[str, int]:
    """Do the quick checks and write checks.csv; gives how many states have each verdict.

    With --no-checks the file holds what is still true of earlier checks. A landscape in a folder of its own is not that of the
    run, and is not checked.
    """
    if not is_of_run(job):
        return {}
    run = Run(job.run)
    earlier = RunChecks.load(job.run)
    checks = earlier.with_found(training_checks(run.history, run.summary("train")), QUICK, job.run)
    if job.settings.checks:
        checks = checks.with_found(_found(job, run, linkage), QUICK, job.run)
    checks.save(job.run)
    numbers = list(run.state_maps)
    _say(job, checks, numbers)
    kinds = [checks.verdict(number).kind for number in numbers]
    return {f"{kind.replace(' ', '_')}_states": kinds.count(kind) for kind in KINDS}


def _found(job: LandscapeJob, run: Run, linkage: str) -> list[Diagnostic]:
    generator = np.random.default_rng(job.settings.seed)
    found = check_stability(run, generator, linkage)
    if run.is_prepared:
        if run.files.latents.is_file():
            found += quick_particle_checks(run, generator, job.progress)
        found += _half_map_checks(job, run)
    return found


def _half_map_checks(job: LandscapeJob, run: Run) -> list[Diagnostic]:
    """What quick half-maps show of every state; a reason where there can be none."""
    numbers = list(run.state_maps)
    if len(numbers) < 2:
        return _none(
            "There is one state, and nothing that it could differ from.", "Request more states (-M)."
        )
    needed = memory_of_half_maps(run.particles.box_size, len(numbers))
    if needed > free_memory_in_bytes() / 2:
        why = f"Half-maps of the states take {needed / GIGABYTE:.0f} GB, more than half of the free memory."
        return _none(why, "Run gem-em reconstruct RUN on a machine with more memory.")
    try:
        found = _measured(job, run)
    except InputError as error:  # images removed to save space, an odd box
        return _none(f"The particles could not be looked at: {error}", "Run gem-em reconstruct RUN.")
    return [*_checks_of(found, numbers), *check_sizes(run, found.curve_of_all)]


def _none(why: str, advice: str) -> list[Diagnostic]:
    return [not_measured("states may be noise", of_states.MINIMUM_Z_SCORE, why, advice)]


def _measured(job: LandscapeJob, run: Run) -> QuickHalfMaps:
    prepared = prepared_in_refined_poses(run.images(), job.run)
    table = prepared.table
    prepared = replace(prepared, is_used=particles_in_states(job.run, len(table)))
    decoded = decoded_maps(run)
    if any(len(volume) != table.box_size for volume in decoded.values()):
        decoded = {}  # a landscape of smaller maps
    device = choose_device(job.settings.device.split(",")[0])
    return measure_quick_half_maps(
        prepared, run.states().labels, decoded, job.settings.seed, device, job.progress
    )


def _checks_of(found: QuickHalfMaps, numbers: Iterable[int]) -> list[Diagnostic]:
    checks = []
    for number in numbers:
        agreement, name = found.agreements.get(number), f"state {number}"
        if agreement is None:
            why = "All its particles are in one half-set."
            advice = "Request fewer states (-M)."
            checks.append(not_measured(f"{name} may be noise", of_states.MINIMUM_Z_SCORE, why, advice))
            continue
        decoded = agreement.agreement_with_decoded
        checks += of_states.check_against_noise(
            name, agreement.correlation, agreement.z_score, decoded if np.isfinite(decoded) else None
        )
    return [*checks, *([] if found.control is None else [of_states.check_control(found.control.z_score)])]


def _say(job: LandscapeJob, checks: RunChecks, numbers: list[int]) -> None:
    say: Callable[[str], None] = job.progress.say
    for row in checks.rows:
        if row.is_bad:
            say(f"{row.name.upper()}: {row.sentence} {row.advice}")
    for line in checks.lines_of_states(numbers):
        say(line)
    say(f"{done_in_words(checks.as_plain())}.")
