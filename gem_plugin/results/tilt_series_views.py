"""Particles of tilt series that were expanded by symmetry here: the particle file reads and writes one row for each view.

A view has the row of its particle, or of image series all its rows, with the angles of the copy, and the number of the copy
in the column gemSymmetryCopy.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from gem_plugin.io.project_folder import project_above
from gem_plugin.io.run.files import RunFiles
from gem_plugin.io.run.origin import with_origin_comment
from gem_plugin.io.star.edit import write_whole_pieces
from gem_plugin.io.star.particles import COPY_LABEL, IMAGE_NAME
from gem_plugin.io.star.repeated_rows import repeated_rows_pieces
from gem_plugin.particles.from_relion import ANGLES
from gem_plugin.particles.tilt_series.changed_poses import series_pose_columns, stack_pose_columns
from gem_plugin.particles.tilt_series.saved import load_tilt_series, table_of_particles
from gem_plugin.particles.tilt_series.subset import names_for_target, write_set_beside
from gem_plugin.particles.tilt_series.table import TiltSeriesParticles
from gem_plugin.particles.tilt_series.views import before_expansion
from gem_plugin.results.column_texts import check_length, texts_of_columns
from gem_plugin.results.expanded_particle_file import ViewColumns, Views
from gem_plugin.results.tilt_series_file import TiltSeriesParticleFile

if TYPE_CHECKING:
    from gem_plugin.particles.pose_columns import ChangedPoses


class TiltSeriesViews(ViewColumns, TiltSeriesParticleFile):
    """Views of particles of RELION 5, WarpTools, Warp or M. Columns of image series are those of the first row of each particle."""

    def __init__(self, particles: TiltSeriesParticles) -> None:
        super().__init__(particles)
        self._views = Views(table_of_particles(particles))

    @property
    def unexpanded(self) -> TiltSeriesParticleFile:
        """The same particles with one row each, in their original poses."""
        return TiltSeriesParticleFile(before_expansion(self.particles))

    def write(
        self,
        target: Path,
        rows: np.ndarray | None = None,
        new_columns: Mapping[str, np.ndarray] | None = None,
        title: str = "GEM particles",
        description: str = "",
        made_by: RunFiles | None = None,
    ) -> list[Path]:
        self.check_target(target)
        chosen = np.arange(len(self)) if rows is None else np.sort(np.asarray(rows, dtype=np.int64))
        file_rows, views = self._rows_of_views(chosen)
        columns = self._of_written_rows(
            {COPY_LABEL: self._views.copies, **(new_columns or {})}, file_rows, views
        )
        project = project_above(target) or project_above(self.path)
        changed: dict[str, Sequence[str | None]] = {}
        if not set(ANGLES) <= columns.keys():
            changed = self._angle_texts(file_rows, views)
        names = names_for_target(self._file, self.particles, file_rows, target, project)
        pieces = repeated_rows_pieces(
            self._file.document,
            self._file.particles,
            file_rows,
            changed if names is None else {**changed, IMAGE_NAME: names},
            list(columns),
            texts_of_columns(columns, len(file_rows), None),
            self._columns_left_out(file_rows, target),
        )
        write_whole_pieces(target, pieces if made_by is None else with_origin_comment(pieces, made_by))
        return [target] if self._is_series else [target, write_set_beside(target, self.particles, project)]

    def pose_columns(self, poses: "ChangedPoses") -> dict[str, np.ndarray]:
        """Of image series a value for every row of every view, in the order in which all are written."""
        if not self._is_series:
            angles = self._angles(self._rows, np.arange(len(self)))
            return stack_pose_columns(self._file, self._rows, self.particles, poses, angles)
        file_rows, views = self._rows_of_views(np.arange(len(self)))
        angles = self._angles(file_rows, views)
        return series_pose_columns(self._file, file_rows, views, self.particles, poses, angles)

    def _of_written_rows(
        self, columns: Mapping[str, np.ndarray], file_rows: np.ndarray, views: np.ndarray
    ) -> dict[str, np.ndarray]:
        """The values of the rows that are written: of their views, or of image series where a column has all rows of all views."""
        all_rows, all_views = self._rows_of_views(np.arange(len(self))) if self._is_series else (None, None)
        of_rows = {}
        for label, values in columns.items():
            if all_rows is None or all_views is None or len(values) != len(all_rows):
                check_length(values, len(self), f"values of {label}")
                of_rows[label] = values[views]
                continue
            n_rows = int(all_rows.max()) + 1
            numbers = all_views * n_rows + all_rows
            order = np.argsort(numbers)
            of_rows[label] = values[order[np.searchsorted(numbers[order], views * n_rows + file_rows)]]
        return of_rows

    def _rows_of_views(self, chosen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Rows of the file that are written for the chosen views, in the order of the file, and the view of each."""
        particles = self._views.particles[chosen]
        file_rows, owners = self.unexpanded.rows_to_write(np.unique(particles))
        order = np.argsort(particles, kind="stable")
        counts = np.bincount(particles)
        starts = np.cumsum(counts) - counts
        of_rows = counts[owners]
        before = np.repeat(np.cumsum(of_rows) - of_rows, of_rows)
        within = np.arange(int(of_rows.sum())) - before
        return np.repeat(file_rows, of_rows), chosen[order[np.repeat(starts[owners], of_rows) + within]]


def open_tilt_series_of_run(run: RunFiles) -> TiltSeriesParticleFile:
    """The particles that a run of tilt series started from, or their views."""
    particles = load_tilt_series(run.prepared_tilt_series)[0]
    kind = TiltSeriesViews if len(particles.symmetry) > 1 else TiltSeriesParticleFile
    return kind(particles)
