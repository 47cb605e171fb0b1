"""The house keeps its own rules: style, types, import direction, file length, packages."""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

MAXIMUM_LINES_IN_A_FILE = 400
MAXIMUM_LINES_IN_A_LAUNCHER = 60


def _run_tool(repository: Path, *arguments: str) -> None:
    """Run a tool that is installed beside this Python; its output is the message of the failure."""
    tool = Path(sys.executable).parent / arguments[0]
    if not tool.exists():
        pytest.skip(f"{arguments[0]} is not installed here (pip install -e '.[dev]')")
    done = subprocess.run([tool, *arguments[1:]], cwd=repository, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def _tracked_files(repository: Path, *patterns: str) -> list[Path]:
    listing = subprocess.run(["git", "ls-files", *patterns], cwd=repository, capture_output=True, text=True)
    paths = [repository / name for name in listing.stdout.splitlines()]
    if not paths:
        pytest.skip("not a git checkout, so there is no list of the project's files")
    return [path for path in paths if path.exists()]


def _project_file(repository: Path) -> dict[str, Any]:
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    return tomllib.loads((repository / "pyproject.toml").read_text())


def test_style_is_clean(repository: Path) -> None:
    _run_tool(repository, "ruff", "check", ".")


def test_format_is_clean(repository: Path) -> None:
    _run_tool(repository, "ruff", "format", "--check", ".")


@pytest.mark.skipif(sys.version_info < (3, 11), reason="the last numpy for Python 3.10 has older type stubs")
def test_types_are_clean(repository: Path) -> None:
    _run_tool(repository, "mypy")


def test_imports_point_down_only(repository: Path) -> None:
    _run_tool(repository, "lint-imports")


def test_no_file_is_longer_than_400_lines(repository: Path) -> None:
    files = _tracked_files(repository, "*.py")
    too_long = [path for path in files if len(path.read_text().splitlines()) > MAXIMUM_LINES_IN_A_FILE]
    assert not too_long, f"Split these files: {too_long}"


def test_launchers_are_short(repository: Path) -> None:
    launchers = _tracked_files(repository, "relion_external/*", "cryosparc/*.py")
    too_long = [
        path for path in launchers if len(path.read_text().splitlines()) > MAXIMUM_LINES_IN_A_LAUNCHER
    ]
    assert not too_long, f"A launcher parses nothing and decides nothing: {too_long}"


def test_the_cryosparc_folder_is_no_package(repository: Path) -> None:
    assert not (repository / "cryosparc" / "__init__.py").exists()


def test_no_folder_of_ours_shadows_cryosparc_tools(tmp_path: Path) -> None:
    """Seen from another folder, `cryosparc` is either absent or the package of cryosparc-tools."""
    code = (
        "import importlib.util as u, pathlib; s = u.find_spec('cryosparc'); "
        "print('absent' if s is None else [str(pathlib.Path(p, 'tools')) for p in s.submodule_search_locations])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    found = done.stdout.strip()
    assert found == "absent" or any(
        Path(folder).exists() or Path(folder + ".py").exists() for folder in ast.literal_eval(found)
    ), f"`import cryosparc` finds a folder without cryosparc-tools: {found}"


def test_every_package_is_listed_by_name(repository: Path) -> None:
    project = _project_file(repository)
    listed = project["tool"]["setuptools"]["packages"]
    marker_files = (repository / "gem_plugin").rglob("__init__.py")
    present = [".".join(path.parent.relative_to(repository).parts) for path in marker_files]
    assert sorted(listed) == sorted(present)


def test_the_command_line_starts_without_torch(repository: Path) -> None:
    """`gem-em --help` stays under a second (see benchmarks/) as long as it loads none of the heavy packages."""
    code = (
        "import sys\nfrom gem_plugin.cli.main import main\n"
        "sys.argv = ['gem-em', '--help']\n"
        "try: main()\nexcept SystemExit as end: assert not end.code, end.code\n"
        "heavy = {'torch', 'numba', 'pandas', 'matplotlib', 'sklearn', 'umap', 'scipy'} & set(sys.modules)\n"
        "assert not heavy, f'loaded for --help: {sorted(heavy)}'\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=dict(os.environ))
    assert done.returncode == 0, done.stderr
    assert "Usage" in done.stdout


def test_queue_scripts_are_bash_with_the_command_on_a_line_of_its_own(repository: Path) -> None:
    """RELION puts the command in place of the whole line that holds XXXcommandXXX."""
    scripts = sorted((repository / "templates" / "slurm").glob("*.sh"))
    assert scripts
    for script in scripts:
        subprocess.run(["bash", "-n", script], check=True)
        if script.name.startswith("relion_"):
            assert "XXXcommandXXX" in script.read_text().splitlines(), script


def test_constraints_name_every_dependency(repository: Path) -> None:
    """Each package that pyproject.toml asks for has a tested version on every Python that we support."""
    project = _project_file(repository)["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    names = {re.split(r"[<>=;!~ \[]", line)[0].lower() for line in wanted}
    lines = (repository / "constraints.txt").read_text().splitlines()
    pinned = {line.split("==")[0].lower() for line in lines if "==" in line}
    assert names <= pinned, f"Pin these in constraints.txt: {sorted(names - pinned)}"
