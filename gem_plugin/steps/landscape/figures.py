"""Every figure of the landscape step."""

from collections.abc import Callable
from functools import partial

import numpy as np

from gem_plugin.io.mrc.maps import read_map
from gem_plugin.io.run import figure_names as names
from gem_plugin.io.run.figure_names import remove_figures
from gem_plugin.landscape.mask import VolumeScan
from gem_plugin.reports.figures import landscape as figures
from gem_plugin.reports.figures.latents import draw_explained_variance
from gem_plugin.results.checks import RunChecks
from gem_plugin.results.components import VolumeComponents
from gem_plugin.results.sketch import Sketch
from gem_plugin.results.states import SketchStates
from gem_plugin.steps.landscape.job import LandscapeJob, is_of_run


def draw_landscape(
    job: LandscapeJob,
    sketch: Sketch,
    scan: VolumeScan,
    mask: np.ndarray,
    components: VolumeComponents,
    states: SketchStates,
    layout: np.ndarray | None,  # (n, 2)
) -> None:
    """Mask, components, states, dendrogram, counts, and particles on the UMAP."""
    source, files, folder, settings = job.source, job.files, job.figures, job.settings
    pixel_size, pca = source.pixel_size_in_angstroms, components.pca
    remove_figures(folder, *names.OF_LANDSCAPE)
    drawn: list[Callable[[], object]] = [
        partial(figures.draw_mask_slices, folder / names.MASK_SLICES, mask, scan.mean, pixel_size),
        partial(
            draw_explained_variance,
            folder / names.EXPLAINED_VARIANCE,
            pca.explained_variance_ratio,
        ),
    ]
    numbers = np.arange(len(sketch)) + settings.vol_start_index
    pairs = partial(figures.draw_component_pairs, folder, pca.scores, states.labels, settings.plot_dim)
    if settings.plot_dim > 0:
        drawn += [pairs, partial(pairs, numbers)]
    drawn.append(partial(figures.draw_dendrogram, folder / names.DENDROGRAM, states.tree, states.n_states))
    if states.choices:
        stem = folder / names.STATE_CHOICES
        drawn.append(partial(figures.draw_state_choices, stem, states.choices, states.n_states))
    n_maps = np.bincount(states.labels, minlength=states.n_states + 1)[1:]
    stem = folder / names.STATE_MAP_COUNTS
    drawn.append(partial(figures.draw_state_sizes, stem, n_maps, "sketch maps"))
    of_particles = states.of_particles(sketch)
    n_particles = np.bincount(of_particles, minlength=states.n_states + 1)[1:]
    stem = folder / names.STATE_PARTICLE_COUNTS
    drawn.append(partial(figures.draw_state_sizes, stem, n_particles, "particles"))
    numbers_of_states = range(1, states.n_states + 1)
    means = [read_map(files.states.mean(number)).volume for number in numbers_of_states]
    checks = RunChecks.load(job.run) if is_of_run(job) else RunChecks()
    badges = [checks.badge(number) for number in numbers_of_states]
    stem = folder / names.STATE_MEANS
    drawn.append(partial(figures.draw_state_slices, stem, means, n_particles, badges, pixel_size))
    if layout is not None:
        labels = ("UMAP 1 (arbitrary units)", "UMAP 2 (arbitrary units)")
        on_plane, marks = figures.draw_states_on_plane, (layout[sketch.rows], numbers)
        drawn += [
            partial(on_plane, folder / names.UMAP, layout, of_particles, labels),
            partial(on_plane, folder / names.UMAP_ANNOTATED, layout, of_particles, labels, marks),
        ]
    for draw in job.progress.track(drawn, "figures of the landscape", unit="figure"):
        draw()
