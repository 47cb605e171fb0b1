"""docs/tutorial.md: its commands exist with their options, and run in their order from a Refine3D folder to a refined state."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import click
import mrcfile
import numpy as np
import pytest
import starfile
from relion_project_folder import MPI_AS_ROOT

from gem_plugin.cli.main import gem_em


@pytest.fixture
def commands(repository: Path) -> list[str]:
    """The lines of the page's blocks, in their order."""
    page = (repository / "docs" / "tutorial.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    return [line for block in blocks for line in block.splitlines()]


def test_every_command_of_the_page_has_these_options(commands: list[str]) -> None:
    of_gem = [shlex.split(command)[1:] for command in commands if command.startswith("gem-em ")]
    assert [words[0] for words in of_gem] == ["doctor", "simulate", "run", "reconstruct", "select"]
    for name, *words in of_gem:
        command = gem_em.get_command(click.Context(gem_em), name)
        assert command is not None
        command.make_context(name, list(words))  # raises where an option or a value is wrong


@pytest.mark.slow
@pytest.mark.relion
def test_the_page_leads_to_a_refined_state(commands: list[str], relion: Path, tmp_path: Path) -> None:
    path = str(Path(sys.executable).parent) + os.pathsep + os.environ["PATH"]
    environment = {**os.environ, **MPI_AS_ROOT, "PATH": path}
    script = "set -e\n" + "\n".join(
        command.replace("gem-em doctor", "gem-em doctor || true") for command in commands
    )
    done = subprocess.run(
        ["bash", "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    project = tmp_path / "project"
    for name in ("report.html", "reconstruct/state_001_half1.mrc", "reconstruct/state_001_half2.mrc"):
        assert (project / "External/gem" / name).is_file()
    original = starfile.read(project / "Refine3D/job019/particles.star", always_dict=True)["particles"]
    chosen = starfile.read(project / "External/state_1/particles.star", always_dict=True)["particles"]
    assert 500 < len(chosen) < 1500
    assert set(chosen["rlnImageName"]) < set(original["rlnImageName"])
    truth = np.load(project / "Refine3D/job019/truth.npz")
    assert len(truth.files) > 0
    with mrcfile.open(project / "Refine3D/job021/run_class001.mrc") as refined:
        assert refined.data.shape == (64, 64, 64)
        assert refined.voxel_size.x == pytest.approx(4.0, abs=1e-3)
        assert refined.data.max() > 5 * refined.data.std()
