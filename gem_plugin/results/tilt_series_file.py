"""Particles of tilt series behind the interface of particle files: a row a particle, whatever files they came from."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from gem_plugin.errors import InputError
from gem_plugin.io.project_folder import ImageSearch, project_above
from gem_plugin.io.run.files import RunFiles
from gem_plugin.io.run.origin import with_origin_comment
from gem_plugin.io.star.columns import read_columns
from gem_plugin.io.star.edit import columns_added_pieces, subset_pieces, write_whole_pieces
from gem_plugin.io.star.particles import IMAGE_NAME, RelionFile, open_tilt_series_file
from gem_plugin.particles.from_relion import columns_of_optics
from gem_plugin.particles.table import ParticleTable
from gem_plugin.particles.tilt_series.changed_poses import series_pose_columns, stack_pose_columns
from gem_plugin.particles.tilt_series.saved import table_of_particles
from gem_plugin.particles.tilt_series.stack_columns import GROUP as OPTICS_GROUP
from gem_plugin.particles.tilt_series.stack_columns import PARTICLE
from gem_plugin.particles.tilt_series.subset import (
    has_repeated_names,
    names_for_target,
    rows_of_groups,
    set_beside,
    write_set_beside,
)
from gem_plugin.particles.tilt_series.table import TiltSeriesForm, TiltSeriesParticles
from gem_plugin.results.column_texts import check_length, texts_of_columns
from gem_plugin.results.particle_file import RelionParticleFile
from gem_plugin.results.recorded_rows import RecordedRows

if TYPE_CHECKING:
    from gem_plugin.particles.pose_columns import ChangedPoses


class TiltSeriesParticleFile(RelionParticleFile):
    """Particles of RELION 5, WarpTools, Warp or M. Columns of image series are those of the first row of each particle.

    What is written has all rows of the chosen particles, and an optimisation set beside it where the input needs one.
    """

    def __init__(self, particles: TiltSeriesParticles) -> None:
        super().__init__(particles.path, RecordedRows(particles.names, particles.file_rows))
        self.particles = particles

    @property
    def _is_series(self) -> bool:
        return self.particles.form is TiltSeriesForm.IMAGE_SERIES

    @cached_property
    def _file(self) -> RelionFile:
        return open_tilt_series_file(self.path)

    @cached_property
    def _rows(
        self,
    ) -> np.ndarray:  # (n,) int64: row of the file of each particle, the first one of image series
        label = str(self.particles.grouping_column) if self._is_series else PARTICLE
        if not self._is_series and label not in self._file.particles.labels:
            label = IMAGE_NAME  # the stack, by which the reader names particles without a name
        assert self.recorded is not None
        columns = read_columns(self._file.document, self._file.particles, text_labels=[label])
        if label not in columns:
            raise InputError(
                f"{self.path} has no column {label} any more, by which its particles are known. "
                "It was changed since the run began; give the file that the run was made with."
            )
        return self.recorded.find_in(columns[label], self.path)

    def column_of_optics(self, label: str) -> np.ndarray | None:  # (n,) float64
        """A column of numbers of data_optics, for each particle; None where there is none."""
        columns = read_columns(self._file.document, self._file.particles, [OPTICS_GROUP, label])
        if self._file.optics is not None and label not in columns:
            columns |= columns_of_optics(self._file, columns, [label])
        return columns[label][self._rows] if label in columns else None

    @property
    def micrographs(self) -> np.ndarray:  # (n,) names of their tomograms
        """What particles were seen together in: the tomograms."""
        return self.particles.tomograms

    @property
    def input_files(self) -> list[Path]:
        others = (self.particles.tomograms_path, self.particles.trajectories_path)
        return [self.path, *(path for path in others if path is not None)]

    def files_of(self, target: Path) -> list[Path]:
        return [target] if self._is_series else [target, set_beside(target)]

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
        chosen = np.arange(len(self)) if rows is None else np.asarray(rows)
        file_rows, owners = self.rows_to_write(chosen)
        project = project_above(target) or project_above(self.path)
        columns = self._of_rows(new_columns or {}, file_rows, owners)
        labels = list(columns)
        texts = texts_of_columns(columns, len(file_rows), None) if columns else []
        names = names_for_target(self._file, self.particles, file_rows, target, project)
        if names is not None:
            labels = [*labels, IMAGE_NAME]
            texts = [(*of_row, name) for of_row, name in zip(texts or [()] * len(names), names, strict=True)]
        left_out = self._columns_left_out(file_rows, target)
        document, block = self._file.document, self._file.particles
        if labels or left_out:
            lines: Sequence[tuple[str, ...]] = texts or [()] * len(file_rows)
            pieces = columns_added_pieces(document, block, labels, lines, file_rows, left_out)
        else:
            pieces = subset_pieces(document, block, file_rows)
        write_whole_pieces(target, pieces if made_by is None else with_origin_comment(pieces, made_by))
        return [target] if self._is_series else [target, write_set_beside(target, self.particles, project)]

    def _of_rows(
        self, columns: Mapping[str, np.ndarray], file_rows: np.ndarray, owners: np.ndarray
    ) -> dict[str, np.ndarray]:
        """The values of the rows that are written: of their particles, or of image series where a column has all rows of the file."""
        of_rows = {}
        for label, values in columns.items():
            if self._is_series and len(values) == self._file.particles.n_rows:
                of_rows[label] = values[file_rows]
                continue
            check_length(values, len(self), f"values of {label}")
            of_rows[label] = values[owners]
        return of_rows

    def rows_to_write(
        self, chosen: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:  # rows of the file, and the particle of each
        """All rows of the chosen particles in the order of the file."""
        if self._is_series:
            are_views = has_repeated_names(self.particles)
            first_rows = self._rows if are_views else self.particles.file_rows
            return rows_of_groups(self._file, replace(self.particles, file_rows=first_rows), chosen)
        order = np.argsort(self._rows[chosen], kind="stable")
        return self._rows[chosen][order], chosen[order]

    def _owners_of_rows(self) -> np.ndarray:  # (rows of the file,) int64: the particle of each; -1 for others
        file_rows, owners = self.rows_to_write(np.arange(len(self)))
        of_rows = np.full(self._file.particles.n_rows, -1, dtype=np.int64)
        of_rows[file_rows] = owners
        return of_rows

    def pose_columns(self, poses: "ChangedPoses") -> dict[str, np.ndarray]:
        """Of image series a value for every row of the file, which `write` takes too."""
        if self._is_series:
            owners = self._owners_of_rows()
            return series_pose_columns(self._file, np.arange(len(owners)), owners, self.particles, poses)
        return stack_pose_columns(self._file, self._rows, self.particles, poses)

    def read_table(
        self, search: ImageSearch | None = None, pixel_size_in_angstroms: float | None = None
    ) -> ParticleTable:
        return table_of_particles(self.particles)
