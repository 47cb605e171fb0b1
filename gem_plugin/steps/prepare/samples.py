"""prepare --samples: several particle files joined into one, and which sample each row of the run is of."""

import dataclasses
from pathlib import Path

import numpy as np

from gem_plugin.io.run.files import RunFiles
from gem_plugin.progress import Progress
from gem_plugin.results.image_search import image_search
from gem_plugin.results.joined_particles import join_particles, named_files
from gem_plugin.results.joined_tilt_series import join_tilt_series
from gem_plugin.results.samples import Samples
from gem_plugin.steps.prepare.settings import PrepareSettings
from gem_plugin.steps.prepare.tilt_series import is_tilt_series, tilt_series_options


def joined_where_several(
    run: RunFiles, settings: PrepareSettings, progress: Progress
) -> tuple[PrepareSettings, Samples | None]:
    """The settings for one particle file, and the samples of its rows where it was joined of several."""
    if not settings.samples:
        return settings, None
    with progress.waiting("joining the samples"):
        joined = (
            join_tilt_series(run, settings.samples, tilt_series_options(settings))
            if is_tilt_series(settings)
            else join_particles(run, settings.samples, image_search(settings), settings.pixel_size)
        )
    counts = np.bincount(joined.samples.numbers)[1:].tolist()
    sizes = ", ".join(f"{name} {count:,}" for name, count in zip(joined.samples.names, counts, strict=True))
    progress.say(f"Samples joined in {run.as_users_know(joined.path)}: {sizes} rows.")
    settings = dataclasses.replace(
        settings,
        particles=joined.path,
        samples=(),
        project_folder=joined.project_folder,
        datadir=None,
        strip_prefix=None,
    )
    return settings, joined.samples


def named_files_of(settings: PrepareSettings) -> list[Path]:
    """The files of --samples; none where it is not given."""
    return list(named_files(settings.samples).values()) if settings.samples else []


def save_samples(
    run: RunFiles,
    samples: Samples | None,  # of the rows of the file
    file_rows: np.ndarray,  # (n,) int64: the row of the file of each row of the run
) -> dict[str, int]:  # numbers for the summary
    """Write the sample of each row of the run; without samples, remove what an earlier start left."""
    if samples is None:
        run.prepared_samples.unlink(missing_ok=True)
        return {}
    dataclasses.replace(samples, numbers=samples.numbers[file_rows]).save(run.prepared_samples)
    return {"samples": len(samples.names)}
