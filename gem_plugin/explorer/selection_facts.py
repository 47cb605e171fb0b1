"""What is known of a selection: its states with their checks, outliers, excluded particles, micrographs; and which images to show."""

import threading
from typing import Any, NamedTuple

import numpy as np
from scipy.ndimage import gaussian_filter

from gem_plugin.errors import GemError
from gem_plugin.explorer.molecules import LOW_PASS_IN_PIXELS
from gem_plugin.explorer.selection_maps import check_rows
from gem_plugin.particles.identity import numbered
from gem_plugin.results.run import Run

N_IMAGES = 8  # nearest to the centre, and as many at random
DOMINATING_FRACTION = 0.5  # of the selected particles in one micrograph
NOT_KNOWN = "not known"


class Montage(NamedTuple):
    """Images of particles, low-pass filtered."""

    rows: np.ndarray  # (k,)
    n_nearest: int  # the first ones, nearest to the centre of the selection; the others are random
    images: np.ndarray  # (k, box, box) float32


class SelectionFacts:
    """Reads what it needs when it is first asked."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self._lock = threading.Lock()
        self._micrographs: np.ndarray | None = None
        self._why_none = ""

    def of(self, rows: np.ndarray, n_particles: int) -> dict[str, Any]:
        """Numbers and sentences for the page. rows: (k,) selected; fractions from 0 to 1."""
        is_selected = check_rows(rows, n_particles)
        n_selected = int(is_selected.sum())
        return {
            "particles": n_selected,
            "fraction": n_selected / n_particles,
            "states": self._states(is_selected),
            "statesMissing": "" if self.run.has_states() else self._no_states(),
            "sentences": [
                self._outliers(is_selected),
                self._excluded(is_selected),
                self._groups(is_selected),
            ],
        }

    def montage(self, rows: np.ndarray, n_particles: int) -> Montage | str:
        """Images nearest to the mean latents of the selection and random ones, or a sentence on what is missing."""
        is_selected = check_rows(rows, n_particles)
        if not self.run.is_prepared or not self.run.files.prepared_images.is_file():
            return (
                "The particle images are not there (prepared/particles.mrcs of the run), so none are shown."
            )
        selected = np.flatnonzero(is_selected)
        nearest = nearest_to_the_mean(self.run.latents_if_there, selected)
        others = np.setdiff1d(selected, nearest)
        n_random = min(N_IMAGES, len(others))
        random = np.random.default_rng(0).choice(others, n_random, replace=False) if n_random else others
        chosen = np.concatenate([nearest, random]).astype(np.int64)
        stack = self.run.images().images
        images = [gaussian_filter(np.asarray(stack[row], np.float32), LOW_PASS_IN_PIXELS) for row in chosen]
        return Montage(chosen, len(nearest), np.stack(images))

    def _no_states(self) -> str:
        return f"There are no states yet. Run `gem-em landscape {self.run.files.root}`."

    def _states(self, is_selected: np.ndarray) -> list[dict[str, Any]]:
        """How many of the selected particles are in each state, beside the fraction of all particles; 0: in no state."""
        if not self.run.has_states():
            return []
        labels = self.run.states().labels
        counts = np.bincount(labels[is_selected], minlength=int(labels.max()) + 1)
        of_all = np.bincount(labels, minlength=len(counts))
        found = []
        for number in (*range(1, len(counts)), 0):
            if number == 0 and not counts[0]:
                continue
            verdict = self.run.checks.verdict(number)
            found.append(
                {
                    "number": number,
                    "count": int(counts[number]),
                    "fraction": float(counts[number] / counts.sum()),
                    "fractionOfAll": float(of_all[number] / len(labels)),
                    "verdict": {"kind": verdict.kind, "badge": verdict.badge, "sentence": verdict.sentence}
                    if number
                    else None,
                }
            )
        return found

    def _outliers(self, is_selected: np.ndarray) -> str:
        if self.run.outliers is None:
            return f"Outliers: {NOT_KNOWN} (training left no probabilities)."
        number, of_all = int(self.run.is_outlier[is_selected].sum()), int(self.run.is_outlier.sum())
        return f"Outliers: {number:,} of {int(is_selected.sum()):,} ({of_all:,} in all particles)."

    def _excluded(self, is_selected: np.ndarray) -> str:
        number = int((~self.run.is_used[is_selected]).sum()) if self.run.is_prepared else 0
        return f"Excluded particles: {number:,}; they are in no reconstruction." if number else ""

    def _groups(self, is_selected: np.ndarray) -> str:
        micrographs = self._numbers_of_micrographs()
        if micrographs is None:
            return f"Micrographs: {NOT_KNOWN}{self._why_none}."
        counts = np.bincount(micrographs[is_selected])
        n_of_all = len(np.unique(micrographs))
        largest = counts.max() / counts.sum()
        text = f"Micrographs: {int((counts > 0).sum()):,} of {n_of_all:,}."
        if largest > DOMINATING_FRACTION and n_of_all > 1 and counts.sum() > 1:
            text += f" One micrograph holds {100 * largest:.0f} % of the selection: check ice and defocus there before trusting it."
        return text

    def _numbers_of_micrographs(self) -> np.ndarray | None:  # (n,) from 0
        with self._lock:
            if self._micrographs is None and not self._why_none:
                self._why_none = " (the particle file does not name them)"
                try:
                    names = self.run.original.micrographs if self.run.is_prepared else None
                except (GemError, OSError):
                    names = None
                    self._why_none = " (the particle file of the run cannot be read any more)"
                if names is not None:
                    self._micrographs = numbered(names)
            return self._micrographs


def nearest_to_the_mean(latents: np.ndarray | None, selected: np.ndarray) -> np.ndarray:  # (k,) rows
    """The particles whose latents lie nearest to the mean of the selection; none without latents."""
    if latents is None:
        return selected[:0]
    chosen = latents[selected].astype(np.float64)
    distances = ((chosen - chosen.mean(axis=0)) ** 2).sum(axis=1)
    return selected[np.argsort(distances, kind="stable")[:N_IMAGES]]
