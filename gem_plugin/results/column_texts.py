"""New columns of a particle file as text, checked against the number of its particles."""

from collections.abc import Mapping

import numpy as np

from gem_plugin.errors import InputError


def texts_of_columns(
    columns: Mapping[str, np.ndarray], n_particles: int, rows: np.ndarray | None
) -> list[tuple[str, ...]]:
    """The values of every row as texts; nine digits give every float32 back."""
    texts = []
    for label, values in columns.items():
        check_length(values, n_particles, f"values of {label}")
        chosen = (values if rows is None else values[rows]).tolist()
        is_whole = values.dtype.kind in "iub"
        texts.append([str(value) if is_whole else f"{value:.9g}" for value in chosen])
    return list(zip(*texts))


def check_length(values: np.ndarray, n_particles: int, what: str) -> None:
    """Refuse values of other particles than the run's."""
    if len(values) != n_particles:
        raise InputError(
            f"The run has {n_particles} particles, but {what} of {len(values)}. "
            "Give the particles that the run was made with, or train again."
        )
