"""The scripts of a checkout and the commands of an installed package, and that neither hides cryosparc-tools."""

import subprocess
import sys
from pathlib import Path

import pytest

from gem_plugin.adapters.cryosparc import commands as cryosparc_jobs

pytest.importorskip("cryosparc.tools", reason="cryosparc-tools is absent (pip install 'gem-em[cryosparc]')")

NAMES = ["run", "train", "landscape", "landscape-full", "select"]


def test_launcher_of_a_checkout_shows_its_help(repository: Path):
    script = repository / "cryosparc" / "gem_train_job.py"
    done = subprocess.run([sys.executable, script, "--help"], cwd=repository, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "gem-cryosparc-train [OPTIONS]" in done.stdout


@pytest.mark.parametrize("name", NAMES)
def test_launchers_differ_only_in_the_name_of_their_job(repository: Path, name: str):
    folder, word = repository / "cryosparc", name.replace("-", "_")
    text = (folder / "gem_train_job.py").read_text()
    expected = text.replace("gem-cryosparc-train", f"gem-cryosparc-{name}").replace("train", word)
    assert (folder / f"gem_{word}_job.py").read_text().replace(name, word) == expected.replace(name, word)


def test_the_folder_of_launchers_does_not_hide_cryosparc_tools(repository: Path):
    assert not (repository / "cryosparc" / "__init__.py").exists()
    code = "from cryosparc.tools import CryoSPARC; import cryosparc; print(cryosparc.__file__)"
    done = subprocess.run([sys.executable, "-c", code], cwd=repository, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "site-packages" in done.stdout


def test_every_job_has_a_console_script(repository: Path):
    text = (repository / "pyproject.toml").read_text()
    for name in NAMES:
        function = f"{name.replace('-', '_')}_main"
        assert f'gem-cryosparc-{name} = "gem_plugin.adapters.cryosparc.commands:{function}"' in text
        assert callable(getattr(cryosparc_jobs, function))


def test_without_cryosparc_tools_the_user_is_told_what_to_install(repository: Path):
    code = (
        "import sys\nsys.modules['cryosparc'] = None\n"
        "from gem_plugin.adapters.cryosparc.commands import run_command\n"
        "arguments = '--project P3 --workspace W1 --particles J1 --volume J1'.split()\n"
        "sys.exit(run_command('train', arguments))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=repository, capture_output=True, text=True)
    assert done.returncode == 2
    assert (
        "cryosparc-tools is not installed. Install the version of your instance: pip install" in done.stderr
    )
