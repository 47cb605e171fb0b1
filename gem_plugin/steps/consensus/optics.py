"""CryoSPARC's optics in the reading that the images fit: compared once, recorded in the run, said to the user."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from gem_plugin.gaussians.cloud import GaussianCloud
from gem_plugin.heterogeneity.observations import Observations
from gem_plugin.heterogeneity.optics_comparison import (
    MINIMUM_STANDARD_ERRORS,
    PARTICLES,
    Comparison,
    Reading,
    compare_readings,
)
from gem_plugin.io.run.files import RunFiles
from gem_plugin.io.run.optics_readings import ReadingRow, write_readings
from gem_plugin.notices import note, warn
from gem_plugin.particles.optics import Optics
from gem_plugin.particles.optics_readings import TILT
from gem_plugin.particles.prepared import load_prepared, with_optics
from gem_plugin.progress import Progress
from gem_plugin.steps.train.images import observations_of


def settle_optics(
    run: RunFiles, cloud: GaussianCloud, order: Tensor, progress: Progress
) -> dict[
    str, str
]:  # column -> reading with its standard errors, for the summary; empty where nothing is open
    """Compare the readings on some particles, and write consensus/optics_readings.csv, which load_prepared follows."""
    prepared = load_prepared(run)
    if not prepared.table.optics.is_unsettled.any():
        return {}
    rows = _one_row_per_image(order, prepared.table.image_indices)[:PARTICLES].sort().values

    def observations_with(optics: Optics) -> Observations:
        return observations_of(with_optics(prepared, optics))

    with progress.waiting("readings of CryoSPARC's optics, compared with the images"):
        comparisons = compare_readings(cloud, prepared.table, observations_with, rows)
    if not comparisons:
        return {}
    write_readings(
        run.optics_readings,
        [
            ReadingRow(one.column, reading.name, reading.over_usual, reading.name == one.taken)
            for one in comparisons
            for reading in one.readings
        ],
    )
    for one in comparisons:
        _say(one, len(rows))
    return {
        one.column: f"{one.taken} ({'certain' if one.is_certain else 'not certain'})" for one in comparisons
    }


def _one_row_per_image(order: Tensor, image_indices: np.ndarray) -> Tensor:
    """Rows that show one image share its noise, so only the first of them counts."""
    _, first = np.unique(image_indices[order.numpy()], return_index=True)
    return order[torch.from_numpy(np.sort(first))]


def _say(comparison: Comparison, n_images: int) -> None:
    column, readings, taken, is_certain = comparison
    usual = readings[0].name
    text = (
        f"{column} can be read in {len(readings)} ways; on {n_images} images, in standard errors over {usual}: "
        f"{_table(readings[1:])}. Taken: {taken}"
    )
    if taken != usual:
        warn(
            f"{text}, not {usual}, which is usual. If the results look worse than those of CryoSPARC, report this to the authors of GEM."
        )
    elif is_certain or column == TILT:  # whose sign is known from several programs
        note(f"{text}.")
    else:
        warn(
            f"{text}, as is usual: the images do not say which is right (less than {MINIMUM_STANDARD_ERRORS:.0f} standard errors "
            "between them), and at the working pixel size it matters. More particles or a better map decide it; a larger working pixel size "
            "(a smaller --box) makes it harmless."
        )


def _table(readings: Sequence[Reading]) -> str:
    return ", ".join(f"{reading.name} {reading.over_usual:+.1f}" for reading in readings)
