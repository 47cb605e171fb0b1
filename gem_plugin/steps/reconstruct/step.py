"""reconstruct: maps from the particles themselves, of every state or around latent points, with half-maps and FSC.

Only these maps carry a resolution; a decoded map is a drawing by the model.
"""

from dataclasses import replace
from typing import Any

from gem_plugin.devices import choose_device, set_threads
from gem_plugin.io.run.files import RunFiles
from gem_plugin.io.run.outliers import outliers_in_words, particles_in_states
from gem_plugin.io.run.reconstruct_files import WHOLE_NAME
from gem_plugin.particles.prepared import PreparedData, load_prepared
from gem_plugin.processes.joined import joined_workers, quiet
from gem_plugin.progress import Progress
from gem_plugin.results.checks import LONG, RunChecks
from gem_plugin.results.refined_poses import prepared_in_refined_poses
from gem_plugin.results.run import Run
from gem_plugin.steps.diagnose.state_checks import check_sizes, checks_of_maps
from gem_plugin.steps.reconstruct.half_maps import given_mask, half_sets_of
from gem_plugin.steps.reconstruct.inserting import end_inserting, help_to_insert
from gem_plugin.steps.reconstruct.of_states import reconstruct_states
from gem_plugin.steps.reconstruct.settings import ReconstructSettings, check_reconstruct_settings


def run_reconstruct(run: RunFiles, settings: ReconstructSettings, progress: Progress) -> dict[str, Any]:
    """Write RUN/reconstruct: half-maps, filtered maps, masks, FSC curves, and maps.csv.

    Of several processes the first does so, and the others insert their part of the images.
    """
    check_reconstruct_settings(settings)
    set_threads(settings.threads)
    with joined_workers(settings.device) as (workers, device):
        own = replace(settings, device=device)
        if workers.is_main:
            numbers = _reconstruct(run, own, progress)
            end_inserting(workers)
            return numbers
        progress = quiet(progress)
        prepared = prepared_for_states(run, own, progress)
        help_to_insert(prepared, workers, choose_device(device), progress)
        return {}


def _reconstruct(run: RunFiles, settings: ReconstructSettings, progress: Progress) -> dict[str, Any]:
    prepared = prepared_for_states(run, settings, progress)
    given_mask(settings, prepared)  # a mask of another box is refused before any work
    halves = half_sets_of(prepared, settings.seed)
    if settings.deformed:
        from gem_plugin.steps.reconstruct.motion_corrected import reconstruct_deformed

        return reconstruct_deformed(run, prepared, halves, settings, progress)
    if settings.z_values is not None or settings.particles is not None:
        from gem_plugin.steps.reconstruct.around_latents import reconstruct_points

        return reconstruct_points(run, prepared, halves, settings, progress)
    numbers = reconstruct_states(run, prepared, halves, settings, progress)
    if settings.particle_states is None:  # else they are not the states of the landscape
        _keep_checks(run)
    return numbers


def _keep_checks(run: RunFiles) -> None:
    """What the half-maps show of every state, into checks.csv."""
    opened = Run(run)
    curve = opened.half_map_curves(WHOLE_NAME)["corrected"]
    found = [
        *checks_of_maps(opened.reconstructed_maps(), opened.states().numbers),
        *check_sizes(opened, curve),
    ]
    RunChecks.load(run).with_found(found, LONG, run).save(run)


def prepared_for_states(run: RunFiles, settings: ReconstructSettings, progress: Progress) -> PreparedData:
    """The prepared particles in the poses that count, with outliers left out; states that the user gives may hold them."""
    prepared = load_prepared(run)
    if settings.particle_states is None:
        prepared = replace(prepared, is_used=particles_in_states(run, len(prepared.table)))
        if sentence := outliers_in_words(run, len(prepared.table)):
            progress.say(sentence)
    if settings.given_poses:
        return prepared
    refined = prepared_in_refined_poses(prepared, run)
    if refined is not prepared:
        progress.say(
            "Poses refined in training are used (--given-poses: those of the input). One model refined the poses of both half-sets, "
            "so the half-maps are slightly less independent than with those of the input."
        )
    return refined
