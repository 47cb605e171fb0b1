"""What the panel of the consensus shows of the change: what colours it, and arrows."""

from dataclasses import dataclass
from enum import Enum

import numpy as np


class Change(str, Enum):
    """What colours the consensus."""

    MOTION = "motion (Å)"
    AMPLITUDE = "amplitude change (%)"
    DENSITY = "density change (% of the level)"


@dataclass(frozen=True)
class Arrows:
    """Displacements in the plane of the view."""

    starts: np.ndarray  # (k, 2) Å
    ends: np.ndarray  # (k, 2) Å
    scale: int  # they are drawn longer by this
