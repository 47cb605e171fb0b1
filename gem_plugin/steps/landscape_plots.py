"""Every figure of the landscape step."""

from __future__ import annotations

import numpy as np

from gem_plugin.io.map_files import read_map
from gem_plugin.landscape.mask import VolumeScan
from gem_plugin.landscape.sketch import Sketch
from gem_plugin.reports import figures_landscape as figures
from gem_plugin.reports.figures_latents import draw_explained_variance
from gem_plugin.steps.landscape_job import LandscapeJob
from gem_plugin.steps.landscape_stages import Components
from gem_plugin.steps.landscape_states import States, particle_states


def draw_landscape(
    job: LandscapeJob,
    sketch: Sketch,
    scan: VolumeScan,
    mask: np.ndarray,
    components: Components,
    states: States,
    layout: np.ndarray | None,  # (n, 2)
) -> None:
    """Mask, components, states, dendrogram, counts, and particles on the UMAP."""
    source, files, folder, settings = job.source, job.files, job.figures, job.settings
    figures.draw_mask_slices(
        folder / "landscape_mask_slices", mask, scan.mean, source.pixel_size_in_angstroms
    )
    draw_explained_variance(
        folder / "landscape_vol_pca_explained_variance", components.pca.explained_variance_ratio
    )
    numbers = np.arange(len(sketch)) + settings.vol_start_index
    for annotation in (None, numbers) if settings.plot_dim > 0 else ():
        figures.draw_component_pairs(
            folder, components.pca.scores, states.labels, settings.plot_dim, annotation
        )
    figures.draw_dendrogram(folder / "landscape_dendrogram", states.tree, states.n_states)
    if states.choices:
        figures.draw_state_choices(folder / "landscape_state_choices", states.choices, states.n_states)
    n_maps = np.bincount(states.labels, minlength=states.n_states + 1)[1:]
    figures.draw_state_sizes(folder / "landscape_state_volume_counts", n_maps, "sketch maps")
    of_particles = particle_states(sketch, states.labels)
    n_particles = np.bincount(of_particles, minlength=states.n_states + 1)[1:]
    figures.draw_state_sizes(folder / "landscape_state_particle_counts", n_particles, "particles")
    numbers_of_states = range(1, states.n_states + 1)
    means = [read_map(files.state_file(number, "mean.mrc")).volume for number in numbers_of_states]
    figures.draw_state_slices(
        folder / "landscape_state_means", means, n_particles, source.pixel_size_in_angstroms
    )
    if layout is not None:
        labels = ("UMAP 1 (arbitrary units)", "UMAP 2 (arbitrary units)")
        figures.draw_states_on_plane(folder / "landscape_umap", layout, of_particles, labels)
        marks = (layout[sketch.rows], numbers)
        figures.draw_states_on_plane(folder / "landscape_umap_annotated", layout, of_particles, labels, marks)
