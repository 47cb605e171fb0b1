"""The sketch: the particles that stand for all, and their maps."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
from torch import Tensor

from gem_plugin.errors import InputError
from gem_plugin.io.array_files import (
    read_arrays,
    read_rows,
    write_arrays,
)
from gem_plugin.io.mrc.maps import write_map
from gem_plugin.io.run.names import map_files
from gem_plugin.io.run.outliers import particles_in_states
from gem_plugin.landscape.mask import (
    VolumeScan,
    scan_volumes,
)
from gem_plugin.landscape.sketch import keep_cells, make_sketch, sketch_from_rows
from gem_plugin.results.sketch import Sketch
from gem_plugin.results.stage_records import fingerprint
from gem_plugin.steps.landscape.job import LandscapeJob
from gem_plugin.steps.landscape.settings import LandscapeSettings
from gem_plugin.steps.landscape.sketch_maps import SketchVolumes


def take_sketch(job: LandscapeJob) -> Sketch:
    """The particles that stand for all, chosen by k-means or given."""
    source, settings = job.source, job.settings
    is_used = particles_in_states(job.run, source.n_particles)
    if settings.sketch_ind is not None:
        rows = read_rows(settings.sketch_ind, source.n_particles)
        cells = sketch_from_rows(source.latents, rows, is_used)
    else:
        if is_used.sum() < settings.sketch_size:
            job.progress.say(
                f"Only {is_used.sum()} particles for {settings.sketch_size} sketch maps: all are used."
            )
        with job.progress.waiting(f"sketch of {source.n_particles} latents"):
            cells = make_sketch(
                source.latents, settings.sketch_size, settings.seed, job.progress.track, is_used
            )
    if settings.vol_ind is not None:
        cells = keep_cells(cells, read_rows(settings.vol_ind, len(cells)))
    return Sketch(cells.rows, cells.labels, settings.vol_start_index)


def save_sketch(job: LandscapeJob, sketch: Sketch) -> None:
    """Write the sketch, once everything that was asked for is known to fit it."""
    sketch.save(job.files, job.source.latents)


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
    for path in map_files(files.scan.parent):  # of an earlier sketch
        path.unlink()
    decoded = job.progress.track(volumes.all(), "sketch maps", len(sketch), "map")
    pixel_size = volumes.source.pixel_size_in_angstroms
    scan = scan_volumes(_written(decoded, kept, pixel_size) if kept else decoded, weights)
    write_arrays(files.scan, **scan._asdict())
    write_map(files.mean_volume, scan.mean, pixel_size)
    records.keep("scan", print_of_scan)
    return scan


def pca_weights(sketch: Sketch, settings: LandscapeSettings) -> np.ndarray:  # (k,) float64
    """How much each sketch map counts in the mean and the components."""
    if settings.pca_weights == "particles":
        return sketch.counts.astype(np.float64)
    return np.ones(len(sketch))


def _written(
    volumes: Iterable[Tensor], paths: Sequence[Path], pixel_size_in_angstroms: float
) -> Iterator[Tensor]:
    """Pass the maps on and write each one."""
    for volume, path in zip(volumes, paths, strict=True):
        write_map(path, volume.cpu().numpy(), pixel_size_in_angstroms)
        yield volume
