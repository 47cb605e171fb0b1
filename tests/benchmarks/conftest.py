"""The independent programs of the shared folder, as modules."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest


def _module(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module  # numba finds its cached functions by the name
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def maker(shared_data: Path) -> ModuleType:
    """make_dataset.py."""
    return _module(shared_data.parent / "tools" / "make_dataset.py")


@pytest.fixture(scope="session")
def scorer(shared_data: Path, maker: ModuleType) -> ModuleType:
    """score_run.py."""
    return _module(shared_data.parent / "tools" / "score_run.py")


@pytest.fixture(scope="session")
def antibody(shared_data: Path) -> Path:
    """The atoms of 1HZH."""
    return shared_data / "1hzh.pdb"
