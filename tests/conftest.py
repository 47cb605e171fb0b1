"""What every test may use: the shared data, real RELION, and a fixed number of threads."""

import os
import shutil
import sys
import tempfile
from pathlib import Path

import pytest

# Before numpy, numba or torch are imported: tests share a small machine, where two processes with one thread each are fastest.
for _name in ("OMP_NUM_THREADS", "NUMBA_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
if (
    "numba" in sys.modules
):  # pytest's list of warnings imports it; later, with threads running, it would refuse the number
    sys.modules["numba"].core.config.reload_config()
os.environ.setdefault("MPLBACKEND", "Agg")
os.environ["XDG_STATE_HOME"] = tempfile.mkdtemp(
    prefix="gem_tests_state_"
)  # nothing is kept in the home folder

REPOSITORY = Path(__file__).resolve().parent.parent
SHARED_DATA = REPOSITORY.parent / "shared" / "data"
SHARED_CASES = REPOSITORY.parent / "shared" / "cases"


@pytest.fixture(scope="session")
def repository() -> Path:
    """The root of the checkout."""
    return REPOSITORY


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real and public test data, which is never copied into the project."""
    if not SHARED_DATA.is_dir():
        pytest.skip("the shared test data (../shared/data beside the checkout) is absent")
    return SHARED_DATA


@pytest.fixture(scope="session")
def shared_cases() -> Path:
    """Small inputs on which answers were once wrong, each with a README; they are never copied into the project."""
    if not SHARED_CASES.is_dir():
        pytest.skip("the cases (../shared/cases beside the checkout) are absent")
    return SHARED_CASES


@pytest.fixture(scope="session")
def relion() -> Path:
    """The folder of the RELION programs; ask for it in every test that runs one."""
    program = shutil.which("relion_reconstruct")
    if program is None:
        pytest.skip("RELION is absent (Debian: apt-get install relion)")
    return Path(program).parent


@pytest.fixture
def old_run(tmp_path: Path) -> Path:
    """A run that version 0.1.0 made: 60 particles, latents, landscape with 3 states, landscape-full with 4."""
    from old_runs import copy_old_run

    return copy_old_run(tmp_path)


@pytest.fixture(scope="session")
def tilt_project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """12 particles in 3 tomograms of 31 tilts, 32 px of 8 A, without noise, in all three forms; never changed."""
    from tilt_projects import (
        simulate_small,  # not above: numba reads its number of threads when it is imported
    )

    return simulate_small(tmp_path_factory.mktemp("tilts") / "project")
