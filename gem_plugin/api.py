"""The public Python interface: fit a run, open one, and do with it what the commands do.

Settings are the keywords of the commands (`gem-em run --help`), coerced and checked by the same table: n_states=6, "6" and
None (auto) all work, a str is a path where a path is meant. Wrong values raise InputError with the words of the command
line. Nothing heavy is imported until it is needed.
"""

from __future__ import annotations

import difflib
import io
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

import numpy as np

from gem_plugin.errors import InputError

if TYPE_CHECKING:
    from gem_plugin.io.run.refined_poses import RefinedPoses
    from gem_plugin.landscape.volume_source import VolumeSource
    from gem_plugin.particles.table import ParticleTable
    from gem_plugin.progress import Progress
    from gem_plugin.results.continuum import StateContinuum
    from gem_plugin.results.particle_file import ParticleFile
    from gem_plugin.results.populations import StatePopulations
    from gem_plugin.results.run import Run as OpenedRun
    from gem_plugin.results.sample_comparison import ComparedSamples
    from gem_plugin.results.states import States
    from gem_plugin.results.subunits import Subunits

AnyPath = str | os.PathLike[str]
MAXIMUM_NAMES_SUGGESTED = 3


class Volume(np.ndarray):
    """A map: an array (box, box, box) float32, ordered zyx, with its pixel size in Angstrom."""

    pixel_size: float

    def __new__(cls, values: np.ndarray, pixel_size: float) -> Volume:
        volume = np.asarray(values, dtype=np.float32).view(cls)
        volume.pixel_size = pixel_size
        return volume

    def __array_finalize__(self, made_from: Any) -> None:
        self.pixel_size = getattr(made_from, "pixel_size", float("nan"))

    def write(self, path: AnyPath, *, overwrite: bool = False) -> Path:
        """Write the map as an MRC file; InputError where there is a file of that name, unless overwrite."""
        from gem_plugin.io.mrc.maps import write_map
        from gem_plugin.io.new_files import check_nothing_is_lost

        check_nothing_is_lost([Path(path)], overwrite)
        write_map(Path(path), np.asarray(self), self.pixel_size)
        return Path(path)


class Selection:
    """Some particles of a run."""

    def __init__(self, run: Run, rows: np.ndarray, file: ParticleFile | None = None) -> None:
        self.run = run
        self.rows = rows  # (k,) int64, from 0, in the order of the input
        self._file = file  # that the rows are of; default: the particle file of the run

    def __len__(self) -> int:
        return len(self.rows)

    def __repr__(self) -> str:
        n_particles = self.run.n_particles if self._file is None else len(self._file)
        return f"Selection({len(self)} of {n_particles} particles)"

    def write(self, path: AnyPath, *, overwrite: bool = False) -> Path:
        """Write the original rows, as .star for RELION's particles or .cs (with .csg) for CryoSPARC's.

        InputError where there is a file of that name, unless overwrite; the particle file of the run is never replaced.
        """
        from gem_plugin.io.new_files import check_nothing_is_lost

        original, target = self._file or self.run.original, Path(path)
        check_nothing_is_lost(original.files_of(target), overwrite, original.input_files)
        original.write(target, self.rows, title="Particles chosen by GEM", description="chosen by GEM")
        return target


class Run:
    """A run folder. What it holds is read when it is first asked for; a missing part raises InputError."""

    def __init__(self, folder: AnyPath) -> None:
        self.folder = Path(folder)
        self._opened: OpenedRun | None = None

    def __repr__(self) -> str:
        return f"Run({str(self.folder)!r}, finished: {', '.join(self.finished_steps) or 'nothing'})"

    # what it holds
    @property
    def n_particles(self) -> int:
        return self._results.n_particles

    @property
    def particles(self) -> ParticleTable:
        """Poses, CTF and identity of every particle at the working pixel size; arrays with units in their names."""
        return self._results.particles

    @property
    def original(self) -> ParticleFile:
        """The particle file that the run started from: `.labels`, `.column(label)`, `.write(target, rows)`."""
        return self._results.original

    @property
    def latents(self) -> np.ndarray:  # (n, latent_size) float32
        """The latents of every particle, in the order of the input."""
        return self._results.latents

    @property
    def latents_std(self) -> np.ndarray:  # (n, latent_size) float32
        """Standard deviations of the latents."""
        return self._results.latents_std

    @property
    def columns(self) -> list[str]:
        """Names of the columns of this run; `column` takes these, and every column of the particle file."""
        return self._results.columns

    def column(self, name: str) -> np.ndarray:  # (n,) float64
        """One number per particle, such as column("contrast") or column("rlnDefocusU")."""
        return self._results.column(name)

    def states(self, source: str = "sketch") -> States:
        """States of the particles: "sketch" of landscape, "full" or "leiden" of landscape-full.

        `.labels` (n,), `.numbers`, `.counts`, `.rows(number)`, `.mean_map(number)`, `.table`.
        """
        return self._results.states(source)

    def verdict(self, number: int, source: str = "sketch") -> str:
        """What the checks say of a state: "supported (12 sigma)", "unstable", "few particles", "not tested", ..."""
        return self._results.checks.badge(number, source)

    def populations(self, source: str = "sketch") -> StatePopulations:
        """Fractions of the states by maximum likelihood, with 90 % intervals: of "sketch", "full" or "leiden", as in `states`.

        InputError where the step made none.

        `.fractions`, `.lower`, `.upper`, `.counted` (k,), `.energies_in_kt`, `.energy_errors_in_kt` (k,), `.sentence`.
        """
        return self._results.populations(source)

    @property
    def continua(self) -> Sequence[StateContinuum]:
        """What states, or all particles (state 0), form: `.state`, `.is_closed`, `.rms_in_angstroms`, `.n_positions`, `.sentence`."""
        from gem_plugin.results.continuum import load_continua

        return load_continua(self._results.files.landscape)

    def compared_samples(self) -> ComparedSamples:
        """Fractions of the states in each sample and their differences, of landscape(compare=...); InputError where it compared none.

        `.names`, `.fractions`, `.lower`, `.upper` (samples, states), `.pairs`, `.differences`, `.corrected_p_values` (pairs, states),
        `.verdict(pair)`.
        """
        from gem_plugin.results.sample_comparison import ComparedSamples

        return ComparedSamples.load(self._results.files.landscape)

    def subunits(self, source: str = "sketch") -> Subunits:
        """States of the subunits of each particle, where particles have several views: "sketch", "full" or "leiden".

        `.counts` (particles, states), `.patterns` (observed and expected), `.cooperativity` (value, error, p-value).
        """
        return self._results.subunits(source)

    def decoder(self) -> VolumeSource:
        """The decoder with the latents of all particles, in the model's own box."""
        from gem_plugin.results.decoder import MapGrid

        return self._results.decoder(MapGrid())

    @property
    def finished_steps(self) -> list[str]:
        return list(self._results.all_summaries)

    def settings(self, step: str) -> Mapping[str, Any]:
        """What settings.toml recorded of a step; empty where it was not run."""
        return self._results.settings(step)

    def summary(self, step: str) -> Mapping[str, Any]:
        """The numbers of a finished step; empty where it is not finished."""
        return self._results.summary(step)

    @property
    def excluded(self) -> np.ndarray:  # (k,) int64
        """Rows of particles that are in no training and no state; excluded.csv in the run has the reasons."""
        return self._results.excluded.rows

    @property
    def outliers(self) -> np.ndarray:  # (n,) float32
        """Probability of each particle to be noise alone, or no molecule where its pose says; above 0.5 it is in no state.

        InputError where training left none (--no-outliers, or a run of an earlier version).
        """
        found = self._results.outliers
        if found is None:
            raise InputError(
                f"{self.folder} has no probabilities of outliers: training did not estimate them. Train again without --no-outliers."
            )
        return found

    @property
    def refined_poses(self) -> RefinedPoses | None:
        """How training moved the poses; None where it found them right or did not refine them.

        `.rotation_vectors` (n, 3) in radians: refined rotation matrix = given one @ exp([v]x); `.shifts_in_angstroms` (n, 2): given less
        refined shift, of tilt series (n, 3) as in docs/tilt_series.md; `.is_capped` (n,): at the limit; `.standard_deviations`: degrees, Å.
        """
        return self._results.refined_poses

    # what can be done with it
    @overload
    def decode(self, latents: np.ndarray) -> Volume: ...
    @overload
    def decode(self, latents: Sequence[Sequence[float]]) -> list[Volume]: ...
    def decode(self, latents: Any) -> Any:
        """The map at a latent (latent_size,), or a list of maps at several (k, latent_size)."""
        points = np.asarray(latents, dtype=np.float32)
        source = self.decoder()
        latent_size = source.latents.shape[1]
        if points.shape[-1:] != (latent_size,) or points.ndim > 2 or not np.isfinite(points).all():
            raise InputError(
                f"Expected {latent_size} finite numbers for each latent, got shape {points.shape}."
            )
        volumes = [
            Volume(volume, source.pixel_size_in_angstroms)
            for volume in source.maps_for_files(points.reshape(-1, latent_size))
        ]
        return volumes[0] if points.ndim == 1 else volumes

    def landscape(self, *, show_progress: bool = False, **settings: Any) -> States:
        """Sketch the landscape and find its states (= gem-em landscape); gives the states."""
        self.run_step("landscape", show_progress=show_progress, **settings)
        return self.states()

    def landscape_full(self, *, show_progress: bool = False, **settings: Any) -> States:
        """Coordinates, free energy and state of every particle (= gem-em landscape-full); gives the states."""
        self.run_step("landscape-full", show_progress=show_progress, **settings)
        return self.states("full")

    def select(self, condition: str | None = None, **settings: Any) -> Selection:
        """Choose particles by a condition on columns, such as "state == 2 and contrast > 0.5".

        Other ways are the settings of gem-em select: states=[1, 3], pc_range="1:-0.5:2", exclude=True. Of particles with
        several views, unexpanded=True and min_subunits=3 give particles with at least three of the chosen views.
        """
        from gem_plugin.settings import settings_from_values
        from gem_plugin.steps.select.settings import SelectSettings
        from gem_plugin.steps.select.step import particles_written, rows_chosen

        if "out" in settings:
            raise InputError("select chooses only; write what was chosen with .write(path).")
        if condition is not None:
            settings["where"] = [condition, *settings.get("where", [])]
        chosen: Any = settings_from_values(SelectSettings, settings)
        rows = rows_chosen(self._results, chosen)
        if not chosen.unexpanded:
            return Selection(self, rows)
        written = particles_written(self._results, rows, chosen)
        return Selection(self, written.rows, written.file)

    def reconstruct(
        self, *, show_progress: bool = False, **settings: Any
    ) -> dict[str, dict[str, float]]:  # {map: {column: number}}
        """Half-maps and resolution of every state from its particles (= gem-em reconstruct); gives maps.csv."""
        self.run_step("reconstruct", show_progress=show_progress, **settings)
        return self._results.reconstructed_maps()

    def write(self, path: AnyPath | None = None, latents: bool = True, *, overwrite: bool = False) -> Path:
        """Write all particles, rows as in the original, with the latents as columns.

        Without a path the run's own particles.star (or .cs) is made anew. InputError where there is a file of that name,
        unless overwrite; the particle file of the run is never replaced.
        """
        from gem_plugin.io.new_files import check_nothing_is_lost
        from gem_plugin.results.written_particles import usual_target

        original = self.original
        target = Path(path) if path is not None else usual_target(self._results, latents)
        if target != self._results.files.particles(original.suffix) or path is not None:
            check_nothing_is_lost(original.files_of(target), overwrite, original.input_files)
        columns = original.latent_columns(self.latents) if latents else None
        original.write(target, None, columns, made_by=self._results.files)
        return target

    def run_step(self, step: str, *, show_progress: bool = False, **settings: Any) -> Mapping[str, Any]:
        """Do one step of the command line with its settings as keywords; gives its numbers."""
        from gem_plugin.pipeline.last_settings import settings_with_last
        from gem_plugin.pipeline.run_steps import run_step
        from gem_plugin.pipeline.step_table import STEPS

        if step not in STEPS:
            raise InputError(f"There is no step {step}; there is {', '.join(STEPS)}.")
        files = self._results.files
        progress = _progress(files.log, show_progress)
        chosen: Any = settings_with_last(STEPS[step], files, settings, progress)
        numbers = run_step(STEPS[step], files, chosen, progress)
        self._opened = None  # what was read before may have changed
        return numbers

    @property
    def _results(self) -> OpenedRun:
        if self._opened is None:
            from gem_plugin.results.run import Run as OpenedRun

            self._opened = OpenedRun(self.folder)
        return self._opened


def fit(
    particles: AnyPath
    | None,  # .star of RELION; .cs, .csg or job directory of CryoSPARC; None with samples=["a=a.star", ...]
    map: AnyPath,  # the consensus map of these particles
    out: AnyPath,  # folder of the run; made, or continued where it stopped
    *,
    show_progress: bool = True,
    overwrite: bool = False,  # replace the results of a finished run that had other settings
    **settings: Any,
) -> Run:
    """Do every step from the particles to the report (= gem-em run) and open the run."""
    from gem_plugin.io.run.files import RunFiles
    from gem_plugin.pipeline.finished_runs import check_nothing_is_lost
    from gem_plugin.pipeline.run_steps import RUN_STEPS, run_steps
    from gem_plugin.pipeline.settings_of_steps import fields_of_steps

    values = {"particles": particles, "map": map, **settings}
    known = list(fields_of_steps(RUN_STEPS))
    for name in values:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=MAXIMUM_NAMES_SUGGESTED)
            advice = f"Did you mean {' or '.join(near)}?" if near else "See `gem-em run --help`."
            raise InputError(f"There is no setting {name}. {advice}")
    files = RunFiles(Path(out))
    if not overwrite:
        check_nothing_is_lost(RUN_STEPS, files, values)
    run_steps(RUN_STEPS, files, values, _progress(files.log, show_progress))
    return Run(out)


def open_run(folder: AnyPath) -> Run:
    """Open a run folder, finished or not, of this version or an earlier one.

    Raises InputError for a folder that is not there, is no run, or is a run of cryoDRGN. Parts that an unfinished run
    lacks raise InputError when they are asked for, with the command that makes them.
    """
    from gem_plugin.results.recognise import check_is_run

    check_is_run(Path(folder))
    return Run(folder)


def read_particles(
    path: AnyPath,
    project_folder: AnyPath | None = None,
    pixel_size: float | None = None,  # Angstrom; only for star files that have none
    *,
    datadir: AnyPath | None = None,  # folder of the images where they were moved
    strip_prefix: str | None = None,  # first folders to take off the image names
) -> ParticleTable:
    """Poses, CTF and identity of the particles of a star file, .cs or .csg file, or CryoSPARC job directory.

    The images are looked for only where a star file does not give their box; where they are is said as in `fit`.
    """
    from gem_plugin.io.project_folder import ImageSearch
    from gem_plugin.results.particle_file import read_particles as read

    search = ImageSearch(
        None if project_folder is None else Path(project_folder),
        None if datadir is None else Path(datadir),
        strip_prefix,
    )
    return read(Path(path), search, pixel_size)


def _progress(log: Path, is_shown: bool) -> Progress:
    from gem_plugin.notices import WARNING, Notice, as_python_warning
    from gem_plugin.pipeline.logged_progress import LoggedProgress

    class ProgressForPython(LoggedProgress):
        """Warnings about the data are Python's too, whether progress is shown or not."""

        def hear(self, notice: Notice) -> None:
            if notice.level == WARNING and notice.sentence not in self._said:
                self._said.add(notice.sentence)
                self._keep(f"WARNING: {notice.sentence}")
                as_python_warning(notice)
            super().hear(notice)

    return ProgressForPython(log) if is_shown else ProgressForPython(log, io.StringIO())
