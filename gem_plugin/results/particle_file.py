"""The particle file that a run started from, whatever program wrote it: columns, subsets, particles as a table.

This is the one place that asks whether particles are RELION's or CryoSPARC's.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from gem_plugin.errors import InputError
from gem_plugin.io.cryosparc.groups import latent_fields, write_particle_group
from gem_plugin.io.cryosparc.jobs import CryosparcParticles, read_cryosparc
from gem_plugin.io.project_folder import FoundStacks, ImageSearch, find_stacks
from gem_plugin.io.relion_project import refuse_job_folder
from gem_plugin.io.run.files import RunFiles
from gem_plugin.io.run.origin import with_origin_comment
from gem_plugin.io.star.columns import read_columns
from gem_plugin.io.star.edit import columns_added_pieces, subset_pieces, write_whole_pieces
from gem_plugin.io.star.particles import RelionFile, read_image_names, read_relion_file
from gem_plugin.notices import warn
from gem_plugin.particles.table import ParticleTable
from gem_plugin.results.column_names import nearest_names
from gem_plugin.results.column_texts import check_length, texts_of_columns
from gem_plugin.results.recorded_rows import RecordedRows

if TYPE_CHECKING:
    from gem_plugin.particles.pose_columns import ChangedPoses

CRYOSPARC_SUFFIXES = (".cs", ".csg")
LATENT_LABEL = "_gemLatent"
HALF_SET_LABEL = "_rlnRandomSubset"
CLASS_LABEL = "_rlnClassNumber"
COMPONENT_LABEL = "_gemVolumePC"
MICROGRAPH_LABEL, MICROGRAPH_FIELD = "_rlnMicrographName", "location/micrograph_uid"
N_COMPONENTS_WRITTEN = 5


class ParticleFile(ABC):
    """The particles of one file; nothing is read before it is asked for, and then once.

    Rows are positions among the rows that are meant: those of a run in the run's order where they were given, else those of
    the file.
    """

    program: ClassVar[str]  # as users call it
    suffix: ClassVar[str]  # of the file that is written back
    write_command: ClassVar[str]  # the command that writes such a file

    def __init__(self, path: Path, recorded: RecordedRows | None = None) -> None:
        self.path = Path(path)
        self.recorded = recorded  # the rows that are meant; None: all of the file

    @abstractmethod
    def __len__(self) -> int: ...

    @property
    @abstractmethod
    def labels(self) -> Sequence[str]:
        """Names of all columns, as the file has them."""

    @abstractmethod
    def column(self, label: str) -> np.ndarray:  # (n,) float64
        """A column of numbers; InputError names the nearest columns where there is none of that name."""

    @abstractmethod
    def values(self, label: str) -> np.ndarray:  # (n,) texts of star files; (n,) or (n, k) of .cs files
        """A column as the file has it."""

    @property
    def micrographs(self) -> np.ndarray | None:  # (n,) names or numbers
        """The micrograph of each row; None where the file does not say."""
        found = [label for label in (MICROGRAPH_LABEL, MICROGRAPH_FIELD) if label in self.labels]
        return self.values(found[0]) if found else None

    @abstractmethod
    def write(
        self,
        target: Path,
        rows: np.ndarray | None = None,  # (k,) int64; default: all
        new_columns: Mapping[str, np.ndarray] | None = None,  # label -> (n,), of all particles
        title: str = "GEM particles",  # that CryoSPARC shows
        description: str = "",
        made_by: RunFiles | None = None,  # named in a comment of the file, where it holds comments
    ) -> list[Path]:
        """Write the chosen rows as they are, with new columns behind them; gives the files written."""

    @abstractmethod
    def latent_columns(self, latents: np.ndarray) -> dict[str, np.ndarray]:  # (n, latent_size)
        """Latents as columns under the names that belong into such a file."""

    @abstractmethod
    def pose_columns(self, poses: "ChangedPoses") -> dict[str, np.ndarray]:
        """Changed poses of all rows as the columns in which such a file has its poses."""

    @abstractmethod
    def write_classes(
        self,
        target: Path,
        states: np.ndarray,  # (n,) from 1; 0 = none
        coordinates: np.ndarray | None,  # (n, c): volume-component coordinates, where known
        made_by: RunFiles,
    ) -> bool:  # whether a file was written
        """All particles with their state as class number, for the program's own class selection."""

    @abstractmethod
    def read_table(
        self, search: ImageSearch | None = None, pixel_size_in_angstroms: float | None = None
    ) -> ParticleTable:
        """Poses and CTF of all particles of the file; the pixel size only for star files that have none."""

    @abstractmethod
    def find_images(self, table: ParticleTable, search: ImageSearch | None = None) -> FoundStacks:
        """The path of every stack that the table names, and the folder that was taken."""

    @property
    def input_files(self) -> list[Path]:
        """The files that are read; nothing may be written over them."""
        return [self.path]

    def files_of(self, target: Path) -> list[Path]:
        """The files that `write` makes for a target."""
        return [target]

    def check_is_there(self) -> None:
        """InputError where the file was moved or deleted. Called before any long work."""
        if not self.path.exists():
            raise InputError(
                f"There is no file {self.path}, from which the run was made. Put it back, or link it to that name."
            )

    def check_target(self, target: Path) -> None:
        """Refuse a name that says something else than what would be written. Called before any long work."""
        if target.suffix != self.suffix and target.suffix in (*CRYOSPARC_SUFFIXES, RelionParticleFile.suffix):
            raise InputError(
                f"{target}: these particles are {self.program}'s; expected a name that ends in {self.suffix}. "
                "gem-em convert translates between the two."
            )

    def check_is_written_by(self, command: str, run: RunFiles) -> None:
        """Refuse write-star for CryoSPARC's particles, and write-cs for RELION's."""
        if command != self.write_command:
            raise InputError(
                f"{self.path}: this run started from {self.program} particles. "
                f"Use `gem-em {self.write_command} {run.root}`."
            )

    def _no_column(self, label: str) -> InputError:
        return InputError(f"{self.path} has no column {label}. {nearest_names(label, self.labels)}")


class RelionParticleFile(ParticleFile):
    """A star file of RELION 3.0 to 5."""

    program, suffix, write_command = "RELION", ".star", "write-star"

    @cached_property
    def _file(self) -> RelionFile:
        return read_relion_file(self.path)

    @cached_property
    def _rows(self) -> np.ndarray:  # (n,) int64: row of the file of each row that is meant
        if self.recorded is None:
            return np.arange(self._file.particles.n_rows)
        return self.recorded.find_in(read_image_names(self._file), self.path)

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def labels(self) -> Sequence[str]:
        return self._file.particles.labels

    def column(self, label: str) -> np.ndarray:
        label = "_" + label.lstrip("_")
        if label not in self.labels:
            raise self._no_column(label)
        return read_columns(self._file.document, self._file.particles, [label])[label][self._rows]

    def values(self, label: str) -> np.ndarray:
        label = "_" + label.lstrip("_")
        if label not in self.labels:
            raise self._no_column(label)
        return read_columns(self._file.document, self._file.particles, (), [label])[label][self._rows]

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
        chosen = self._rows if rows is None else self._rows[rows]
        left_out = self._columns_left_out(chosen, target)
        if new_columns or left_out:
            labels = list(new_columns or {})
            texts = texts_of_columns(new_columns, len(self), rows) if new_columns else [()] * len(chosen)
            pieces = columns_added_pieces(document, particles, labels, texts, chosen, left_out)
        else:
            pieces = subset_pieces(document, particles, chosen)
        if made_by is not None:
            pieces = with_origin_comment(pieces, made_by)
        write_whole_pieces(target, pieces)
        return [target]

    @cached_property
    def _half_sets(self) -> np.ndarray | None:  # (rows of the file,) object array of str
        columns = read_columns(self._file.document, self._file.particles, text_labels=[HALF_SET_LABEL])
        return columns.get(HALF_SET_LABEL)

    def _columns_left_out(self, chosen: np.ndarray, target: Path) -> list[str]:
        """The half-sets where only one is left: RELION's auto-refine ends with an error where the other is empty."""
        if self._half_sets is None or len(chosen) == 0 or len(set(self._half_sets[chosen].tolist())) > 1:
            return []
        warn(
            f"{target}: all {len(chosen)} particles are of half-set {self._half_sets[chosen[0]]}, so {HALF_SET_LABEL[1:]} is "
            "left out: RELION's Refine3D fails where one half-set is empty, and without the column divides the particles anew.",
        )
        return [HALF_SET_LABEL]

    def latent_columns(self, latents: np.ndarray) -> dict[str, np.ndarray]:
        check_length(latents, len(self), "latents")
        return {f"{LATENT_LABEL}{axis + 1}": latents[:, axis] for axis in range(latents.shape[1])}

    def pose_columns(self, poses: "ChangedPoses") -> dict[str, np.ndarray]:
        from gem_plugin.particles.pose_columns import relion_pose_columns

        return relion_pose_columns(self._file, self._rows, poses)

    def write_classes(
        self, target: Path, states: np.ndarray, coordinates: np.ndarray | None, made_by: RunFiles
    ) -> bool:
        columns = {CLASS_LABEL: states}
        if coordinates is not None:
            n_components = min(N_COMPONENTS_WRITTEN, coordinates.shape[1])
            columns |= {f"{COMPONENT_LABEL}{axis + 1}": coordinates[:, axis] for axis in range(n_components)}
        self.write(target, new_columns=columns, made_by=made_by)
        return True

    def read_table(
        self, search: ImageSearch | None = None, pixel_size_in_angstroms: float | None = None
    ) -> ParticleTable:
        from gem_plugin.particles.from_relion import read_relion_particles

        return read_relion_particles(self.path, search, pixel_size_in_angstroms)

    def find_images(self, table: ParticleTable, search: ImageSearch | None = None) -> FoundStacks:
        return find_stacks(_stack_names(table), self.path, search)


class CryosparcParticleFile(ParticleFile):
    """A .cs file, a .csg group, a job directory or an export of CryoSPARC."""

    program, suffix, write_command = "CryoSPARC", ".cs", "write-cs"

    @cached_property
    def _particles(self) -> CryosparcParticles:
        return read_cryosparc(self.path)

    @property
    def input_files(self) -> list[Path]:
        """In a folder of CryoSPARC all of its particle files: which belong together is CryoSPARC's to say."""
        source = self._particles.source
        if self.path.suffix == self.suffix:
            return [self.path, *(file for file in source.parent.glob("*passthrough*.cs"))]
        others = (file for suffix in CRYOSPARC_SUFFIXES for file in source.parent.glob("*" + suffix))
        return [self.path, *others]

    def files_of(self, target: Path) -> list[Path]:
        return [target, target.with_suffix(".csg")]

    @cached_property
    def _rows(self) -> np.ndarray:  # (n,) int64: row of the file of each row that is meant
        uids = self._particles.rows["uid"]
        if self.recorded is None:
            return np.arange(len(uids))
        return self.recorded.find_in(uids.astype(str).astype(object), self.path)

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def labels(self) -> Sequence[str]:
        return self._particles.rows.dtype.names or ()

    def values(self, label: str) -> np.ndarray:
        if label not in self.labels:
            raise self._no_column(label)
        return self._particles.rows[label][self._rows]

    def column(self, label: str) -> np.ndarray:
        values = self.values(label)
        if values.ndim != 1 or values.dtype.kind not in "iufb":
            raise InputError(f"{self.path}: the field {label} does not hold one number per particle.")
        return values.astype(np.float64)

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
        chosen = self._rows if rows is None else self._rows[rows]
        fields = {
            name: values if rows is None else values[rows] for name, values in (new_columns or {}).items()
        }
        text = f"{len(chosen)} of the {len(self)} particles of {self._particles.source.name}"
        description = f"{text}, {description or 'written by GEM'}"
        csg = write_particle_group(target, self._particles, chosen, title, description, fields)
        return [target, csg]

    def latent_columns(self, latents: np.ndarray) -> dict[str, np.ndarray]:
        check_length(latents, len(self), "latents")
        return latent_fields(latents)

    def pose_columns(self, poses: "ChangedPoses") -> dict[str, np.ndarray]:
        from gem_plugin.particles.pose_columns import cryosparc_pose_fields

        return cryosparc_pose_fields(self._particles.rows, self._rows, poses, self._particles.source)

    def write_classes(
        self, target: Path, states: np.ndarray, coordinates: np.ndarray | None, made_by: RunFiles
    ) -> bool:
        return False  # CryoSPARC selects groups, not class numbers: each state is a group of its own

    def read_table(
        self, search: ImageSearch | None = None, pixel_size_in_angstroms: float | None = None
    ) -> ParticleTable:
        from gem_plugin.particles.from_cryosparc import table_from_cryosparc

        return table_from_cryosparc(self._particles)

    def find_images(self, table: ParticleTable, search: ImageSearch | None = None) -> FoundStacks:
        particles = self._particles
        return find_stacks(_stack_names(table), particles.source, search, particles.image_folder)


def open_particle_file(
    path: Path,
    image_names: np.ndarray | None = None,  # (n,) object array of str: RELION's, or uids as text
    file_rows: np.ndarray | None = None,  # (n,) int64: where they were when the names were recorded
) -> ParticleFile:
    """The particles of a path; what it holds is read when it is first asked for.

    With image names, only those particles in that order are meant.
    """
    path = Path(path)
    kind = CryosparcParticleFile if is_cryosparc_path(path) else RelionParticleFile
    return kind(path, None if image_names is None else RecordedRows(image_names, file_rows))


def is_cryosparc_path(path: Path) -> bool:
    """Whether a path is a CryoSPARC file or job directory by its name."""
    return path.suffix in CRYOSPARC_SUFFIXES or path.is_dir()


def program_of(path: Path) -> str | None:
    """The program whose particles a name promises: RELION for .star, CryoSPARC for .cs, .csg and folders, else None."""
    if path.suffix == RelionParticleFile.suffix:
        return RelionParticleFile.program
    return CryosparcParticleFile.program if is_cryosparc_path(path) else None


def read_particles(
    path: Path,
    search: ImageSearch | None = None,
    pixel_size_in_angstroms: float | None = None,  # only for star files that have none
) -> ParticleTable:
    """Read what a user names: a RELION star file, a CryoSPARC .cs or .csg file, or a CryoSPARC job directory."""
    return find_particle_file(path).read_table(search, pixel_size_in_angstroms)


def find_particle_file(path: Path) -> ParticleFile:
    """The particle file that a user names; refuses what is not there or holds no particles by its name."""
    path = Path(path)
    if not path.exists():
        raise InputError(f"There is no file {path}. Check the name; relative names start from {Path.cwd()}.")
    refuse_job_folder(path)
    if not is_cryosparc_path(path) and path.suffix != RelionParticleFile.suffix:
        raise InputError(
            f"{path}: expected particles as .star (RELION), .cs or .csg (CryoSPARC) or a CryoSPARC job directory. "
            "Give run_data.star of a refinement, not the image stack."
        )
    return open_particle_file(path)


def _stack_names(table: ParticleTable) -> dict[str, None]:
    return dict.fromkeys(table.stack_names.tolist())
