"""GEM: conformational landscapes from cryo-EM particles with moving 3D Gaussians, for RELION and CryoSPARC.

    import gem_plugin as gem

    run = gem.fit("run_data.star", map="run_class001.mrc", out="RUN")
    run.select("state == 2").write("subset.star")

docs/python.md shows the rest. Importing this is quick: everything else is imported when it is first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from gem_plugin.version import __version__

if TYPE_CHECKING:
    from gem_plugin.api import Run, Selection, Volume, fit, open_run, read_particles
    from gem_plugin.errors import GemError, InputError
    from gem_plugin.notebook import draw, draw_several, mean_map, scatter, trajectories
    from gem_plugin.notices import GemNote, GemWarning

__all__ = [
    "GemError",
    "GemNote",
    "GemWarning",
    "InputError",
    "Run",
    "Selection",
    "Volume",
    "__version__",
    "draw",
    "draw_several",
    "fit",
    "mean_map",
    "open_run",
    "read_particles",
    "scatter",
    "trajectories",
]
IN_NOTEBOOKS = ("draw", "draw_several", "mean_map", "scatter", "trajectories")
HOMES = {
    "GemError": "gem_plugin.errors",
    "InputError": "gem_plugin.errors",
    "GemNote": "gem_plugin.notices",
    "GemWarning": "gem_plugin.notices",
    **dict.fromkeys(IN_NOTEBOOKS, "gem_plugin.notebook"),
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(HOMES.get(name, "gem_plugin.api")), name)


def __dir__() -> list[str]:
    return __all__
