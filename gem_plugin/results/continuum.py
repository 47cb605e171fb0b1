"""continuum.csv: the continua of a landscape, their length and how finely they are resolved; saved, loaded and put into words here."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gem_plugin.errors import InputError
from gem_plugin.io.run.landscape_files import LandscapeFiles
from gem_plugin.io.whole_files import write_text_whole
from gem_plugin.landscape.continuum import Continuum, MotionAlongCurve
from gem_plugin.results.csv_tables import read_text_rows

ALL_PARTICLES = 0  # in the place of a state
COLUMNS = (
    "state",
    "is_closed",
    "rms_in_angstroms",
    "largest_in_angstroms",
    "moving_fraction",
    "length_in_latents",
    "positions",
    "explained",
)
MADE_BY = "gem-em landscape"
LITTLE_EXPLAINED = 0.7
STILL_IN_ANGSTROMS = 1.0  # shorter motions are said to be changes of density


@dataclass(frozen=True)
class StateContinuum:
    """One continuum: of a state, or of all particles. Numbers that were not measured are NaN."""

    state: int  # ALL_PARTICLES: of all
    is_closed: bool
    rms_in_angstroms: (
        float  # way of the moving density from end to end, root mean square; NaN for models without Gaussians
    )
    largest_in_angstroms: float
    moving_fraction: float  # of the density
    length_in_latents: float
    n_positions: float  # that can be distinguished; NaN where the uncertainty of the latents is not known
    explained: float  # 0 to 1: of the particles' variance beyond their uncertainty, along the curve

    @classmethod
    def of(cls, state: int, found: Continuum, motion: MotionAlongCurve | None) -> "StateContinuum":
        unknown = float("nan")
        moved = (
            (unknown, unknown, unknown)
            if motion is None
            else (motion.rms_in_angstroms, motion.largest_in_angstroms, motion.moving_fraction)
        )
        return cls(
            state, found.is_closed, *moved, found.length_in_latents, found.n_positions, found.explained
        )

    @property
    def sentence(self) -> str:
        """All particles are a closed continuum, 190 A long ..., of which 36 positions can be distinguished."""
        whose = "The particles form" if self.state == ALL_PARTICLES else f"State {self.state} is in itself"
        return f"{whose} {self.in_words}."

    @property
    def in_words(self) -> str:
        """a closed continuum (a loop), 190 A long ...; about 36 positions can be distinguished"""
        kind = "closed continuum (a loop)" if self.is_closed else "continuum"
        resolved = (
            "how many positions can be distinguished is not known, as the model gives no uncertainty of the latents"
            if np.isnan(self.n_positions)
            else f"about {self.n_positions:.0f} positions can be distinguished"
        )
        branched = (
            f"; the curve holds {100 * self.explained:.0f} % of the variation, so it has more than one direction"
            if self.explained < LITTLE_EXPLAINED
            else ""
        )
        return f"a {kind}, {self._length_in_words}; {resolved}{branched}"

    @property
    def _length_in_words(self) -> str:
        if np.isnan(self.rms_in_angstroms):
            return f"{self.length_in_latents:.1f} units of the latents long (without Gaussians there is no length in Å)"
        once = "once around" if self.is_closed else "from end to end"
        if self.largest_in_angstroms < STILL_IN_ANGSTROMS:
            return f"along which density changes rather than moves (by at most {self.largest_in_angstroms:.1f} Å {once})"
        return (
            f"{self.rms_in_angstroms:.0f} Å long: so far the moving density ({100 * self.moving_fraction:.0f} % of all) goes {once} (root mean "
            f"square; the farthest goes {self.largest_in_angstroms:.0f} Å)"
        )


def save_continua(files: LandscapeFiles, continua: Sequence[StateContinuum]) -> None:
    """Write continuum.csv; without continua it holds the header alone."""
    lines = [",".join(COLUMNS)]
    for one in continua:
        numbers = (
            one.rms_in_angstroms, one.largest_in_angstroms, one.moving_fraction, one.length_in_latents, one.n_positions, one.explained,
        )  # fmt: skip
        lines.append(
            ",".join([str(one.state), str(int(one.is_closed)), *(f"{value:.6g}" for value in numbers)])
        )
    write_text_whole(files.continuum, "\n".join(lines) + "\n")


def load_continua(files: LandscapeFiles) -> tuple[StateContinuum, ...]:
    """The continua of a landscape; none in runs of version 0.1.0."""
    if not files.continuum.is_file():
        return ()
    try:
        return tuple(
            StateContinuum(
                int(row["state"]), row["is_closed"] == "1", *(float(row[column]) for column in COLUMNS[2:])
            )
            for row in read_text_rows(files.continuum)
        )
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"{files.continuum} is not a table of continua: expected the columns {', '.join(COLUMNS)} ({error}). Run `{MADE_BY}` again."
        ) from error
