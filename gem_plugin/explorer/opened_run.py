"""All that the explorer knows of a run; parts are opened when they are first requested."""

import contextlib
import csv
import hashlib
import shlex
import threading
from pathlib import Path
from typing import Any

import numpy as np

from gem_plugin.errors import GemError, InputError
from gem_plugin.explorer.cryosparc_sending import cryosparc_fields
from gem_plugin.explorer.latent_axes import latent_axes
from gem_plugin.explorer.molecules import Molecules
from gem_plugin.explorer.particle_certainty import ParticleCertainty
from gem_plugin.explorer.positions import described_positions
from gem_plugin.explorer.recluster import OpenedSketch
from gem_plugin.explorer.run_watch import RunNews, news_of, stamp_of
from gem_plugin.explorer.samples import described_samples
from gem_plugin.explorer.selection_facts import SelectionFacts
from gem_plugin.explorer.selection_maps import SelectionMaps
from gem_plugin.explorer.trajectory import KINDS
from gem_plugin.explorer.work_parts import RunOfWork
from gem_plugin.io.run.files import RunFiles
from gem_plugin.landscape.checks.state_verdicts import UNKNOWN
from gem_plugin.landscape.latents.near_particles import NearParticles
from gem_plugin.landscape.linkages import LINKAGES
from gem_plugin.progress import Track, untracked
from gem_plugin.results.near_particles import near_latents
from gem_plugin.results.particle_columns import ColumnKind, ParticleColumn, drawn_columns
from gem_plugin.results.run import Run
from gem_plugin.steps.landscape.mask import LEVEL_OF_CRYODRGN, LEVEL_OF_GAUSSIANS


class OpenedRun:
    """One run, opened for the explorer."""

    def __init__(self, run: RunFiles, table: Path | None = None) -> None:
        self.run = run
        self.opened = Run(run)
        self.opened.check_landscape()
        columns = drawn_columns(self.opened.particle_columns()) if _has_particles(self.opened) else []
        if not columns:
            raise InputError(
                f"{run.root} has no prepared particles and no latents: there is nothing to look at yet. "
                "Give the folder of a run (--out of `gem-em run`)."
            )
        if table is not None:
            columns += columns_of_own_table(table, len(columns[0].values))
        self.columns = {column.name: column for column in columns}
        self.n_particles = len(columns[0].values)
        self._molecules: Molecules | None = None
        self._sketch: OpenedSketch | None = None
        self._near: NearParticles | None = None
        self._selection_maps: SelectionMaps | None = None
        self.table, self.stamp = table, stamp_of(run)
        self.certainty = ParticleCertainty(self.opened)
        self.selection_facts = SelectionFacts(self.opened)
        self._lock = threading.Lock()

    def reopen(self) -> None:
        """Take the results that are on the disk now. InputError where they cannot be opened; then all stays as it was."""
        vars(self).update(vars(OpenedRun(self.run, self.table)))

    def news(self) -> RunNews:
        """What changed on the disk since."""
        return news_of(self.run, self.stamp)

    def molecules(self) -> Molecules:
        """The decoder; opened once."""
        with self._lock:
            if self._molecules is None:
                self._molecules = Molecules(self.run, self.opened.decoder())
            return self._molecules

    def opened_sketch(self) -> OpenedSketch:
        """The sketch; opened once."""
        molecules = self.molecules()
        with self._lock:
            if self._sketch is None:
                self._sketch = OpenedSketch(self.opened, molecules)
            return self._sketch

    def selection_maps(self) -> SelectionMaps:
        """Averages maps over selections; opened once."""
        molecules = self.molecules()
        with self._lock:
            if self._selection_maps is None:
                self._selection_maps = SelectionMaps(molecules)
            return self._selection_maps

    def near_latents(self) -> NearParticles:
        """Counts the particles near points of the latent space; opened once."""
        latents = self.molecules().source.latents
        with self._lock:
            if self._near is None:
                self._near = near_latents(self.opened) or NearParticles(latents)
            return self._near

    def run_of_work(self) -> RunOfWork:
        """What baskets, paths and states of the page depend on."""
        opened, table = self.opened, self.opened.table_if_there
        latents, files = opened.latents_if_there, self.run.landscape
        has_sketch = files.distances.is_file() and files.sketch_rows.is_file()
        return RunOfWork(
            self.n_particles,
            ""
            if table is None
            else fingerprint(_texts(table.image_names), table.file_rows, table.symmetry_copies),
            "" if latents is None else fingerprint(latents),
            fingerprint(opened.sketch().rows, opened.sketch().labels) if has_sketch else "",
        )

    def verdicts(self, particle_states: np.ndarray, n_states: int) -> list[dict[str, str]]:  # (n,) from 1
        """The verdict on each state; those of the run have been checked, others that the page makes have not."""
        labels = self.opened.states().labels if self.opened.has_states() else np.zeros(0)
        is_of_run = np.array_equal(labels, particle_states)
        found = [self.opened.checks.verdict(one) if is_of_run else UNKNOWN for one in range(1, n_states + 1)]
        return [{"kind": one.kind, "badge": one.badge, "sentence": one.sentence} for one in found]

    def column(self, name: str) -> ParticleColumn:
        if name not in self.columns:
            raise InputError(f"There is no column {name[:80]!r}.")
        return self.columns[name]

    def description(self) -> dict[str, Any]:
        """What the page needs to draw the particles; quick, because nothing is decoded."""
        positions = described_positions(self.opened)
        return {
            "name": self.run.root.resolve().name,
            "nParticles": self.n_particles,
            "columns": [self._described(column) for column in self.columns.values()],
            "training": training_state(self.run),
            "stamp": self.news().stamp,
            "command": f"gem-em explore {shlex.quote(str(self.run.root.absolute()))}",
            "sessions": self.run.explore.session_names(),
            "trajectoryKinds": KINDS,
            "linkages": LINKAGES,
            "samples": described_samples(self.opened),
            **({} if positions is None else {"positions": positions}),
        }

    def decoding(self) -> dict[str, Any]:
        """What there is to decode and to recluster; says what is missing and what would make it."""
        return {
            "model": self._model_description(),
            "landscape": self._landscape_description(),
            "cryosparc": cryosparc_fields(self.opened),
        }

    def warm_up(self, track: Track = untracked) -> None:
        """Open model and sketch before they are requested; the first decoding and image compile for seconds."""
        with contextlib.suppress(GemError):
            molecules = self.molecules()
            if molecules.has_images:
                cloud = molecules.decode_particle(0, with_cloud=True).cloud
                if cloud is not None:
                    molecules.images(0, cloud)
            source = molecules.source
            if self.run.landscape.distances.is_file() and not source.decoding_is_slow:
                self.opened_sketch().voxels(track)

    def _described(self, column: ParticleColumn) -> dict[str, Any]:
        badges = self.opened.checks.badges_of_column(column.name, column.values)
        return {**_column_description(column), **({"badges": badges} if badges else {})}

    def _model_description(self) -> dict[str, Any]:
        try:
            molecules = self.molecules()
        except GemError as error:
            return {"missing": str(error)}
        window = molecules.window
        return {
            "latentSize": molecules.source.latents.shape[1],
            "boxSize": molecules.source.box_size,
            "pixelSize": molecules.source.pixel_size_in_angstroms,
            "hasImages": molecules.has_images,
            **({"hasTilts": True} if molecules.has_tilts else {}),
            "windowSize": window.size,
            "windowFirst": window.first,
            "densityOf255": window.density_of_255,
            "level": window.level,
            "latentAxes": latent_axes(molecules.source.latents),
            "fingerprint": fingerprint(molecules.source.latents),
        }

    def _landscape_description(self) -> dict[str, Any]:
        files = self.run.landscape
        if not files.distances.is_file() or not files.sketch_rows.is_file():
            return {"missing": f"There is no landscape yet. Run `gem-em landscape {self.run.root}`."}
        try:
            sketch = self.opened_sketch()
        except GemError as error:
            return {"missing": str(error)}
        states = self.columns.get("state")
        return {
            "nMaps": len(sketch.rows),
            "fingerprint": fingerprint(sketch.rows, sketch.labels),
            "nStates": int(states.values.max()) if states is not None else 1,
            "linkage": self._linkage(),
            "regions": sketch.regions(),
            "masks": sketch.masks.file_names(),
            "maskLevel": LEVEL_OF_GAUSSIANS if self.molecules().source.clouds_at else LEVEL_OF_CRYODRGN,
        }

    def _linkage(self) -> str:
        """That of the states of the run, so that the page begins with them."""
        found = self.opened.summary("landscape").get("linkage")
        linkage = str(found or self.opened.settings("landscape").get("linkage"))
        return linkage if linkage in LINKAGES else LINKAGES[0]


def _has_particles(run: Run) -> bool:
    return run.is_prepared or run.latents_if_there is not None or run.has_states()


def training_state(run: RunFiles) -> dict[str, Any]:
    """How far the training is."""
    opened = Run(run)
    done = len(next(iter(opened.history.values()), []))
    n_epochs = opened.settings("train").get("epochs")
    is_finished = opened.latents_if_there is not None
    return {"epochs": done, "of": n_epochs, "isFinished": is_finished}


def columns_of_own_table(path: Path, n_particles: int) -> list[ParticleColumn]:
    """Columns of numbers of the user's own csv file: a header line, then one row a particle in the input's order."""
    if not path.is_file():
        raise InputError(f"--table: there is no file {path}.")
    with open(path, encoding="utf-8", newline="") as handle:
        rows = list(csv.reader(handle))
    header, body = (rows[0], rows[1:]) if rows else ([], [])
    if len(body) != n_particles:
        raise InputError(
            f"{path} has {len(body)} rows under its header; the run has {n_particles} particles."
        )
    columns = []
    for index, name in enumerate(header):
        try:
            values = np.array([float(row[index]) for row in body], dtype=np.float32)
        except (ValueError, IndexError) as error:
            raise InputError(f"{path}, column {name}: expected one number per row ({error}).") from error
        columns.append(ParticleColumn(f"own_{name}", f"{name} (own table)", values))
    return columns


def fingerprint(*arrays: np.ndarray) -> str:
    """The same for the same numbers: saved sessions know by it whether the run was made again since."""
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()[:16]


def _texts(names: np.ndarray) -> np.ndarray:  # (n,) objects -> bytes
    return np.frombuffer("\n".join(map(str, names)).encode(), np.uint8)


def _column_description(column: ParticleColumn) -> dict[str, Any]:
    finite = column.values[np.isfinite(column.values)]
    return {
        "name": column.name,
        "label": column.label,
        "isGroup": column.kind is ColumnKind.GROUP,
        "lowest": float(finite.min()) if len(finite) else 0.0,
        "highest": float(finite.max()) if len(finite) else 0.0,
    }
