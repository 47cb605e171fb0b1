"""The stages of the landscape step up to the volume components. Each loads what is valid and makes what is not."""

from __future__ import annotations

import shutil

import numpy as np

from gem_plugin.io.mrc.maps import read_map, write_map
from gem_plugin.io.run.names import map_file
from gem_plugin.landscape.volume_pca import (
    VolumePca,
    collect_masked_voxels,
    distances_from_products,
    fit_volume_pca,
    inner_products,
    weighted_mean,
)
from gem_plugin.results.components import VolumeComponents
from gem_plugin.results.sketch import Sketch
from gem_plugin.results.stage_records import fingerprint
from gem_plugin.steps.landscape.job import LandscapeJob
from gem_plugin.steps.landscape.latent_umap import drop_other_layout, lay_out_latents
from gem_plugin.steps.landscape.sketch import pca_weights
from gem_plugin.steps.landscape.sketch_maps import SketchVolumes


def fit_components(
    job: LandscapeJob, volumes: SketchVolumes, sketch: Sketch, mask: np.ndarray
) -> VolumeComponents:
    """Principal components of the masked maps, and the distances between the maps."""
    source, files, records, settings = job.source, job.files, job.records, job.settings
    weights = pca_weights(sketch, settings)
    print_of_components = fingerprint(
        source.identity, source.latents[sketch.rows], weights, mask, settings.pc_dim, settings.plot_dim
    )
    if records.is_valid(
        "components", print_of_components, files.volume_pca, files.volume_pca_scores, files.distances
    ):
        job.progress.say("volume components: unchanged, kept")
        return VolumeComponents.load(files)
    records.forget("components")
    matrix = volumes.new_matrix(int((mask > 0).sum()))
    decoded = job.progress.track(volumes.all(), "masked maps", len(sketch), "map")
    most_negative = collect_masked_voxels(decoded, mask, matrix)
    with job.progress.waiting("volume components"):
        products = inner_products(matrix, weighted_mean(matrix, weights), job.progress.track)
        pca = fit_volume_pca(matrix, weights, settings.pc_dim, products, job.progress.track)
    components = VolumeComponents(
        pca,
        distances_from_products(products),
        mask,
        most_negative,
        source.pixel_size_in_angstroms,
        source.is_flipped,
        source.identity,
    )
    components.save(files)
    write_traversals(job, pca, mask, read_map(files.mean_volume).volume)
    records.keep("components", print_of_components)
    return components


def write_traversals(job: LandscapeJob, pca: VolumePca, mask: np.ndarray, mean_volume: np.ndarray) -> None:
    """Ten maps along each component, from its smallest to its largest score; outside the mask the mean stays."""
    for folder in job.files.component_folders().values():
        shutil.rmtree(folder)
    inside = mask > 0
    numbers = range(min(job.settings.plot_dim, len(pca.components)))
    for number in job.progress.track(numbers, "maps along the components", unit="component"):
        scores = pca.scores[:, number]
        for step, amount in enumerate(np.linspace(scores.min(), scores.max(), 10), start=1):
            volume = mean_volume.copy()
            volume[inside] += np.float32(amount) * pca.components[number]
            path = map_file(job.files.component_folder(number + 1), step)
            write_map(path, volume, job.source.pixel_size_in_angstroms)


def lay_out_umap(job: LandscapeJob) -> np.ndarray | None:  # (n, 2)
    """UMAP of the latents, which the analyze step may have made."""
    if job.settings.skip_umap:
        drop_other_layout(job.files.umap, job.records, job.source.latents, job.settings.seed)
        return None
    made_by_analyze = job.run.analyze.umap
    return lay_out_latents(
        job.files.umap, job.records, job.source.latents, job.settings.seed, job.progress, made_by_analyze
    )
