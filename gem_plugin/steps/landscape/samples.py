"""Samples compared: sample_populations.csv, sample_comparison.csv, energies and figures; the verdict in the log."""

import dataclasses
from itertools import combinations

import numpy as np

from gem_plugin.io.array_files import write_arrays
from gem_plugin.io.run import figure_names as names
from gem_plugin.io.run.figure_names import remove_figures
from gem_plugin.io.run.landscape_files import LandscapeFiles
from gem_plugin.io.run.outliers import particles_in_states
from gem_plugin.landscape.latents.components import fit_latent_components
from gem_plugin.landscape.sample_comparison import SampleComparison, compare_samples
from gem_plugin.landscape.sample_energies import estimate_sample_energies
from gem_plugin.notices import warn
from gem_plugin.results.micrographs import MINIMUM_GROUPS, PARTICLES, DrawnGroups, groups_of_particles
from gem_plugin.results.run import Run
from gem_plugin.results.sample_columns import COMPARE_NOTHING, SAMPLE, find_samples
from gem_plugin.results.sample_comparison import ComparedSamples
from gem_plugin.results.samples import Samples
from gem_plugin.steps.landscape.job import LandscapeJob
from gem_plugin.steps.landscape.populations import DOMINATED, posteriors_of, weights_of_views

MAXIMUM_SAMPLES_IN_PAIRS = 3  # of more, energies are drawn for the first beside each of the others
DOMINATED_OF_FEW = 0.8  # instead of DOMINATED where groups are few: of six, one often has half by chance
UNEQUAL = 10  # times the particles of the smallest sample


def samples_to_compare(job: LandscapeJob) -> Samples | None:
    """The samples that --compare names, or those that the particles were joined from; refused before any work."""
    run, compared = Run(job.run), job.settings.compare
    if compared is None and job.run.prepared_samples.is_file():
        compared = SAMPLE
    if compared is None or compared == COMPARE_NOTHING:
        return None
    counted = particles_in_states(job.run, job.source.n_particles)
    return find_samples(run, compared, job.settings.compare_table, counted)


def write_sample_comparison(
    job: LandscapeJob,
    samples: Samples | None,
    states: np.ndarray,  # (n,) from 1; 0: none
) -> ComparedSamples | None:
    """Compare the samples, save and draw what was found, and say it. What an earlier start compared goes."""
    remove_comparison(job.files)
    remove_figures(job.figures, *names.OF_SAMPLES)
    if samples is None:
        return None
    counted = particles_in_states(job.run, len(states)) & (states > 0) & (samples.numbers > 0)
    posteriors = posteriors_of(job)
    with job.progress.waiting("comparing the samples"):
        table = Run(job.run).table_if_there
        groups = (
            DrawnGroups(PARTICLES, np.arange(len(states)))
            if table is None
            else groups_of_particles(table, job.original, counted, samples.numbers)
        )
        found = compare_samples(
            posteriors,
            np.where(counted, states, 0),
            samples.numbers,
            groups.numbers,
            np.random.default_rng(job.settings.seed),
            None if table is None else weights_of_views(table, counted),
        )
    compared = ComparedSamples.of(found, samples.names, samples.column, groups.kind, posteriors is not None)
    samples.save(job.files.samples)
    compared.save(job.files)
    _say(job, compared, found)
    _draw(job, compared, samples, counted, groups)
    return compared


def _draw(
    job: LandscapeJob, compared: ComparedSamples, samples: Samples, counted: np.ndarray, groups: DrawnGroups
) -> None:
    """Fractions and differences, and the energies of pairs on the largest latent components."""
    from gem_plugin.reports.figures.samples import draw_sample_energies, draw_samples  # matplotlib

    draw_samples(job.figures / names.SAMPLES, compared)
    plane = fit_latent_components(job.source.latents[counted]).scores[:, :2].astype(np.float64)
    if plane.shape[1] < 2 or not (plane.std(axis=0) > 0).all():
        return
    pairs = list(combinations(range(len(compared.names)), 2))
    if len(compared.names) > MAXIMUM_SAMPLES_IN_PAIRS:
        pairs = [pair for pair in pairs if pair[0] == 0]
    with job.progress.waiting("free energies of the samples"):
        energies = estimate_sample_energies(
            plane,
            samples.numbers[counted],
            groups.numbers[counted],
            pairs,
            np.random.default_rng(job.settings.seed),
        )
    write_arrays(job.files.sample_energies, **dataclasses.asdict(energies))
    for index, (first, second) in enumerate(pairs):
        stem = job.figures / names.SAMPLE_ENERGIES.format(first + 1, second + 1)
        draw_sample_energies(stem, energies, index, compared.names, "latent component {} (latent units)")


def remove_comparison(files: LandscapeFiles) -> None:
    """Delete the files of a comparison."""
    for path in (files.samples, files.sample_populations, files.sample_comparison, files.sample_energies):
        path.unlink(missing_ok=True)


def _say(job: LandscapeJob, compared: ComparedSamples, found: SampleComparison) -> None:
    for pair in range(len(compared.pairs)):
        job.progress.say(compared.verdict(pair))
    kind = compared.drawn_by.removesuffix("s")
    limits = np.where(found.n_groups < MINIMUM_GROUPS, DOMINATED_OF_FEW, DOMINATED)
    dominated = np.flatnonzero(found.largest_influences > limits)
    if compared.drawn_by == PARTICLES:
        warn(
            f"Samples by {compared.compared_by}: fewer than five micrographs of a sample are known, so particles were permuted one by "
            "one, and p-values are too small where micrographs differ. Give particles with rlnMicrographName, or collect more micrographs."
        )
        dominated = dominated[:0]
    for sample in dominated.tolist():
        warn(
            f"{found.largest_influences[sample]:.0%} of the variance of a state's population in sample {compared.names[sample]} is from "
            f"one {kind}: its interval is not reliable. Look at the {compared.drawn_by} of that sample."
        )
    sizes = compared.n_particles
    if sizes.max() > UNEQUAL * sizes.min():
        small, large = compared.names[sizes.argmin()], compared.names[sizes.argmax()]
        job.progress.say(
            f"Sample {large} has {sizes.max() / sizes.min():.0f} times the particles of {small}: the model is mostly that of {large}, "
            f"and the {sizes.min():,} particles of {small} limit what can be seen."
        )
