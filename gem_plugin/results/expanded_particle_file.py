"""The particle file of a run that was expanded by symmetry here: it reads and writes one row for each view.

A view is the row of its particle with the pose of the copy and the number of the copy: the column gemSymmetryCopy in
star files; in .cs files the slot sym_expand, and a uid of its own, as CryoSPARC's Symmetry Expansion makes them.
"""

import dataclasses
import warnings
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from gem_plugin.errors import InputError
from gem_plugin.imaging.symmetry import Symmetry
from gem_plugin.io.cryosparc.groups import rows_with_fields, write_particle_group
from gem_plugin.io.run.files import RunFiles
from gem_plugin.io.run.origin import with_origin_comment
from gem_plugin.io.star.columns import read_columns
from gem_plugin.io.star.edit import write_whole_pieces
from gem_plugin.io.star.particles import COPY_LABEL
from gem_plugin.io.star.repeated_rows import repeated_rows_pieces
from gem_plugin.particles.from_relion import ANGLES
from gem_plugin.particles.table import ParticleTable
from gem_plugin.particles.to_relion import relion_angles_in_degrees
from gem_plugin.results.column_texts import texts_of_columns
from gem_plugin.results.particle_file import (
    CryosparcParticleFile,
    ParticleFile,
    RelionParticleFile,
    open_particle_file,
)
from gem_plugin.results.recorded_rows import RecordedRows

COPY_FIELD, SOURCE_FIELD = "sym_expand/idx", "sym_expand/src_uid"
POSE_FIELD = "alignments3D/pose"
DECIMALS_OF_ANGLES = 6  # as RELION writes them
UID_MULTIPLIERS = (0xBF58476D1CE4E5B9, 0x94D049BB133111EB)  # of the splitmix64 generator
UID_STEP = 0x9E3779B97F4A7C15
MAXIMUM_SYMMETRY_TEXT = 16  # bytes


class ViewColumns(RelionParticleFile):
    """Columns of views of a star file: angles are those of the copies, and one column more counts them."""

    _views: "Views"

    @property
    def labels(self) -> Sequence[str]:
        labels = super().labels
        return labels if COPY_LABEL in labels else (*labels, COPY_LABEL)

    def column(self, label: str) -> np.ndarray:
        label = "_" + label.lstrip("_")
        if label == COPY_LABEL:
            return self._views.copies.astype(np.float64)
        if label in ANGLES:
            angles = self._angles(self._rows, np.arange(len(self)))
            return angles[:, ANGLES.index(label)]
        return super().column(label)

    def values(self, label: str) -> np.ndarray:
        is_of_views = "_" + label.lstrip("_") in (COPY_LABEL, *ANGLES)
        return self.column(label) if is_of_views else super().values(label)

    @cached_property
    def _angles_of_file(self) -> np.ndarray:  # (rows of the file, 3) degrees
        columns = read_columns(self._file.document, self._file.particles, ANGLES)
        missing = [label for label in ANGLES if label not in columns]
        if missing:
            raise self._no_column(missing[0])
        return np.stack([columns[label] for label in ANGLES], axis=1)

    def _angles(self, file_rows: np.ndarray, views: np.ndarray) -> np.ndarray:  # (k,) each -> (k, 3) degrees
        """Of rows of the file as views of their particle."""
        angles = self._angles_of_file[file_rows].copy()
        is_copy = self._views.copies[views] > 0
        rotations = Rotation.from_euler("ZYZ", angles[is_copy], degrees=True).inv().as_matrix()
        operators = self._views.symmetry.operators[self._views.copies[views][is_copy]]
        with warnings.catch_warnings():  # where tilt is 0 or 180, psi takes the whole rotation and rot is 0
            warnings.filterwarnings("ignore", "Gimbal lock", UserWarning)
            if is_copy.any():
                angles[is_copy] = relion_angles_in_degrees(rotations @ operators)
        return angles

    def _angle_texts(
        self, file_rows: np.ndarray, views: np.ndarray
    ) -> dict[str, Sequence[str | None]]:  # label -> k texts; None keeps the text
        is_copy = self._views.copies[views] > 0
        texts: dict[str, Sequence[str | None]] = {}
        for label, values in zip(ANGLES, self._angles(file_rows, views).T, strict=True):
            numbers = [f"{value:.{DECIMALS_OF_ANGLES}f}" for value in values.tolist()]
            texts[label] = [text if copied else None for text, copied in zip(numbers, is_copy.tolist())]
        return texts


class ViewsOfStar(ViewColumns):
    """Views of the particles of a star file."""

    def __init__(self, path: Path, table: ParticleTable) -> None:
        super().__init__(path, recorded_particles(table))
        self._views = Views(table)

    @cached_property
    def _rows(self) -> np.ndarray:  # (n,) int64: row of the file of each view
        return super()._rows[self._views.particles]

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
        document, particles = self._file.document, self._file.particles
        views = np.arange(len(self)) if rows is None else np.sort(np.asarray(rows, dtype=np.int64))
        views = views[np.argsort(self._rows[views], kind="stable")]  # in the order of the file
        columns = {COPY_LABEL: self._views.copies, **(new_columns or {})}
        has_poses = set(ANGLES) <= columns.keys()
        angles = {} if has_poses else self._angle_texts(self._rows[views], views)
        pieces = repeated_rows_pieces(
            document,
            particles,
            self._rows[views],
            angles,
            list(columns),
            texts_of_columns(columns, len(self), views),
            self._columns_left_out(self._rows[views], target),
        )
        write_whole_pieces(target, pieces if made_by is None else with_origin_comment(pieces, made_by))
        return [target]


class ViewsOfCryosparc(CryosparcParticleFile):
    """Views of the particles of CryoSPARC."""

    def __init__(self, path: Path, table: ParticleTable) -> None:
        super().__init__(path, recorded_particles(table))
        self._views = Views(table)

    @cached_property
    def _rows(self) -> np.ndarray:  # (n,) int64: row of the file of each view
        return super()._rows[self._views.particles]

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
        views = np.arange(len(self)) if rows is None else np.asarray(rows, dtype=np.int64)
        fields = {name: values[views] for name, values in (new_columns or {}).items()}
        text = f"{len(views)} of the {len(self)} views of the particles of {self._particles.source.name}"
        description = f"{text}, {description or 'written by GEM'}"
        particles = dataclasses.replace(self._particles, rows=self.rows_of_views(views))
        return [target, write_particle_group(target, particles, None, title, description, fields)]

    def rows_of_views(self, views: np.ndarray) -> np.ndarray:  # (k,) structured
        """The rows of the particles as Symmetry Expansion makes them: poses, uids and the slot sym_expand."""
        copies = self._views.copies[views]
        return rows_as_views(self._particles.rows, self._rows[views], copies, self._views.symmetry)


def open_views(path: Path, table: ParticleTable) -> ParticleFile:
    """The particle file of a table that was expanded here, with a row for each view."""
    kind = type(open_particle_file(path))
    return {RelionParticleFile: ViewsOfStar, CryosparcParticleFile: ViewsOfCryosparc}[kind](path, table)


def holds_copies(particles: ParticleFile) -> bool:
    """Whether the columns of a file say that it was expanded by symmetry, here or by CryoSPARC."""
    copies = copies_in_file(particles)
    return copies is not None and bool((copies > 0).any())


def copies_in_file(particles: ParticleFile) -> np.ndarray | None:  # (n,)
    """The number of the copy of each row, 0 for the original one; None where the file does not say."""
    for label in (COPY_LABEL, COPY_FIELD):
        if label in particles.labels:
            return particles.column(label)
    return None


def rows_as_views(
    rows: np.ndarray,  # (m,) structured, of all particles
    chosen: np.ndarray,  # (k,) int64: the particle of each view
    copies: np.ndarray,  # (k,) which operator
    symmetry: Symmetry,
) -> np.ndarray:  # (k,) structured
    """CryoSPARC's rows of views: copy 0 keeps uid and pose, the others get R_j^T P as pose and a new uid."""
    if POSE_FIELD not in (rows.dtype.names or ()):
        raise InputError(f"The particles have no {POSE_FIELD}, so that no copies of their poses can be made.")
    taken = rows[chosen]
    is_copy = copies > 0
    poses = Rotation.from_rotvec(taken[POSE_FIELD][is_copy].astype(np.float64)).as_matrix()
    operators = symmetry.operators[copies[is_copy]]
    if is_copy.any():
        copied = Rotation.from_matrix(operators.transpose(0, 2, 1) @ poses).as_rotvec()
        taken[POSE_FIELD][is_copy] = copied.astype(taken.dtype[POSE_FIELD].base)
    sources = taken["uid"].copy()
    taken["uid"] = uids_of_views(sources, copies, rows["uid"])
    n_views = len(taken)
    text = symmetry.name.split()[0].encode()[:MAXIMUM_SYMMETRY_TEXT]
    fields = {
        SOURCE_FIELD: sources,
        COPY_FIELD: copies.astype("<u4"),
        "sym_expand/symmetry": np.full(n_views, text, dtype=f"S{MAXIMUM_SYMMETRY_TEXT}"),
        "sym_expand/is_helix": np.zeros(n_views, dtype="<u4"),
        "sym_expand/helix_num_rises": np.zeros(n_views, dtype="<u4"),
        "sym_expand/helix_twist_rad": np.zeros(n_views, dtype="<f4"),
        "sym_expand/helix_rise_A": np.zeros(n_views, dtype="<f4"),
    }
    return rows_with_fields(taken, fields)


def uids_of_views(
    sources: np.ndarray,  # (k,) uint64: uid of the particle of each view
    copies: np.ndarray,  # (k,)
    taken: np.ndarray,  # uids of all particles, which no copy may have
) -> np.ndarray:  # (k,) uint64
    """The uid of the particle for copy 0, and for the others a number made of that uid and the copy: the same every time."""
    uids = sources.astype(np.uint64)
    is_copy = copies > 0
    steps = copies[is_copy].astype(np.uint64)
    mixed = _mixed(uids[is_copy] ^ _mixed(steps))
    while True:  # two of 2**64 numbers that are the same are next to impossible
        is_taken = np.isin(mixed, taken)
        if not is_taken.any():
            break
        mixed[is_taken] = _mixed(mixed[is_taken])
    uids[is_copy] = mixed
    return uids


def _mixed(numbers: np.ndarray) -> np.ndarray:  # uint64 -> uint64, one to one
    """The output function of the splitmix64 generator (Steele, Lea and Flood 2014)."""
    values = numbers + np.uint64(UID_STEP)
    values = (values ^ (values >> np.uint64(30))) * np.uint64(UID_MULTIPLIERS[0])
    values = (values ^ (values >> np.uint64(27))) * np.uint64(UID_MULTIPLIERS[1])
    return values ^ (values >> np.uint64(31))


class Views:
    """Which particle and which operator each row of an expanded table is of."""

    def __init__(self, table: ParticleTable) -> None:
        _, self.particles = np.unique(table.file_rows, return_inverse=True)  # (n,) int64
        self.copies = table.symmetry_copies
        self.symmetry = table.symmetry


def recorded_particles(table: ParticleTable) -> RecordedRows:
    """One image name for each row of the particle file that is used, in its order."""
    file_rows, first = np.unique(table.file_rows, return_index=True)
    return RecordedRows(table.image_names[first], file_rows)
