"""The mean molecule of a selection, and how it differs from the rest: means over decoded maps of some of the particles.

Maps are averaged, not latents: where a selection holds two conformations, the map of its mean latents may be a third that no
particle has.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from gem_plugin.errors import InputError, StopRequestedError
from gem_plugin.explorer.molecules import Molecules

MAPS_OF_A_GROUP = 32  # decoded of the selection, and of the rest
MAPS_OF_A_SLOW_DECODER = 6
MAPS_AT_A_TIME = 4  # between them a click is answered, and a request that nobody waits for ends
BYTES_KEPT = 256_000_000  # of decoded maps, so that the next selection, which shares some, is there sooner


@dataclass(frozen=True)
class SelectionMap:
    """Means over decoded maps. Maps are (box, box, box), ordered zyx, in the density of the decoder."""

    mean: np.ndarray
    difference: np.ndarray | None  # from the mean of the rest; None where all particles are selected
    n_selected: int
    n_averaged: int  # of the selection
    n_rest_averaged: int
    sigma: float  # root mean square, over the molecule, of the standard deviation over particles; 0: cannot be measured

    @property
    def largest_difference(self) -> float:
        return 0.0 if self.difference is None else float(np.abs(self.difference).max())

    @property
    def standard_error_in_sigma(self) -> float:
        """Of the difference, from the number of maps that were averaged."""
        if self.difference is None:
            return 0.0
        return float(np.sqrt(1 / self.n_averaged + 1 / self.n_rest_averaged))


class SelectionMaps:
    """Averages over the same particles each time, as far as they are selected: the first ones of a random order."""

    def __init__(self, molecules: Molecules) -> None:
        self.molecules = molecules
        n = molecules.source.n_particles
        self._order = np.random.default_rng(0).permutation(n)
        is_slow = molecules.source.decoding_is_slow
        self.n_maps = MAPS_OF_A_SLOW_DECODER if is_slow else MAPS_OF_A_GROUP
        self._kept: OrderedDict[int, np.ndarray] = OrderedDict()
        self._lock = threading.Lock()

    def average(self, rows: np.ndarray, check_stop: Callable[[], None] = lambda: None) -> SelectionMap:
        """rows: (k,) of the selected particles. check_stop: raises StopRequestedError when nobody waits any more."""
        is_selected = check_rows(rows, self.molecules.source.n_particles)
        selected = self._sample(is_selected)
        rest = self._sample(~is_selected)
        of_selected = Sums(self._decoded(selected, check_stop))
        of_rest = Sums(self._decoded(rest, check_stop))
        mean = of_selected.mean()
        difference = mean - of_rest.mean() if len(rest) else None
        n_selected = int(is_selected.sum())
        sigma = self._sigma(of_selected, of_rest)
        return SelectionMap(mean, difference, n_selected, len(selected), len(rest), sigma)

    def mean_and_std(
        self, rows: np.ndarray, check_stop: Callable[[], None] = lambda: None
    ) -> tuple[np.ndarray, np.ndarray | None, int]:
        """Mean, population standard deviation (None of one map) and number of the maps that `average` takes of a selection."""
        sample = self._sample(check_rows(rows, self.molecules.source.n_particles))
        maps = Sums(self._decoded(sample, check_stop))
        std = np.sqrt(maps.squares() / maps.n) if maps.n > 1 else None
        return maps.mean(), std, maps.n

    def _sample(self, is_in: np.ndarray) -> np.ndarray:  # (n,) bool -> rows
        return self._order[is_in[self._order]][: self.n_maps]

    def _sigma(self, *groups: "Sums") -> float:
        """Within the groups, over the voxels of the molecule."""
        degrees = sum(max(group.n - 1, 0) for group in groups)
        if not degrees:
            return 0.0
        variance = np.sum([group.squares() for group in groups if group.n], axis=0) / degrees
        brightest = max(groups, key=lambda group: group.n).mean()
        inside = brightest > self.molecules.window.level
        return float(np.sqrt(variance[inside].mean())) if inside.any() else 0.0

    def _decoded(self, rows: np.ndarray, check_stop: Callable[[], None]) -> list[np.ndarray]:
        source = self.molecules.source
        wanted = [int(row) for row in rows]
        with self._lock:  # another request may drop them from what is kept meanwhile
            found = {row: self._kept[row] for row in wanted if row in self._kept}
        missing = [row for row in wanted if row not in found]
        for start in range(0, len(missing), MAPS_AT_A_TIME):
            check_stop()
            some = missing[start : start + MAPS_AT_A_TIME]
            with self.molecules.lock:
                found |= dict(zip(some, source.decode(source.latents[some]), strict=True))
        with self._lock:
            self._kept |= found
            for row in wanted:
                self._kept.move_to_end(row)
            n_kept = max(1, BYTES_KEPT // (4 * source.box_size**3))
            while len(self._kept) > n_kept:
                self._kept.popitem(last=False)
        return [found[row] for row in wanted]


class Sums:
    """Mean and squared deviations of some maps; differences from the first keep their digits."""

    def __init__(self, volumes: list[np.ndarray]) -> None:
        self.n = len(volumes)
        self._volumes = volumes

    def mean(self) -> np.ndarray:  # (box, box, box) float32
        return np.asarray(np.mean(self._volumes, axis=0, dtype=np.float64), np.float32)

    def squares(self) -> np.ndarray:  # (box, box, box): sum of squared differences from the mean
        mean = self.mean()
        total = np.zeros_like(mean)
        for volume in self._volumes:
            total += (volume - mean) ** 2
        return total


def check_rows(rows: np.ndarray, n_particles: int) -> np.ndarray:  # (k,) -> (n,) bool
    """Which particles are selected; InputError for none, and for rows that the run does not have."""
    if not len(rows):
        raise InputError("Nothing is selected: draw a lasso or a box in the plot, or press `all shown`.")
    if rows.max() >= n_particles:
        raise InputError(
            f"The selection names row {rows.max()}; the run has {n_particles} particles. Load the page again."
        )
    is_selected = np.zeros(n_particles, dtype=bool)
    is_selected[rows] = True
    return is_selected


def in_words(found: SelectionMap) -> str:
    """Which maps the mean is of, and what sigma means."""
    many = found.n_averaged
    which = "the only particle" if found.n_selected == 1 else "all"
    if many < found.n_selected:
        which = f"{many} of {found.n_selected:,}, drawn at random"
    elif found.n_selected > 1:
        which = f"all {many}"
    text = f"Mean of the decoded maps of the selected particles ({which})."
    if found.difference is None:
        return f"{text} All particles are selected, so there is no rest to compare with."
    rest = "one map" if found.n_rest_averaged == 1 else f"{found.n_rest_averaged} maps"
    text += f" The rest: mean of {rest} of the other particles."
    if not found.sigma:
        return f"{text} Too few maps for a standard deviation over particles."
    size, error = found.largest_difference / found.sigma, found.standard_error_in_sigma
    return (
        f"{text} Largest difference: {size:.1f} sigma, with a standard error of {error:.1f} sigma from the number of maps "
        "(sigma: standard deviation of the density over particles of one group, root mean square over the molecule)."
    )


def stop_if(is_set: Callable[[], bool]) -> Callable[[], None]:
    """A check for long work."""

    def check() -> None:
        if is_set():
            raise StopRequestedError("Another selection was asked for meanwhile.")

    return check
