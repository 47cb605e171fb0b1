"""The checks of the states of landscape: stability, size, and what the maps of reconstruct show of them."""

from collections.abc import Mapping, Sequence

import numpy as np

from gem_plugin.io.array_files import read_array
from gem_plugin.io.mrc.maps import read_map
from gem_plugin.io.run.names import state_name, state_number
from gem_plugin.io.run.reconstruct_files import CONTROL_NAME, WHOLE_NAME
from gem_plugin.landscape.checks import states as of_states
from gem_plugin.landscape.checks.diagnostic import Diagnostic, not_measured
from gem_plugin.results.components import VolumeComponents
from gem_plugin.results.run import Run


def check_states(run: Run, generator: np.random.Generator) -> list[Diagnostic]:
    """All checks of the states, as far as they can be done with what is there."""
    landscape = run.files.landscape
    if not landscape.state_labels.is_file():
        return _states_against_noise(run, ())
    labels = read_array(landscape.state_labels, "gem-em landscape")
    return [
        *check_stability(run, generator, str(run.summary("landscape").get("linkage", "ward"))),
        *_states_against_noise(run, [int(one) for one in np.unique(labels) if one > 0]),
        *check_sizes(run, _curve_of_all(run)),
    ]


def check_stability(run: Run, generator: np.random.Generator, linkage: str) -> list[Diagnostic]:
    """Whether clustering finds every state again."""
    landscape = run.files.landscape
    labels = read_array(landscape.state_labels, "gem-em landscape")
    distances = VolumeComponents.load_distances(landscape)
    return of_states.check_stability(distances, labels, linkage, generator, _particles_of_maps(run))


def _particles_of_maps(run: Run) -> np.ndarray | None:  # (k,) int64
    """The particle that each map of the sketch was decoded for; None where every row is a particle of its own."""
    if not run.is_prepared or len(np.unique(run.particles.particle_indices)) == run.n_particles:
        return None
    return run.particles.particle_indices[run.sketch().rows]


def maps_of_these_states(run: Run) -> dict[str, dict[str, float]]:
    """maps.csv of reconstruct; empty where it is of an earlier landscape, or of states that the user gave."""
    is_of_before = "landscape" in run.all_summaries and "reconstruct" in run.all_settings
    is_of_before = is_of_before and "reconstruct" not in run.all_summaries
    if is_of_before or run.settings("reconstruct").get("particle_states"):
        return {}
    return run.reconstructed_maps()


def _states_against_noise(run: Run, numbers: Sequence[int]) -> list[Diagnostic]:
    """From the maps that reconstruct made of the particles."""
    table = maps_of_these_states(run)
    if not table:
        why = "The states were not reconstructed from their particles."
        return [
            not_measured(
                "states may be noise", of_states.MINIMUM_Z_SCORE, why, "Run gem-em reconstruct RUN first."
            )
        ]
    return checks_of_maps(table, numbers)


def checks_of_maps(
    table: Mapping[str, Mapping[str, float]],  # maps.csv of reconstruct: {map: {column: number}}
    numbers: Sequence[int],  # all states
) -> list[Diagnostic]:
    """Whether each state may be noise, and whether it is what the decoder draws."""
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
            found.append(of_states.check_control(z_score))
        else:
            title = f"state {state_number(name)}"
            found += of_states.check_against_noise(
                title, correlation, z_score, row.get("decoded_difference_agreement")
            )
    return found


def _curve_of_all(run: Run) -> np.ndarray | None:  # (box // 2,)
    return run.half_map_curves(WHOLE_NAME).get("corrected") if maps_of_these_states(run) else None


def check_sizes(
    run: Run, curve_of_all: np.ndarray | None
) -> list[Diagnostic]:  # (box // 2,) half-maps of all
    """Whether each state has enough particles for its difference to show."""
    states, maps = run.states(), decoded_maps(run)
    if not maps or curve_of_all is None:
        return []
    counts = {number: int((states.labels == number).sum()) for number in maps}
    mean = np.average([maps[number] for number in maps], axis=0, weights=[counts[number] for number in maps])
    if 2 * len(curve_of_all) != len(mean):
        return []
    n_particles = int(run.is_in_states.sum())
    return [
        of_states.check_size(
            f"state {number}",
            counts[number],
            of_states.particles_needed(curve_of_all, n_particles, mean, maps[number] - mean),
        )
        for number in maps
    ]


def decoded_maps(run: Run) -> dict[int, np.ndarray]:  # state -> (box, box, box)
    """The mean maps that landscape decoded."""
    return {number: read_map(path).volume for number, path in run.state_maps.items()}
