"""UMAP without compiling it anew in every process: umap-learn and pynndescent compile most of their loops at each start.

Numba can keep compiled code in files. Both libraries ask for that in few of their functions; here all of their functions are told to.
The files lie in the user's cache, in a folder named after the versions, so that another version never meets the code of this one.
"""

import os
import sys
import types
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

LIBRARIES = {"umap": "umap-learn", "pynndescent": "pynndescent"}  # module -> distribution
VERSIONS_THAT_MATTER = (*LIBRARIES.values(), "numba", "llvmlite", "numpy")
NO_CACHE_YET = "NullCache"  # Numba's class for functions that are compiled in every process


def umap_class() -> Any:  # umap.UMAP
    """The class UMAP, its loops read from the cache or compiled into it; without a cache where none can be written."""
    found = import_module("umap").UMAP
    folder = cache_folder()
    if folder is not None:
        _keep_compiled_code(folder)
    return found


def cache_folder() -> Path | None:
    """The folder of compiled code, made where it is absent; None where it cannot be made."""
    if os.environ.get("NUMBA_DISABLE_JIT", "0") != "0":
        return None
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    name = "_".join(f"{one}-{version(one)}" for one in VERSIONS_THAT_MATTER)
    folder = base / "gem-em" / "compiled" / name
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return None
    return folder if os.access(folder, os.W_OK) else None


def _keep_compiled_code(folder: Path) -> None:
    """Let every compiled function of the two libraries keep its code; those that do so already are left alone."""
    from numba import config

    before = config.CACHE_DIR  # type: ignore[attr-defined]
    config.CACHE_DIR = str(folder)  # type: ignore[attr-defined]  # read when a function is told to keep its code
    try:
        for name, module in list(sys.modules.items()):
            if name.partition(".")[0] in LIBRARIES:
                _keep_code_of(module)
    finally:
        config.CACHE_DIR = before  # type: ignore[attr-defined]


def _keep_code_of(module: types.ModuleType) -> None:
    from numba.core.registry import CPUDispatcher

    for function in list(vars(module).values()):
        is_of_this_module = (
            isinstance(function, CPUDispatcher) and function.py_func.__module__ == module.__name__
        )
        if is_of_this_module and type(function._cache).__name__ == NO_CACHE_YET:
            function.enable_caching()
