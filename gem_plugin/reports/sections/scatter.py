"""The chapter of report.html with the interactive plot: every particle on any two columns, coloured by a third."""

from typing import Any

import numpy as np

from gem_plugin.reports.figures.palette import OKABE_ITO
from gem_plugin.reports.sections.html_parts import missing, quantised, script_data, whole_numbers
from gem_plugin.results.particle_columns import ColumnKind, ParticleColumn, drawn_columns
from gem_plugin.results.run import Run

MAXIMUM_BYTE = 255
MAXIMUM_POINTS = 40_000  # 2 bytes a point and column, 1 for groups: some 4 MB


def scatter_section(run: Run) -> str:
    """The plot and its data."""
    drawn = drawn_columns(run.particle_columns())
    if not drawn:
        return missing("No particle has latents yet.", "train", run.files.root)
    n_particles = len(drawn[0].values)
    shown = _rows_shown(n_particles)
    columns = [
        {
            "name": column.name,
            "label": column.label,
            "isGroup": _is_group(column),
            "badges": run.checks.badges_of_column(column.name, column.values),
            **_packed(column, column.values[shown]),
        }
        for column in drawn
    ]
    note = f"{n_particles:,} particles"
    if len(shown) < n_particles:
        note = f"{len(shown):,} of {note}, drawn at random; <code>gem-em explore</code> shows all"
    data = {"rows": quantised(shown.astype(float)), "columns": columns, "colours": OKABE_ITO}
    return (
        f"<p>{note}. Scroll: zoom. Drag: pan. Double-click: reset. Point at a particle to read its values. "
        "Click a group in the legend to hide it; the numbers in the plot are the groups.</p>"
        '<div class="scatter" id="scatter"><div class="controls"></div>'
        '<div class="plot"><canvas role="img" aria-label="scatter plot of the particles"></canvas><canvas></canvas></div>'
        '<div class="legend"></div>'
        f'<div class="tip"></div></div>{script_data("scatter-data", data)}'
    )


def _packed(column: ParticleColumn, values: np.ndarray) -> dict[str, Any]:
    fits_a_byte = _is_group(column) and float(np.ptp(values)) <= MAXIMUM_BYTE
    return whole_numbers(values) if fits_a_byte else quantised(values)


def _is_group(column: ParticleColumn) -> bool:
    return column.kind is ColumnKind.GROUP


def _rows_shown(n_particles: int) -> np.ndarray:  # (k,) int64, sorted
    if n_particles <= MAXIMUM_POINTS:
        return np.arange(n_particles)
    return np.sort(np.random.default_rng(0).choice(n_particles, MAXIMUM_POINTS, replace=False))
