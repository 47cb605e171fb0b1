"""A run, opened for reading: everything it holds, each part read when it is first asked for, and then once.

Whoever wants to know what a run holds asks here: select, explorer, report, notebook, external jobs. Steps write through
the path tables in io/run and the saved objects beside this file.
"""

import difflib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from gem_plugin.errors import InputError
from gem_plugin.io.array_files import read_array, read_arrays, read_number_table
from gem_plugin.io.run.excluded import ExcludedParticles, read_excluded, used_particles
from gem_plugin.io.run.files import RunFiles
from gem_plugin.io.run.names import latents_of_series, map_files
from gem_plugin.io.run.notices import read_notices
from gem_plugin.io.run.outliers import count_in_states, is_outlier, read_outliers
from gem_plugin.io.run.refined_poses import RefinedPoses, read_refined_poses
from gem_plugin.io.run.settings import read_run_settings, read_summary
from gem_plugin.io.run.subunit_files import SubunitFiles
from gem_plugin.landscape.motion.gaussians import GaussianMotion, motion_from_arrays
from gem_plugin.landscape.volume_source import VolumeSource
from gem_plugin.notices import Notice
from gem_plugin.particles.prepared import ParticleOrigin, PreparedData, load_prepared, load_prepared_table
from gem_plugin.particles.table import ParticleTable
from gem_plugin.results.checks import RunChecks, read_diagnostics
from gem_plugin.results.column_names import (
    COLUMN_FAMILIES,
    ColumnFamily,
    family_of,
    fixed_names,
    full_name,
    nearest_names,
)
from gem_plugin.results.components import VolumeComponents
from gem_plugin.results.csv_tables import read_map_table, read_number_columns, read_text_rows
from gem_plugin.results.decoder import MapGrid, open_decoder, recorded_cryodrgn
from gem_plugin.results.original_file import open_original
from gem_plugin.results.particle_columns import ParticleColumn, check_length, read_family
from gem_plugin.results.particle_file import ParticleFile
from gem_plugin.results.populations import StatePopulations
from gem_plugin.results.same_making import check_same_making
from gem_plugin.results.sketch import Sketch
from gem_plugin.results.state_sources import FULL, LEIDEN, SKETCH, STATE_SOURCES
from gem_plugin.results.states import States
from gem_plugin.results.subunits import Subunits

LATENT_COMPONENT, VOLUME_COMPONENT = "latent component", "volume component"


@dataclass(frozen=True)
class MapSeries:
    """Maps that belong together in an order: a trajectory."""

    title: str
    folder: Path
    paths: list[Path]

    @property
    def latents(self) -> np.ndarray | None:  # (points, latent_size) float32
        """What the maps were decoded from; None along volume components, which need no decoding."""
        path = latents_of_series(self.folder)
        return read_number_table(path).astype(np.float32) if path.is_file() else None


class Run:
    """One run folder, finished or not. A part that is not there raises InputError with the command that makes it."""

    def __init__(self, folder: Path | str | RunFiles) -> None:
        self.files = folder if isinstance(folder, RunFiles) else RunFiles(Path(folder))
        self._families: dict[ColumnFamily, list[ParticleColumn]] = {}
        self._landscape_is_checked = False

    def __repr__(self) -> str:
        done = ", ".join(self._summaries) or "no step finished"
        return f"{type(self).__name__}({str(self.files.root)!r}: {done})"

    # particles
    @cached_property
    def _prepared(self) -> tuple[ParticleTable, np.ndarray, ParticleOrigin]:
        return load_prepared_table(self.files)

    @property
    def is_prepared(self) -> bool:
        """Whether the particles were read into the run; landscapes of other programs' runs have none."""
        return self.files.prepared_table.is_file()

    @property
    def particles(self) -> ParticleTable:
        """Poses, CTF and identity of every particle, at the working box."""
        return self._prepared[0]

    @property
    def table_if_there(self) -> ParticleTable | None:
        return self.particles if self.is_prepared else None

    @property
    def origin(self) -> ParticleOrigin:
        """Where the particles came from."""
        return self._prepared[2]

    @cached_property
    def original(self) -> ParticleFile:
        """The particle file that the run started from, its rows in the order of the run; views where it was expanded here."""
        return open_original(self.files, self.particles, self.origin.particle_file)

    def images(self) -> PreparedData:
        """The prepared images, which stay on disk, with table and noise spectrum."""
        return load_prepared(self.files)

    @cached_property
    def n_particles(self) -> int:
        """By the prepared table, else by the latents, else by the states."""
        if self.is_prepared:
            return len(self.particles)
        latents = self.latents_if_there
        if latents is not None:
            return len(latents)
        return len(self.states().labels)

    @cached_property
    def excluded(self) -> ExcludedParticles:
        """Particles that prepare left out of training, states and populations: .rows, .image_names, .reasons."""
        return read_excluded(self.files)

    @property
    def is_used(self) -> np.ndarray:  # (n,) bool
        """False for the excluded particles."""
        return used_particles(self.files, self.n_particles)

    @property
    def outliers(self) -> np.ndarray | None:  # (n,) float32
        """Probability of each particle to be noise, or no molecule where its pose says; None where training left none."""
        return read_outliers(self.files, self.n_particles) if self.files.outliers.is_file() else None

    @property
    def is_outlier(self) -> np.ndarray:  # (n,) bool
        """True for the particles that are more probably outliers than not; none where training left no probabilities."""
        return is_outlier(self.files, self.n_particles)

    @property
    def is_in_states(self) -> np.ndarray:  # (n,) bool
        """True for the particles that count in states and populations: neither excluded nor outliers."""
        return count_in_states(self.files, self.n_particles)

    @property
    def refined_poses(self) -> RefinedPoses | None:
        """How training moved the poses; None where it found them right or did not refine them."""
        is_there = self.files.refined_poses.is_file()
        return read_refined_poses(self.files, self.n_particles) if is_there else None

    # latents
    @cached_property
    def latents(self) -> np.ndarray:  # (n, latent_size) float32
        """The latents of every particle."""
        if not self.files.latents.is_file() and recorded_cryodrgn(self.files) is not None:
            return self.decoder().latents
        if not self.files.latents.is_file():
            raise InputError(
                f"{self.files.latents} is missing: no particle has latents yet. "
                f"Run `gem-em train {self.files.root}` first."
            )
        return read_array(self.files.latents, f"gem-em train {self.files.root}")

    @property
    def latents_if_there(self) -> np.ndarray | None:
        is_there = self.files.latents.is_file() or recorded_cryodrgn(self.files) is not None
        return self.latents if is_there else None

    @cached_property
    def latents_std(self) -> np.ndarray:  # (n, latent_size) float32
        """Standard deviations of the latents."""
        return read_array(self.files.latents_std, f"gem-em train {self.files.root}")

    # columns
    @property
    def columns(self) -> list[str]:
        """Names of all columns that this run has; column() takes these, and every column of the particle file."""
        return [column.name for column in self.particle_columns()]

    def column(self, name: str) -> np.ndarray:  # (n,) float64
        """One number a particle: a column of the run, or of the particle file (rlnDefocusU, alignments3D/psize_A)."""
        family = family_of(full_name(name))
        if family is not None:
            return self.particle_column(name).values.astype(np.float64)
        if not self.is_prepared:
            raise self._no_column(name, [])
        try:
            labels = self.original.labels
        except InputError:  # the file was moved away: a misspelt name of our own is still worth a hint
            if difflib.get_close_matches(name, self.columns):
                raise self._no_column(name, []) from None
            raise
        if name not in labels and "_" + name.lstrip("_") not in labels:
            raise self._no_column(name, [label.lstrip("_") for label in labels])
        return self.original.column(name)

    def particle_column(self, name: str) -> ParticleColumn:
        """A column of the run with its label."""
        full = full_name(name)
        family = family_of(full)
        if family is None:
            raise self._no_column(name, [])
        if family.made_by.startswith("landscape"):
            self.check_landscape()
        columns = {column.name: column for column in self._family(family)}
        if not columns:
            raise InputError(
                f"{self.files.root} has no column {full} yet. Run `gem-em {family.made_by} {self.files.root}`."
            )
        if full not in columns:
            raise InputError(f"There is no column {full}; there is {', '.join(columns)}.")
        check_length(columns[full], self.n_particles, self.files, family.made_by)
        return columns[full]

    def particle_columns(self) -> list[ParticleColumn]:
        """All columns of the run, the most telling ones first; without those of other particles."""
        return [column for column in self._all_columns if len(column.values) == self.n_particles]

    @property
    def columns_of_other_particles(self) -> list[str]:
        """Columns with another number of rows than the run: their step has to be run again."""
        return [column.name for column in self._all_columns if len(column.values) != self.n_particles]

    @property
    def _all_columns(self) -> list[ParticleColumn]:
        return [column for family in COLUMN_FAMILIES for column in self._family(family)]

    def _family(self, family: ColumnFamily) -> list[ParticleColumn]:
        if family not in self._families:
            self._families[family] = read_family(family, self)
        return self._families[family]

    def _no_column(self, name: str, labels_of_file: list[str]) -> InputError:
        known = [*self.columns, *labels_of_file]
        not_yet = [made for made in fixed_names() if made not in known]
        return InputError(f"There is no column {name}. {nearest_names(full_name(name), known, not_yet)}")

    # landscape
    def states(self, source: str = SKETCH) -> States:
        """States of all particles: of landscape (sketch), of landscape-full (full), or Leiden communities (leiden)."""
        self.check_landscape()
        states = States.load(self.files.landscape, source)
        if self.is_prepared and len(states.labels) != len(self.particles):
            raise InputError(
                f"The states of {self.files.landscape.root} are of {len(states.labels)} particles, the run has "
                f"{len(self.particles)}. Run `gem-em landscape {self.files.root}` again."
            )
        return states

    def check_landscape(self) -> None:
        """Refuse a landscape whose parts were made at different times."""
        if not self._landscape_is_checked:
            check_same_making(self.files)
            self._landscape_is_checked = True

    def populations(self, source: str = SKETCH) -> StatePopulations:
        """Fractions of the states with their errors, of a set of states by name; InputError in runs before 0.2.0."""
        self.check_landscape()
        return StatePopulations.load(self.files.landscape, source)

    @property
    def state_maps(self) -> dict[int, Path]:
        """Files of the mean maps of the states of landscape, by state."""
        files = self.files.landscape.states
        return {number: files.mean(number) for number in files.numbers_with_maps()}

    @property
    def state_counts(self) -> dict[int, int]:
        """Particles of each state of landscape whose mean map is there."""
        labels = next((one.values for one in self.particle_columns() if one.name == "state"), np.zeros(0))
        return {number: int((labels == number).sum()) for number in self.state_maps}

    @cached_property
    def state_table(self) -> list[dict[str, str]]:
        """states.csv of landscape: state, maps, particles, and whatever else was measured."""
        return read_text_rows(self.files.landscape.state_table)

    def has_states(self, source: str = SKETCH) -> bool:
        files = self.files.landscape
        return {
            "sketch": files.particle_states,
            "full": files.full.particle_states,
            "leiden": files.full.leiden_states,
        }[source].is_file()

    @property
    def state_sources(self) -> tuple[str, ...]:
        """The sets of states that the run holds."""
        return tuple(source for source in STATE_SOURCES if self.has_states(source))

    def subunits(self, source: str = SKETCH) -> Subunits:
        """The states of the subunits of each particle, where particles have several views; of a set of states by name."""
        self.check_landscape()
        if source not in STATE_SOURCES:
            raise InputError(f"There are no subunits of {source!r}; expected {', '.join(STATE_SOURCES)}.")
        return Subunits.load(self.subunit_files(source))

    def has_subunits(self, source: str = SKETCH) -> bool:
        return self.subunit_files(source).table.is_file()

    def subunit_files(self, source: str) -> SubunitFiles:
        files = self.files.landscape
        return {
            SKETCH: files.subunits,
            FULL: files.full.subunits,
            LEIDEN: files.full.leiden_subunits,
        }[source]

    def sketch(self) -> Sketch:
        """The particles that stand for all in the landscape."""
        self.check_landscape()
        return Sketch.load(self.files.landscape, self.n_particles)

    def volume_components(self) -> VolumeComponents:
        """Volume components of the sketch maps."""
        self.check_landscape()
        return VolumeComponents.load(self.files.landscape)

    def decoder(self, grid: MapGrid | None = None, devices: str = "cpu") -> VolumeSource:
        """The decoder with the latents; on the grid of the landscape unless another is given."""
        return open_decoder(self.files, grid, devices)

    def reconstructed_maps(self) -> dict[str, dict[str, float]]:
        """maps.csv of reconstruct: {map: {column: number}}; empty before it."""
        return read_map_table(self.files.reconstruct.table)

    def half_map_curves(self, name: str) -> dict[str, np.ndarray]:  # column -> (box // 2,)
        """The half-map correlations of a reconstructed map; empty where it was not made."""
        return read_number_columns(self.files.reconstruct.curves(name))

    @cached_property
    def motion(self) -> GaussianMotion | None:
        """How the Gaussians move, where report has measured it."""
        if not self.files.motion.is_file():
            return None
        return motion_from_arrays(read_arrays(self.files.motion, "gem-em report"))

    @cached_property
    def series(self) -> list[MapSeries]:
        """Maps along latent components and volume components."""
        kinds = (
            (LATENT_COMPONENT, self.files.analyze.component_folders()),
            (VOLUME_COMPONENT, self.files.landscape.component_folders()),
        )
        found = [
            MapSeries(f"{kind} {number}", folder, map_files(folder))
            for kind, folders in kinds
            for number, folder in folders.items()
        ]
        return [series for series in found if series.paths]

    # records
    @cached_property
    def all_settings(self) -> dict[str, dict[str, Any]]:
        """settings.toml: {step: {setting: value}}."""
        return read_run_settings(self.files)

    def settings(self, step: str) -> dict[str, Any]:
        """The recorded settings of one step; empty where it was not run."""
        return self.all_settings.get(step, {})

    @cached_property
    def _summaries(self) -> dict[str, dict[str, Any]]:
        return read_summary(self.files)

    @property
    def all_summaries(self) -> dict[str, dict[str, Any]]:
        """summary.json: the numbers of every finished step."""
        return self._summaries

    def summary(self, step: str) -> dict[str, Any]:
        """The numbers of one finished step; empty where it is not finished."""
        return self._summaries.get(step, {})

    @cached_property
    def notices(self) -> dict[str, list[Notice]]:
        """What the finished steps warned about, by step."""
        return read_notices(self.files)

    @cached_property
    def checks(self) -> RunChecks:
        """checks.csv: what was checked and found, and the verdict on every state."""
        return RunChecks.load(self.files)

    def diagnostics(self) -> list[dict[str, Any]]:
        """The checks as rows of diagnostics.json; runs of earlier versions have only those of diagnose."""
        return self.checks.as_plain() if self.files.checks.is_file() else read_diagnostics(self.files)

    @cached_property
    def history(self) -> dict[str, np.ndarray]:  # column -> (epochs,)
        """history.csv of the training; empty before it."""
        return read_number_columns(self.files.history)
