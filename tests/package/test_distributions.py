"""The wheel and the source distribution: what they hold, what they say, and that the wheel works without the checkout."""

import email
import os
import re
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from importlib.util import find_spec
from pathlib import Path

import pytest
from package.distributions import make_distributions

from gem_plugin.version import __version__

PACKAGE_FOLDER = "gem_plugin/"
OF_THE_SOURCE = (
    "LICENSE",
    "README.md",
    "CHANGELOG.md",
    "CITATION.cff",
    "constraints.txt",
    "pyproject.toml",
    "docs/pipeliner.md",
)
NOT_OF_THE_SOURCE = ("tests/", "benchmarks/", ".ci/")
SECONDS_FOR_A_COMMAND, SECONDS_FOR_THE_DEMO = 120, 1500


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Wheel and source distribution."""
    return make_distributions(tmp_path_factory.mktemp("distributions"))


@pytest.fixture(scope="module")
def installed(made: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the programs of an environment that has the wheel, and the other packages of this Python."""
    folder = tmp_path_factory.mktemp("installed")
    venv.create(folder, with_pip=True)
    python = folder / "bin" / "python"
    site_packages = next((folder / "lib").glob("python*")) / "site-packages"
    here = sysconfig.get_path("purelib")
    (site_packages / "packages_of_the_tests.pth").write_text(f"import site; site.addsitedir({here!r})\n")
    options = ["--quiet", "--no-deps", "--no-index", "--force-reinstall"]
    subprocess.run([python, "-m", "pip", "install", *options, made[0]], check=True, capture_output=True)
    return python.parent


def test_the_wheel_holds_every_file_of_the_package(made: tuple[Path, Path], repository: Path) -> None:
    tracked = subprocess.run(
        ["git", "ls-files", "gem_plugin"], cwd=repository, capture_output=True, text=True
    ).stdout.split("\n")
    expected = {
        name
        for name in tracked
        if name and not (repository / name).is_symlink() and (repository / name).exists()
    }
    expected |= {
        f"gem_plugin/{path.relative_to(repository)}"
        for path in (repository / "templates").rglob("*")
        if path.is_file()
    }
    expected.add("gem_plugin/constraints.txt")
    with zipfile.ZipFile(made[0]) as wheel:
        held = {name for name in wheel.namelist() if name.startswith(PACKAGE_FOLDER)}
        assert expected <= held
        assert wheel.read("gem_plugin/constraints.txt") == (repository / "constraints.txt").read_bytes()
        others = {name.split("/")[0] for name in wheel.namelist() if not name.startswith(PACKAGE_FOLDER)}
        assert others == {f"gem_em-{__version__}.dist-info"}
        assert f"gem_em-{__version__}.dist-info/licenses/LICENSE" in wheel.namelist()


def test_the_source_holds_what_describes_it_and_no_tests(made: tuple[Path, Path]) -> None:
    with tarfile.open(made[1]) as sdist:
        names = {name.partition("/")[2] for name in sdist.getnames()}
        links = [member.name for member in sdist.getmembers() if member.issym()]
    assert set(OF_THE_SOURCE) <= names
    assert "gem_plugin/templates/relion/run.job.star" in names
    assert not [name for name in names if name.startswith(NOT_OF_THE_SOURCE)]
    assert not links, "a link to a file that is not in it"


def test_the_metadata_say_licence_pythons_and_extras(made: tuple[Path, Path]) -> None:
    with zipfile.ZipFile(made[0]) as wheel:
        metadata = email.message_from_bytes(wheel.read(f"gem_em-{__version__}.dist-info/METADATA"))
        entry_points = wheel.read(f"gem_em-{__version__}.dist-info/entry_points.txt").decode()
    assert metadata["License-Expression"] == "BSD-3-Clause"
    assert metadata["Requires-Python"] == ">=3.10", "an upper limit would hide the release from newer Pythons"
    assert metadata["Author"]
    assert metadata["Keywords"]
    assert metadata.get_all("Project-URL")
    assert {"cryosparc", "leiden", "movies", "notebook", "pipeliner"} <= set(
        metadata.get_all("Provides-Extra") or []
    )
    assert "Typing :: Typed" in (metadata.get_all("Classifier") or [])
    assert "gem_em.run = gem_plugin.adapters.pipeliner.jobs:GemRunJob" in entry_points


def test_both_pass_the_check_of_the_registry(made: tuple[Path, Path]) -> None:
    if find_spec("twine") is None:
        pytest.skip("twine is not installed here (pip install -e '.[dev]')")
    done = subprocess.run(
        [sys.executable, "-m", "twine", "check", "--strict", *made], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("PASSED") == 2


def test_the_programs_work_outside_the_checkout(installed: Path, repository: Path, tmp_path: Path) -> None:
    where = _run(installed, tmp_path, "python", "-c", "import gem_plugin; print(gem_plugin.__file__)")
    assert Path(where.strip()).is_relative_to(installed.parent)
    assert not Path(where.strip()).is_relative_to(repository)
    assert _run(installed, tmp_path, "gem-em", "--version") == f"gem-em {__version__}\n"
    assert "landscape" in _run(installed, tmp_path, "gem-em", "--help")
    assert re.search(r"ok +memory: ", _run(installed, tmp_path, "gem-em", "doctor", "--no-self-test"))
    assert "--states" in _run(installed, tmp_path, "gem-external-select", "--help")
    _run(installed, tmp_path, "gem-em", "templates", "--out", "copies")
    assert (
        f"fn_exe {installed}/gem-external-run"
        in (tmp_path / "copies" / "relion" / "run.job.star").read_text()
    )
    assert (tmp_path / "copies" / "slurm" / "relion_gpu.sh").is_file()


@pytest.mark.slow
def test_the_wheel_runs_the_demo(installed: Path, tmp_path: Path) -> None:
    small = ["--n-particles", "300", "--box", "32", "--apix", "8", "--epochs", "3", "--sketch-size", "30"]
    _run(installed, tmp_path, "gem-em", "demo", "--out", "demo", *small, seconds=SECONDS_FOR_THE_DEMO)
    assert list((tmp_path / "demo").rglob("report.html"))


def _run(programs: Path, folder: Path, *command: str, seconds: float = SECONDS_FOR_A_COMMAND) -> str:
    """What a program prints, started in an empty folder without anything of the checkout on its paths."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(
        [programs / command[0], *command[1:]],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=seconds,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout + done.stderr
