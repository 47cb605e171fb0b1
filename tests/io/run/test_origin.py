"""Results say where they came from, in words that RELION and MRC readers accept."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

import mrcfile
import numpy as np
import pytest

from gem_plugin.io.mrc.maps import read_map, write_map
from gem_plugin.io.mrc.stacks import write_stack
from gem_plugin.io.run.files import RunFiles
from gem_plugin.io.run.manifest import read_manifest, record_start
from gem_plugin.io.run.origin import origin_line, settings_digest, with_origin_comment
from gem_plugin.io.run.settings import write_step_settings
from gem_plugin.io.star.particles import read_relion_file

STAR = b"""
# version 30001

data_optics

loop_
_rlnOpticsGroup #1
_rlnOpticsGroupName #2
_rlnImagePixelSize #3
_rlnImageSize #4
_rlnImageDimensionality #5
_rlnVoltage #6
_rlnSphericalAberration #7
_rlnAmplitudeContrast #8
1 one 2.0 16 2 300.0 2.7 0.1

# version 30001

data_particles

loop_
_rlnImageName #1
_rlnAngleRot #2
_rlnOpticsGroup #3
000001@a.mrcs 12.5 1
000002@a.mrcs -3.5 1
"""


@dataclass(frozen=True)
class _Settings:
    epochs: int = 3
    threads: int = 1


@pytest.fixture
def run(tmp_path: Path) -> RunFiles:
    """Its name holds a word that RELION takes for the beginning of a block, also in a comment."""
    run = RunFiles(tmp_path / "my data_particles loop_ of *\u212b*")
    run.root.mkdir()
    write_step_settings(run, "train", _Settings())
    return run


def test_other_settings_have_another_number_and_another_folder_has_not(run: RunFiles, tmp_path: Path) -> None:
    before = settings_digest(run)
    again = RunFiles(tmp_path / "again")
    again.root.mkdir()
    write_step_settings(again, "train", _Settings(threads=8))
    assert settings_digest(again) == before
    write_step_settings(run, "train", _Settings(epochs=4))
    assert settings_digest(run) != before
    record_start(run, "train", _Settings(epochs=4))
    assert read_manifest(run)["train"]["settings"] == settings_digest(run)


def test_maps_and_stacks_carry_the_run_as_their_label(run: RunFiles, tmp_path: Path) -> None:
    write_map(run.landscape.root / "states/mean.mrc", np.zeros((4, 4, 4)), 1.5)
    with write_stack(run.prepared_images, 1.5) as stack:
        stack.append(np.zeros((2, 4, 4)))
    for path in (run.landscape.root / "states/mean.mrc", run.prepared_images):
        assert mrcfile.validate(path)
        with mrcfile.open(path) as file:
            assert [label.rstrip() for label in file.get_labels()] == [origin_line(run)]
    assert len(origin_line(run)) <= 80
    write_map(tmp_path / "elsewhere.mrc", np.zeros((4, 4, 4)), 1.5)
    with mrcfile.open(tmp_path / "elsewhere.mrc") as file:
        assert file.get_labels()[0].startswith("gem-em ")
    assert read_map(tmp_path / "elsewhere.mrc").pixel_size_in_angstroms == 1.5


def test_the_comment_changes_nothing_for_our_reader(run: RunFiles, tmp_path: Path) -> None:
    (tmp_path / "a.star").write_bytes(b"".join(with_origin_comment(iter([STAR]), run)))
    file = read_relion_file(tmp_path / "a.star")
    assert file.particles.n_rows == 2
    assert file.optics is not None


@pytest.mark.relion
def test_relion_reads_a_star_file_with_the_comment(run: RunFiles, relion: Path, tmp_path: Path) -> None:
    content = b"".join(with_origin_comment(iter([STAR]), run))
    (tmp_path / "a.star").write_bytes(content)
    command = [relion / "relion_star_handler", "--i", "a.star", "--o", "b.star", "--select", "rlnAngleRot"]
    command += ["--minval", "0"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    written = read_relion_file(tmp_path / "b.star")
    assert written.particles.n_rows == 1
    assert written.optics is not None
