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

__all__ = [
    "GemError",
    "InputError",
    "Run",
    "Selection",
    "Volume",
    "__version__",
    "fit",
    "open_run",
    "read_particles",
]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    home = "gem_plugin.errors" if name.endswith("Error") else "gem_plugin.api"
    return getattr(import_module(home), name)


def __dir__() -> list[str]:
    return __all__
