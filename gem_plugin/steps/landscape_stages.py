"""The stages of the landscape step up to the volume components. Each loads what is valid and makes what is not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from gem_plugin.errors import InputError
from gem_plugin.io.array_files import (
    read_array,
    read_arrays,
    read_rows,
    write_array,
    write_arrays,
    write_numbers,
)
from gem_plugin.io.landscape_files import LandscapeFiles
from gem_plugin.io.map_files import read_map, write_map
from gem_plugin.landscape.mask import (
    VolumeScan,
    automatic_threshold,
    check_mask,
    fit_mask_to_grid,
    make_mask,
    scan_volumes,
)
from gem_plugin.landscape.sketch import Sketch, keep_cells, make_sketch, sketch_from_rows
from gem_plugin.landscape.volume_pca import (
    VolumePca,
    collect_masked_voxels,
    distances_from_products,
    fit_volume_pca,
    inner_products,
    weighted_mean,
)
from gem_plugin.landscape.volume_source import VolumeSource
from gem_plugin.steps.landscape_job import LandscapeJob
from gem_plugin.steps.latent_layout import lay_out_latents
from gem_plugin.steps.sketch_volumes import SketchVolumes
from gem_plugin.steps.stage_records import fingerprint

LEVEL_OF_GAUSSIANS = 0.1  # such maps have no noise, and an arm that moves is often much fainter than the rest
LEVEL_OF_CRYODRGN = 0.5

if TYPE_CHECKING:
    from gem_plugin.steps.landscape import LandscapeSettings


class Components(NamedTuple):
    """Volume components of the sketch, and how far its maps are from each other."""

    pca: VolumePca
    distances: np.ndarray  # (k, k)


def take_sketch(job: LandscapeJob) -> Sketch:
    """The particles that stand for all, chosen by k-means or given."""
    source, files, settings = job.source, job.files, job.settings
    if settings.sketch_ind is not None:
        sketch = sketch_from_rows(source.latents, read_rows(settings.sketch_ind, source.n_particles))
    else:
        if source.n_particles < settings.sketch_size:
            job.progress.say(
                f"Only {source.n_particles} particles for {settings.sketch_size} sketch maps: all are used."
            )
        with job.progress.waiting(f"sketch of {source.n_particles} latents"):
            sketch = make_sketch(source.latents, settings.sketch_size, settings.seed, job.progress.track)
    write_numbers(files.sketch_latents, source.latents[sketch.rows])
    write_numbers(files.sketch_rows, sketch.rows)
    if settings.vol_ind is not None:
        sketch = keep_cells(sketch, read_rows(settings.vol_ind, len(sketch)))
        write_numbers(files.sketch_latents, source.latents[sketch.rows])
        write_numbers(files.sketch_rows, sketch.rows)
    write_array(files.sketch_labels, np.where(sketch.labels < 0, 0, sketch.labels + settings.vol_start_index))
    return sketch


def scan_sketch(job: LandscapeJob, volumes: SketchVolumes, sketch: Sketch) -> VolumeScan:
    """Decode the sketch once: brightest voxels, bright levels, mean map; keep the maps if asked."""
    files, records, settings = job.files, job.records, job.settings
    weights = pca_weights(sketch, settings)
    print_of_scan = fingerprint(volumes.source.identity, volumes.source.latents[sketch.rows], weights)
    kept = (
        [files.sketch_volume(settings.vol_start_index + number) for number in range(len(sketch))]
        if settings.keep_volumes
        else []
    )
    if records.is_valid("scan", print_of_scan, files.scan, *kept):
        job.progress.say("sketch: unchanged, kept")
        return VolumeScan(**read_arrays(files.scan, "gem-em landscape"))
    if settings.skip_vol:
        raise InputError(
            f"--skip-vol: {files.root} holds no sketch of these maps (other latents, box or hand). Leave --skip-vol out."
        )
    records.forget("scan")
    decoded = job.progress.track(volumes.all(), "sketch maps", len(sketch), "map")
    pixel_size = volumes.source.pixel_size_in_angstroms
    scan = scan_volumes(_written(decoded, kept, pixel_size) if kept else decoded, weights)
    write_arrays(files.scan, **scan._asdict())
    write_map(files.mean_volume, scan.mean, pixel_size)
    records.keep("scan", print_of_scan)
    return scan


def find_mask(job: LandscapeJob, scan: VolumeScan) -> np.ndarray:  # (d, d, d) float32
    """The mask that was given, the one in the folder, or the automatic one."""
    source, files, settings = job.source, job.files, job.settings
    if settings.skip_mask:
        if not files.mask.is_file():
            raise InputError(f"--skip-mask: there is no {files.mask}. Leave --skip-mask out.")
        mask = read_map(files.mask).volume
    elif settings.mask is not None:
        given = read_map(settings.mask)
        mask = fit_mask_to_grid(
            given.volume, given.pixel_size_in_angstroms, source.box_size, source.pixel_size_in_angstroms
        )
    else:
        threshold = _threshold(job, scan) if settings.thresh is None else settings.thresh
        mask = make_mask(
            scan.brightest, threshold, source.pixel_size_in_angstroms, settings.dilate, settings.cosine_edge
        )
    check_mask(mask, source.box_size)
    write_map(files.mask, mask, source.pixel_size_in_angstroms)
    return mask


def _threshold(job: LandscapeJob, scan: VolumeScan) -> float:
    level = job.settings.mask_level
    if level is None:
        level = LEVEL_OF_GAUSSIANS if job.source.clouds_at is not None else LEVEL_OF_CRYODRGN
    return automatic_threshold(scan, level)


def fit_components(job: LandscapeJob, volumes: SketchVolumes, sketch: Sketch, mask: np.ndarray) -> Components:
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
        return load_components(files)
    records.forget("components")
    matrix = volumes.new_matrix(int((mask > 0).sum()))
    decoded = job.progress.track(volumes.all(), "masked maps", len(sketch), "map")
    most_negative = collect_masked_voxels(decoded, mask, matrix)
    with job.progress.waiting("volume components"):
        products = inner_products(matrix, weighted_mean(matrix, weights), job.progress.track)
        pca = fit_volume_pca(matrix, weights, settings.pc_dim, products, job.progress.track)
    components = Components(pca, distances_from_products(products))
    _save_components(files, components, mask, most_negative, source)
    write_traversals(job, pca, mask, read_map(files.mean_volume).volume)
    records.keep("components", print_of_components)
    return components


def load_components(files: LandscapeFiles) -> Components:
    """The volume components of an earlier run."""
    made_by = "gem-em landscape"
    arrays = read_arrays(files.volume_pca, made_by)
    pca = VolumePca(
        mean=arrays["mean"],
        components=arrays["components"],
        scores=read_array(files.volume_pca_scores, made_by),
        explained_variance=arrays["explained_variance"],
        explained_variance_ratio=arrays["explained_variance_ratio"],
    )
    return Components(pca, read_array(files.distances, made_by))


def write_traversals(job: LandscapeJob, pca: VolumePca, mask: np.ndarray, mean_volume: np.ndarray) -> None:
    """Ten maps along each component, from its smallest to its largest score; outside the mask the mean stays."""
    inside = mask > 0
    numbers = range(min(job.settings.plot_dim, len(pca.components)))
    for number in job.progress.track(numbers, "maps along the components", unit="component"):
        scores = pca.scores[:, number]
        for step, amount in enumerate(np.linspace(scores.min(), scores.max(), 10), start=1):
            volume = mean_volume.copy()
            volume[inside] += np.float32(amount) * pca.components[number]
            path = job.files.component_folder(number + 1) / f"vol_{step:03d}.mrc"
            write_map(path, volume, job.source.pixel_size_in_angstroms)


def lay_out_umap(job: LandscapeJob) -> np.ndarray | None:  # (n, 2)
    """UMAP of the latents, which the analyze step may have made."""
    if job.settings.skip_umap:
        return None
    made_by_analyze = job.run.analyze / "umap.npy"
    return lay_out_latents(
        job.files.umap, job.records, job.source.latents, job.settings.seed, job.progress, made_by_analyze
    )


def pca_weights(sketch: Sketch, settings: LandscapeSettings) -> np.ndarray:  # (k,) float64
    """How much each sketch map counts in the mean and the components."""
    if settings.pca_weights == "particles":
        return sketch.counts.astype(np.float64)
    return np.ones(len(sketch))


def _written(
    volumes: Iterable[np.ndarray], paths: Sequence[Path], pixel_size_in_angstroms: float
) -> Iterator[np.ndarray]:
    """Pass the maps on and write each one."""
    for volume, path in zip(volumes, paths, strict=True):
        write_map(path, volume, pixel_size_in_angstroms)
        yield volume


def _save_components(
    files: LandscapeFiles,
    components: Components,
    mask: np.ndarray,
    most_negative: float,
    source: VolumeSource,
) -> None:
    pca = components.pca
    write_arrays(
        files.volume_pca,
        mean=pca.mean,
        components=pca.components,
        explained_variance=pca.explained_variance,
        explained_variance_ratio=pca.explained_variance_ratio,
        mask=mask,
        most_negative_masked_value=np.float64(most_negative),
        pixel_size_in_angstroms=np.float64(source.pixel_size_in_angstroms),
        is_flipped=np.bool_(source.is_flipped),
        identity=np.array(source.identity),
    )
    write_array(files.volume_pca_scores, pca.scores)
    write_array(files.distances, components.distances)
