"""The tests of this folder that need the pipeliner, run in an environment that has it; here the package is the wheel."""

import os
import subprocess
from importlib.util import find_spec
from pathlib import Path

import pytest
from adapters.pipeliner.make_environment import make_environment
from package.distributions import make_distributions

SECONDS_FOR_QUICK_TESTS, SECONDS_FOR_WHOLE_JOBS = 300, 1200
pytestmark = pytest.mark.skipif(
    find_spec("pipeliner") is not None, reason="these tests are running with it already"
)


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of an environment with the pipeliner and our wheel."""
    wheel, _ = make_distributions(tmp_path_factory.mktemp("distributions"))
    try:
        return make_environment(tmp_path_factory.mktemp("with_pipeliner"), wheel)
    except (subprocess.SubprocessError, OSError) as error:
        pytest.skip(f"the environment with ccpem-pipeliner cannot be made: {getattr(error, 'stderr', error)}")


def test_quick_tests_with_the_pipeliner(python: Path, repository: Path, tmp_path: Path) -> None:
    _run_tests(python, repository, tmp_path, "not slow", SECONDS_FOR_QUICK_TESTS)


@pytest.mark.slow
def test_whole_jobs_in_a_project(python: Path, repository: Path, tmp_path: Path) -> None:
    _run_tests(python, repository, tmp_path, "slow", SECONDS_FOR_WHOLE_JOBS)


def _run_tests(python: Path, repository: Path, folder: Path, marked: str, seconds: int) -> None:
    """Started from an empty folder, so that the package is the one that was installed."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    environment["PATH"] = os.pathsep.join([str(python.parent), environment["PATH"]])
    command = [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-m", marked]
    done = subprocess.run(
        [
            *command,
            "--rootdir",
            repository,
            "-c",
            repository / "pyproject.toml",
            repository / "tests/adapters/pipeliner",
        ],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=seconds,
        env=environment,
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    assert " passed" in done.stdout, done.stdout
    assert "could not import 'pipeliner" not in done.stdout, done.stdout
