"""The first part of landscape-full: where every particle lies on the volume components of the sketch."""

import numpy as np

from gem_plugin.errors import InputError
from gem_plugin.io.array_files import read_array, write_array, write_arrays, write_numbers
from gem_plugin.landscape.coordinate_regression import RegressionSettings, regress_coordinates
from gem_plugin.landscape.regions import RegionMeasures, measure_regions
from gem_plugin.landscape.volume_source import VolumeSource
from gem_plugin.processes.workers import current_workers
from gem_plugin.results.stage_records import StageRecords, fingerprint
from gem_plugin.steps.landscape_full.job import FullLandscapeJob
from gem_plugin.steps.landscape_full.settings import LandscapeFullSettings
from gem_plugin.steps.landscape_full.shared_rows import DECODED, EXACT, REGIONS, SharedRows

N_ERRORS_SHOWN = 5


def find_coordinates(
    job: FullLandscapeJob,
) -> tuple[np.ndarray, str, float | None]:  # (n, c) float32, the method, test error of the first component
    """Coordinates of all particles; those of an earlier run where nothing has changed."""
    source, basis, full, settings = job.source, job.basis, job.full, job.settings
    progress = job.progress
    method = _choose_method(source, settings)
    numbers = (settings.training_volumes, settings.epochs, settings.batch_size, settings.lr, settings.dim)
    shape = (*numbers, settings.layers, settings.seed) if method == "regress" else ()
    print_of_coordinates = fingerprint(
        source.identity, source.latents, basis.pca.components, basis.pca.mean, basis.mask, method, shape
    )
    records = StageRecords(full.root)
    test_errors = full.test_errors
    if records.is_valid("coordinates", print_of_coordinates, full.coordinates):
        progress.say("coordinates: unchanged, kept")
        error = float(np.loadtxt(test_errors, ndmin=1)[0]) if method == "regress" else None
        return read_array(full.coordinates, "gem-em landscape-full"), method, error
    if settings.skip_vol:
        raise InputError(f"--skip-vol: {full.root} holds no coordinates of this landscape. Leave it out.")
    records.forget("coordinates")
    for path in (test_errors, full.sampled_rows, full.sampled_coordinates):  # of an earlier regression
        path.unlink(missing_ok=True)
    error = None
    if method == "exact":
        values = _shared(job).values(EXACT)
    elif method == "decode":
        values = _shared(job).values(DECODED)
    else:
        values, errors = _regress(job)
        write_numbers(test_errors, errors)
        error = float(errors[0])
    coordinates = values.astype(np.float32)
    write_array(full.coordinates, coordinates)
    records.keep("coordinates", print_of_coordinates)
    return coordinates, method, error


def measure_all_regions(
    job: FullLandscapeJob,
    regions: dict[str, np.ndarray],  # name -> (d, d, d)
) -> RegionMeasures | None:
    """Occupancy and motion of every region for every particle."""
    job.full.regions.unlink(missing_ok=True)
    if not regions:
        return None
    sums = _shared(job, regions).values(REGIONS)
    measures = measure_regions(regions, sums, np.ones(job.source.n_particles))
    write_arrays(
        job.full.regions,
        names=np.array(measures.names),
        occupancy=measures.occupancy,
        motion_in_angstroms=measures.motion_in_angstroms,
    )
    return measures


def _choose_method(source: VolumeSource, settings: LandscapeFullSettings) -> str:
    if settings.coordinates == "exact" and source.clouds_at is None:
        raise InputError(
            "--coordinates exact: only models made of Gaussians have a closed form. Use decode or regress."
        )
    if settings.coordinates != "auto":
        return settings.coordinates
    if source.clouds_at is not None:
        return "exact"
    return "decode" if source.n_particles <= settings.training_volumes else "regress"


def _shared(job: FullLandscapeJob, regions: dict[str, np.ndarray] | None = None) -> SharedRows:
    return SharedRows(job.source, job.basis, regions or {}, current_workers(), job.progress)


def _regress(job: FullLandscapeJob) -> tuple[np.ndarray, np.ndarray]:
    source, full, settings, progress = job.source, job.full, job.settings, job.progress
    generator = np.random.default_rng(settings.seed)
    n_maps = min(settings.training_volumes, source.n_particles)
    rows = np.sort(generator.choice(source.n_particles, n_maps, replace=False))
    targets = _shared(job).values(DECODED, rows)
    write_numbers(full.sampled_rows, rows)
    write_array(full.sampled_coordinates, targets.astype(np.float32))
    shape = RegressionSettings(
        settings.layers, settings.dim, settings.epochs, settings.batch_size, settings.lr
    )
    with progress.waiting("learned coordinates"):
        learned = regress_coordinates(
            source.latents, rows, targets, shape, settings.seed, progress.track, job.particle_indices
        )
    errors = ", ".join(f"{error:.3f}" for error in learned.test_error[:N_ERRORS_SHOWN])
    progress.say(
        f"learned coordinates: test error of volume components 1, 2, ...: {errors} (fractions of their standard deviations)"
    )
    return learned.coordinates, learned.test_error
