"""The sketch of a landscape, saved and loaded in one place. On disk, "no map" is -1, which is no position of any map."""

import json
from dataclasses import dataclass

import numpy as np

from gem_plugin.errors import InputError
from gem_plugin.io.array_files import read_array, read_rows, write_array, write_numbers
from gem_plugin.io.run.files import RunFiles
from gem_plugin.io.run.landscape_files import LandscapeFiles
from gem_plugin.io.run.settings import read_run_settings
from gem_plugin.io.whole_files import write_text_whole
from gem_plugin.landscape.sketch import Sketch as SketchCells

MADE_BY = "gem-em landscape"
FIRST_NUMBER = "first_number"


@dataclass(frozen=True)
class Sketch(SketchCells):
    """The cells of the latent space, and how their maps are numbered in file names."""

    first_number: int = 1  # of the first map, as --vol-start-index had it

    @property
    def map_numbers(self) -> np.ndarray:  # (n,) int64; -1: no map
        """Number of the sketch map of every particle, as file names have it."""
        return np.where(self.labels < 0, -1, self.labels + self.first_number)

    def save(self, files: LandscapeFiles, latents: np.ndarray) -> None:  # (n, latent_size), of all particles
        """Rows and latents as text, labels as an array."""
        write_numbers(files.sketch_latents, latents[self.rows])
        write_numbers(files.sketch_rows, self.rows)
        write_array(files.sketch_labels, self.labels)
        write_text_whole(files.sketch_record, json.dumps({FIRST_NUMBER: self.first_number}) + "\n")

    @classmethod
    def load(cls, files: LandscapeFiles, n_particles: int) -> "Sketch":
        """The sketch of a finished landscape, also of one made by version 0.1.0."""
        rows = read_rows(files.sketch_rows, n_particles)
        labels = read_array(files.sketch_labels, MADE_BY)
        if len(labels) != n_particles:
            raise InputError(
                f"{files.root} belongs to {len(labels)} particles, the run has {n_particles}. "
                f"Run `{MADE_BY}` again."
            )
        first_number = _recorded_first_number(files)
        if first_number is None:
            labels, first_number = _labels_of_version_0_1(files, rows, labels)
        if not np.array_equal(labels[rows], np.arange(len(rows))):
            raise InputError(
                f"{files.sketch_rows} and {files.sketch_labels} do not match. Run `{MADE_BY}` again."
            )
        return cls(rows, labels, first_number)


def _recorded_first_number(files: LandscapeFiles) -> int | None:
    if not files.sketch_record.is_file():
        return None
    try:
        return int(json.loads(files.sketch_record.read_text(encoding="utf-8"))[FIRST_NUMBER])
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{files.sketch_record} is damaged ({error}). Run `{MADE_BY}` again.") from error


def _labels_of_version_0_1(
    files: LandscapeFiles, rows: np.ndarray, labels: np.ndarray
) -> tuple[np.ndarray, int]:
    """Labels as positions. Version 0.1.0 wrote numbers of maps, and 0 for none.

    The particle of a map is in its own cell, which tells the number of the first map. Where that is 0, a label of 0
    is a map, unless cells were left out.
    """
    first_number = int(labels[rows[0]]) if len(rows) else 1
    left_out = read_run_settings(RunFiles(files.root.parent)).get("landscape", {}).get("vol_ind")
    if first_number == 0 and left_out:
        raise InputError(
            f"{files.sketch_labels} was made by version 0.1.0 with --vol-start-index 0 and --vol-ind: particles without "
            f"a map cannot be distinguished from map 0. Run `{MADE_BY}` again."
        )
    is_outside = (labels == 0) & (first_number > 0)
    return np.where(is_outside, -1, labels - first_number), first_number
