"""The last stages of the landscape step: choose the states and write everything about each of them."""

import numpy as np

from gem_plugin.io.array_files import write_arrays
from gem_plugin.io.mrc.maps import write_map
from gem_plugin.landscape import states as state_maths
from gem_plugin.landscape.basins import Basins, find_basins
from gem_plugin.landscape.checks.junk_score import StateQuality
from gem_plugin.landscape.number_of_states import choose_n_states
from gem_plugin.landscape.regions import measure_regions, region_weight_maps, sum_over_regions
from gem_plugin.landscape.state_maps import average_volumes
from gem_plugin.results.components import VolumeComponents
from gem_plugin.results.sketch import Sketch
from gem_plugin.results.stage_records import fingerprint
from gem_plugin.results.state_particles import write_particle_classes, write_state_particles
from gem_plugin.results.states import SketchStates
from gem_plugin.steps.landscape.job import LandscapeJob
from gem_plugin.steps.landscape.one_cloud import one_cloud_message
from gem_plugin.steps.landscape.settings import AUTOMATIC, LandscapeSettings
from gem_plugin.steps.landscape.sketch_maps import SketchVolumes
from gem_plugin.steps.landscape.state_table import (
    quality_columns,
    quality_of_states,
    region_columns,
    write_difference_maps,
    write_state_table,
)


def find_states(job: LandscapeJob, components: VolumeComponents, sketch: Sketch) -> SketchStates:
    """Cluster the sketch maps by the distances of their masked voxels."""
    with job.progress.waiting("states of the sketch maps"):
        states = _choose_states(job, components, sketch)
    states.save(job.files, sketch)
    return states


def _choose_states(job: LandscapeJob, components: VolumeComponents, sketch: Sketch) -> SketchStates:
    settings, track = job.settings, job.progress.track
    weights, distances = sketch.counts.astype(np.float64), components.distances
    basins = find_basins(distances, weights)
    n_states, linkage = _number_and_linkage(job, basins, distances, weights)
    choices = state_maths.assess_numbers_of_states(distances, weights, linkage, settings.seed, track, basins)
    tree = state_maths.build_tree(distances, linkage)
    labels = state_maths.cut_into_states(tree, n_states, weights)
    is_one_cloud = basins.n_states == 1
    if is_one_cloud and len(sketch) > 1:
        job.progress.say(one_cloud_message(n_states))
    fraction = state_maths.largest_share(labels, weights)
    if labels.max() > 1 and fraction > state_maths.MAXIMUM_FRACTION_ALLOWED and not _is_automatic(settings):
        job.progress.say(f"State 1 holds {fraction:.0%} of the particles. Try --linkage ward, or another -M.")
    return SketchStates(
        labels, tree, linkage, state_maths.silhouette(distances, labels), fraction, is_one_cloud, choices
    )


def _is_automatic(settings: LandscapeSettings) -> bool:
    return settings.n_states == AUTOMATIC


def _number_and_linkage(
    job: LandscapeJob, basins: Basins, distances: np.ndarray, weights: np.ndarray
) -> tuple[int, str]:
    """What is requested, and where that is automatic, what the basins of the density give."""
    settings = job.settings
    n_states = basins.n_states if settings.n_states == AUTOMATIC else settings.n_states
    linkage = settings.linkage
    if linkage == AUTOMATIC:
        linkage = state_maths.choose_linkage(distances, weights, max(n_states, 2))
    if settings.n_states != AUTOMATIC:
        return settings.n_states, linkage
    chosen = choose_n_states(basins, distances, weights, linkage)
    if chosen.linkage != linkage:
        job.progress.say(
            f"The states are joined by {chosen.linkage} linkage: {linkage} linkage divides a large state before it separates a "
            f"small one. Give -M to keep {linkage}."
        )
    return chosen.n_states, chosen.linkage


def write_states(job: LandscapeJob, volumes: SketchVolumes, sketch: Sketch, states: SketchStates) -> None:
    """Mean and standard deviation of the maps, list of the particles, and star file of every state."""
    source, files, records = job.source, job.files, job.records
    print_of_states = fingerprint(source.identity, source.latents[sketch.rows], sketch.labels, states.labels)
    numbers = range(1, states.n_states + 1)
    maps_of = (files.states.mean, files.states.standard_deviation)
    expected = [path(number) for number in numbers for path in maps_of]
    if records.is_valid("states", print_of_states, *expected):
        job.progress.say("state maps: unchanged, kept")
    else:
        records.forget("states")
        files.states.remove_maps()
        for number in job.progress.track(numbers, "state maps", unit="state"):
            members = np.flatnonzero(states.labels == number)
            maps = average_volumes(volumes.at(members), sketch.counts[members])
            write_map(files.states.mean(number), maps.mean, source.pixel_size_in_angstroms)
            write_map(files.states.standard_deviation(number), maps.std, source.pixel_size_in_angstroms)
        records.keep("states", print_of_states)
    of_particles = states.of_particles(sketch)
    write_state_particles(files.states, of_particles, states.n_states, job.original, job.progress)


def describe_states(
    job: LandscapeJob,
    volumes: SketchVolumes,
    sketch: Sketch,
    states: SketchStates,
    mask: np.ndarray,
    regions: dict[str, np.ndarray],
) -> StateQuality:
    """The table of the states, their difference maps, and the star file with class numbers."""
    files = job.files
    of_particles = states.of_particles(sketch)
    n_states = states.n_states
    quality = quality_of_states(files.states, mask, of_particles, n_states, job.run.latents_std, job.progress)
    n_particles = np.bincount(of_particles, minlength=n_states + 1)[1:]
    columns = {"maps": np.bincount(states.labels, minlength=n_states + 1)[1:], "particles": n_particles}
    columns |= quality_columns(quality)
    files.regions.unlink(missing_ok=True)
    if regions:
        weight_maps = region_weight_maps(regions, job.source.pixel_size_in_angstroms)
        maps = job.progress.track(volumes.all(), "regions of the maps", len(sketch), "map")
        sums = sum_over_regions(maps, weight_maps)
        measures = measure_regions(regions, sums, sketch.counts)
        write_arrays(
            files.regions, occupancy=measures.occupancy, motion_in_angstroms=measures.motion_in_angstroms
        )
        columns |= region_columns(measures, states.labels, sketch.counts, n_states)
    write_state_table(files.state_table, columns)
    with job.progress.waiting("differences of the states"):
        write_difference_maps(files.states, n_states, n_particles, job.settings.differences)
    write_particle_classes(files, job.original, of_particles, job.run, job.progress)
    return quality
