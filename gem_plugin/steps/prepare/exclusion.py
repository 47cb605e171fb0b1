"""Particles that cannot be used: left out one by one, with the reason, up to a tenth of the set."""

from collections import Counter
from pathlib import Path

import numpy as np

from gem_plugin.errors import InputError
from gem_plugin.io.run.excluded import ExcludedParticles
from gem_plugin.notices import warn
from gem_plugin.particles.table import ParticleTable

MINIMUM_PARTICLES = 5  # a run needs thousands; fewer than this are a mistake
MAXIMUM_EXCLUDED_FRACTION = 0.1
SCALE_LIMITS = (1e-3, 1e3)  # of the CTF scale factor, which is 1 but for a few tenths
ROWS_NAMED = 3
SCALE_FACTOR = "CTF scale factor (rlnCtfScalefactor; in CryoSPARC ctf/scale times alignments3D/alpha)"


class Exclusions:
    """Rows that are left out, with their reasons; an image that cannot be used takes all of its rows along."""

    def __init__(self, particle_file: Path, table: ParticleTable) -> None:
        self.particle_file, self.table = particle_file, table
        self._reasons: dict[int, str] = {}
        self._n_left = np.bincount(table.image_indices)  # (images,): rows that are not left out
        self._rows_by_image = np.argsort(table.image_indices, kind="stable")
        self._first_of_image = np.cumsum(self._n_left) - self._n_left

    def add(self, row: int, reason: str) -> None:
        """The first reason stays."""
        if row not in self._reasons:
            self._n_left[self.table.image_indices[row]] -= 1
        self._reasons.setdefault(row, reason)

    def add_image(self, image: int, reason: str) -> None:
        """All rows that show the image."""
        ends = np.append(self._first_of_image, len(self.table))
        for row in self._rows_by_image[ends[image] : ends[image + 1]].tolist():
            self.add(row, reason)

    def are_left(self, images: np.ndarray) -> np.ndarray:  # (k,) bool
        """Which of the images some row still shows."""
        return np.asarray(self._n_left[images] > 0)

    def add_by_scale(self) -> None:
        """Particles whose CTF is nowhere, or turned: the refinement found nothing of the molecule in them."""
        lowest, highest = SCALE_LIMITS
        scales = self.table.scale_factor
        for row in np.flatnonzero(~((scales >= lowest) & (scales <= highest))).tolist():
            self.add(row, f"its {SCALE_FACTOR} is {scales[row]:g}, expected about 1")

    def check(self) -> None:
        """Raise InputError where more than a tenth of the set is left out."""
        n_excluded, n_particles = len(self._reasons), len(self.table)
        if n_excluded <= MAXIMUM_EXCLUDED_FRACTION * n_particles:
            return
        raise InputError(
            f"{self.particle_file}: at least {n_excluded} of {n_particles} particles cannot be used, more than a tenth: "
            f"{self._in_words()}. Extract the particles again, or remove these; if whole micrographs differ in scale, "
            "use --normalise always."
        )

    def warn(self) -> None:
        """Say how many are left out, and why."""
        if self._reasons:
            n_excluded = len(self._reasons)
            are = "is" if n_excluded == 1 else "are"
            warn(
                f"{self.particle_file}: {n_excluded} of {len(self.table)} particles {are} left out of training, states and populations "
                f"(excluded.csv lists them; files that are written back keep all rows): {self._in_words()}."
            )

    def excluded(self) -> ExcludedParticles:
        rows = sorted(self._reasons)
        return ExcludedParticles(
            np.array(rows, dtype=np.int64),
            [str(self.table.image_names[row]) for row in rows],
            [self._reasons[row] for row in rows],
        )

    def _in_words(self) -> str:
        """Every reason with its count and the first rows."""
        rows_of: dict[str, list[int]] = {}
        for row in sorted(self._reasons):
            rows_of.setdefault(self._reasons[row], []).append(row)
        texts = []
        counts = Counter({reason: len(rows) for reason, rows in rows_of.items()})
        for reason, count in counts.most_common(ROWS_NAMED):
            rows = rows_of[reason]
            named = ", ".join(f"row {row} ({self.table.image_names[row]})" for row in rows[:ROWS_NAMED])
            texts.append(f"{named}{', ...' if count > ROWS_NAMED else ''}: {reason}")
        n_others = sum(counts.values()) - sum(count for _, count in counts.most_common(ROWS_NAMED))
        return "; ".join(texts) + (f"; and {n_others} others" if n_others else "")


def check_number_of_particles(particle_file: Path, n_particles: int) -> None:
    """Refuse sets from which nothing can be learned, before any work."""
    if n_particles < MINIMUM_PARTICLES:
        raise InputError(
            f"{particle_file} holds {n_particles} particle{'' if n_particles == 1 else 's'}; expected thousands, at least "
            f"{MINIMUM_PARTICLES}. A landscape needs every conformation many times. Was the selection too narrow?"
        )
