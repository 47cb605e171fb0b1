"""Settings of landscape-full, and the combinations that are refused."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from gem_plugin.errors import InputError
from gem_plugin.landscape.linkages import LINKAGES
from gem_plugin.settings import AUTOMATIC, setting
from gem_plugin.steps.landscape.settings import check_region_names

DEFAULT_PATH_STATES = (1, 2)


@dataclass(frozen=True)
class LandscapeFullSettings:
    """How all particles get coordinates, states and a minimum-energy path."""

    landscape_dir: Path | None = setting(None, "Folder of the landscape step; default: landscape in the run.")
    outdir: Path | None = setting(None, "Folder for the results; default: full in that folder.", flag="-o")
    coordinates: str = setting(
        "auto",
        "How coordinates are found: exact (Gaussians), decode (every map), regress (learned from some maps), or "
        "auto: the first of them that is possible and fast enough.",
        choices=("auto", "exact", "decode", "regress"),
    )
    training_volumes: int = setting(
        10000, "Maps to learn from with regress, or to decode at most with auto.", minimum=20, flag="-N"
    )
    epochs: int = setting(200, "Training epochs of regress, at most.", minimum=1)
    batch_size: int = setting(64, "Training batch of regress.", minimum=1)
    lr: float = setting(1e-3, "Training rate of regress.", minimum=1e-7)
    dim: int = setting(512, "Width of the layers of regress.", minimum=1)
    layers: int = setting(3, "Number of layers of regress.", minimum=1)
    n_states: int | Literal["auto"] = setting(
        AUTOMATIC,
        "Number of states. auto, or the number of the landscape: the landscape's own states, each particle assigned by its own map; "
        "another number: a clustering of its own.",
        minimum=1,
        flag="-M",
    )
    linkage: str = setting(
        "ward",
        "Linkage that joins particles into states; that of the landscape, where it was made with another.",
        choices=LINKAGES,
    )
    leiden: bool = setting(True, "Leiden communities too, where the package igraph is installed.")
    num_neighbors: int = setting(50, "Neighbours of a particle in UMAP and Leiden.", minimum=2)
    resolution: float = setting(1.5, "Resolution of Leiden: larger gives more communities.", minimum=0.001)
    maps_per_state: int = setting(
        50, "Particles whose maps are averaged into the mean of a state; 0: no maps.", minimum=0
    )
    energy_pcs: tuple[int, ...] = setting((1, 2), "Components of the free-energy map, from 1.")
    bandwidth: float = setting(
        0.5,
        "Kernel width of the density over Scott's rule, which is too wide for several peaks.",
        minimum=0.01,
    )
    bootstrap: int = setting(100, "Bootstrap samples for the error of the free energy.", minimum=2)
    path_states: tuple[int, ...] = setting(
        DEFAULT_PATH_STATES,
        "The two states that the minimum-energy path joins, by column full_state.",
    )
    path_points: int = setting(20, "Maps along the minimum-energy path; 0: no path.", minimum=0)
    region: tuple[str, ...] = setting((), "Regions as name=mask.mrc: occupancy and motion of every particle.")
    skip_umap: bool = setting(False, "Skip the UMAP of the volume components.")
    cryodrgn_layout: bool = setting(False, "Also write landscape_full as cryoDRGN does, pickles included.")
    skip_vol: bool = setting(False, "Use the coordinates of the last run; stop if they no longer fit.")
    fresh: bool = setting(
        False, "Start from the defaults; otherwise what is not given stays as it was the last time."
    )
    device: str = setting(
        "auto", "auto, cpu, cuda or cuda:N; several, separated by commas, divide the decoding."
    )
    seed: int = setting(0, "Random seed.", minimum=0)


def check_full_settings(settings: LandscapeFullSettings) -> None:
    """Refuse what cannot work before anything is read."""
    if not settings.energy_pcs or len(settings.energy_pcs) > 2 or min(settings.energy_pcs) < 1:
        raise InputError("--energy-pcs: expected one or two components counted from 1, such as 1,2.")
    if len(set(settings.energy_pcs)) != len(settings.energy_pcs):
        raise InputError("--energy-pcs: the two components must differ.")
    if settings.path_points and len(set(settings.path_states)) != 2:
        raise InputError("--path-states: expected two different states, such as 1,2.")
    unknown = [number for number in settings.path_states if number < 1]
    if unknown:
        raise InputError(f"--path-states: there is no state {unknown[0]}; states count from 1.")
    beyond = [number for number in settings.path_states if number > _states_at_most(settings)]
    if settings.path_points and beyond and settings.path_states != DEFAULT_PATH_STATES:
        raise InputError(
            f"--path-states: there is no state {beyond[0]}; -M asks for {settings.n_states} states. "
            "Give two of these, or a larger -M."
        )
    check_region_names(settings.region)


def _states_at_most(settings: LandscapeFullSettings) -> float:
    return math.inf if settings.n_states == AUTOMATIC else settings.n_states
