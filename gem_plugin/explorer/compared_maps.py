"""Maps that the page compares: of a state, of a basket, or at a point of a path; with their variability where there are several."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from gem_plugin.errors import InputError
from gem_plugin.explorer.opened_run import OpenedRun
from gem_plugin.explorer.recluster import MAXIMUM_MAPS_AVERAGED
from gem_plugin.explorer.request_fields import numbers_of, whole_number
from gem_plugin.explorer.work_parts import rows_of_basket

MAXIMUM_COMPARED = 6
LEVELS_ABOUT = 1.5  # levels from the first one divided by this to it times this: where the surface may lie
PERCENTILE_OF_COLOURS = 98  # the last colour: a few voxels would else take all colours
KINDS = ("state", "basket", "point")


@dataclass(frozen=True)
class ComparedMap:
    """Maps are (box, box, box), ordered zyx, in the density of the decoder."""

    mean: np.ndarray
    std: np.ndarray | None  # over particles of the model; None where there is one map only
    n_averaged: int  # decoded maps

    @property
    def sigma(self) -> float:
        """Standard deviation of the density over all voxels of the map, as ChimeraX and Coot count levels."""
        return sigma_of_map(self.mean)

    def std_on_surface(self, level: float) -> float:
        """The standard deviation that 98 % of the voxels about the surface at a density level stay below; 0 without."""
        if self.std is None:
            return 0.0
        is_near = (self.mean > level / LEVELS_ABOUT) & (self.mean < level * LEVELS_ABOUT)
        return float(np.percentile(self.std[is_near], PERCENTILE_OF_COLOURS)) if is_near.any() else 0.0


def sigma_of_map(volume: np.ndarray) -> float:
    """Standard deviation of the density over the whole box."""
    return float(volume.std(dtype=np.float64))


def compared_map(
    opened: OpenedRun, fields: Any, check_stop: Callable[[], None] = lambda: None
) -> ComparedMap:
    """The map that the page describes; InputError where it cannot be made."""
    if not isinstance(fields, dict):
        raise InputError("Expected a map to compare as a JSON object.")
    kind = fields.get("of")
    if kind == "state":
        return _of_state(opened, fields)
    if kind == "basket":
        rows = rows_of_basket(fields.get("members"), opened.n_particles)
        return ComparedMap(*opened.selection_maps().mean_and_std(rows, check_stop))
    if kind == "point":
        return ComparedMap(opened.molecules().density(numbers_of(fields, "latents")), None, 1)
    raise InputError(f"There is no map {str(kind)[:80]!r} to compare; expected one of {', '.join(KINDS)}.")


def _of_state(opened: OpenedRun, fields: dict[str, Any]) -> ComparedMap:
    sketch = opened.opened_sketch()
    states = numbers_of(fields, "mapStates").astype(np.int64)
    if states.shape != sketch.rows.shape:
        raise InputError(f"Expected a state for each of {len(sketch.rows)} maps, got {states.shape}.")
    number = whole_number(fields, "number")
    maps = sketch.average(states, number)
    n_maps = min(int((states == number).sum()), MAXIMUM_MAPS_AVERAGED)
    return ComparedMap(maps.mean, maps.std if n_maps > 1 else None, n_maps)
