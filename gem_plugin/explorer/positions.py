"""What the explorer shows of the positions in tomograms: neighbours against chance, distances, and files for other programs."""

from typing import Any

import numpy as np

from gem_plugin.errors import InputError
from gem_plugin.results.run import Run
from gem_plugin.results.state_positions import StatePositions, positions_if_there
from gem_plugin.results.state_sources import COLUMN_OF_SOURCE, STATE_SOURCES
from gem_plugin.results.tilt_columns import tilt_numbers
from gem_plugin.results.tomogram_positions import positions_of_run

STAR, POINTS = "star", "csv"


def described_positions(run: Run) -> dict[str, Any] | None:
    """Numbers and sentences for the page, fractions from 0 to 1; None where nothing was measured."""
    found = {
        source: positions_if_there(run.files.landscape, source)
        for source in STATE_SOURCES
        if run.has_states(source)
    }
    measured = {source: one for source, one in found.items() if one is not None}
    tilts = tilt_numbers(run.files) if measured else None
    if tilts is None:
        return None
    return {
        "sources": [_described(source, one) for source, one in measured.items()],
        "tomograms": [
            {"name": name, "particles": count}
            for name, count in zip(
                tilts.tomogram_names, np.bincount(tilts.tomograms)[1:].tolist(), strict=True
            )
        ],
    }


def positions_text(run: Run, source: str, kind: str, tomogram: str | None) -> str:
    """A file for ArtiaX (star) or napari (csv) with the states of one source, of one tomogram or of all."""
    if kind not in (STAR, POINTS):
        raise InputError(f"There are no positions as {kind[:80]!r}; expected {STAR} or {POINTS}.")
    states = run.states(source).labels
    positions = positions_of_run(run)
    if positions is None:
        raise InputError(
            "The particles of this run have no positions in tomograms. They come with particles of RELION 5 and WarpTools."
        )
    if tomogram is not None and not len(positions.rows_of(tomogram)):
        raise InputError(f"There is no tomogram {tomogram[:80]!r} with particles in this run.")
    return (positions.star_text if kind == STAR else positions.points_text)(states, tomogram)


def _described(source: str, measured: StatePositions) -> dict[str, Any]:
    found = measured.numbers
    return {
        "source": source,
        "column": COLUMN_OF_SOURCE[source],
        "sentence": measured.in_words(),
        "method": measured.method,
        "neighbours": found.n_neighbours,
        "states": [
            {
                "number": state,
                "particles": int(found.n_particles[state - 1]),
                "fraction": _number(found.fractions[state - 1]),
                "error": _number(found.errors[state - 1]),
                "chance": _number(found.chance[state - 1]),
                "chanceError": _number(found.chance_errors[state - 1]),
                "verdict": measured.verdict(state),
                "distances": [
                    _number(found.distances_in_angstroms[state - 1, other - 1]) for other in measured.states
                ],
                "chanceDistances": [
                    _number(found.chance_distances_in_angstroms[state - 1, other - 1])
                    for other in measured.states
                ],
            }
            for state in measured.states
        ],
    }


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None  # JSON has no NaN
