"""Particles on two columns, as the first page and the figure for a paper show them."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Plane:
    """Particles on two columns, and their states."""

    points: np.ndarray  # (n, 2)
    labels: tuple[str, str]
    states: np.ndarray  # (n,) int64 from 1; 0: none; all 0 where there are no states
