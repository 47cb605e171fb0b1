"""The consensus step says when map, poses and images do not belong together, before the long training."""

import io
from pathlib import Path

import mrcfile
import numpy as np
import pytest

from gem_plugin.errors import InputError
from gem_plugin.imaging.resampling import resample_map
from gem_plugin.io.mrc.maps import read_map, write_map
from gem_plugin.io.run.excluded import ExcludedParticles, write_excluded
from gem_plugin.io.run.files import RunFiles
from gem_plugin.notices import listening
from gem_plugin.progress import Progress
from gem_plugin.steps.consensus.settings import ConsensusSettings
from gem_plugin.steps.consensus.step import run_consensus
from gem_plugin.steps.prepare.settings import PrepareSettings
from gem_plugin.steps.prepare.step import run_prepare
from gem_plugin.steps.simulate.settings import SimulateSettings
from gem_plugin.steps.simulate.step import run_simulate


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("consensus") / "data"
    settings = SimulateSettings(out=folder, n_particles=120, box=24, pixel_size=11.0, snr=0.3)
    run_simulate(settings, Progress(io.StringIO()))
    return folder


def consensus(particles: Path, volume: Path, run: Path) -> tuple[dict, str]:
    with listening(lambda notice: None) as notices:
        run_prepare(RunFiles(run), PrepareSettings(particles=particles, map=volume), Progress(io.StringIO()))
        settings = ConsensusSettings(map=volume, fit_images=0)
        numbers = run_consensus(RunFiles(run), settings, Progress(io.StringIO()))
    return numbers, "\n".join(notice.sentence for notice in notices)


def test_the_map_of_the_particles_is_taken_silently(data: Path, tmp_path: Path) -> None:
    numbers, said = consensus(data / "particles.star", data / "consensus.mrc", tmp_path / "run")
    assert numbers["match_in_own_poses"] > numbers["match_in_poses_of_others"]
    assert said == ""


def test_a_map_whose_hand_was_turned_is_refused(data: Path, tmp_path: Path) -> None:
    original = read_map(data / "consensus.mrc")
    turned = np.roll(original.volume[::-1], 1, axis=0)  # about the voxel in the middle
    write_map(tmp_path / "turned.mrc", turned, original.pixel_size_in_angstroms)
    with pytest.raises(
        InputError, match=r"turned\.mrc: the images match this map better when it is flipped along z"
    ):
        consensus(data / "particles.star", tmp_path / "turned.mrc", tmp_path / "run")


def test_poses_of_another_refinement_are_warned_of(data: Path, tmp_path: Path) -> None:
    lines = (data / "particles.star").read_text().splitlines()
    rows = [number for number, line in enumerate(lines) if "@" in line]
    poses = [lines[number].split()[10:13] for number in rows]
    for number, pose in zip(rows, poses[7:] + poses[:7], strict=True):
        values = lines[number].split()
        lines[number] = " ".join([*values[:10], *pose, *values[13:]])
    (data / "others.star").write_text("\n".join(lines) + "\n")
    _, said = consensus(data / "others.star", data / "consensus.mrc", tmp_path / "run")
    assert "The images match the map hardly better in their own poses" in said
    assert "of the same refinement" in said


def test_optics_groups_of_opposite_contrast_are_named(data: Path, tmp_path: Path) -> None:
    """Where the images alone do not show it, the map does: here the prepared images are inverted."""
    run = RunFiles(tmp_path / "run")
    run_prepare(run, PrepareSettings(particles=data / "particles.star"), Progress(io.StringIO()))
    with np.load(run.prepared_table) as saved:
        values = {name: saved[name] for name in saved.files}
    values["optics_groups"] = 1 + np.arange(120) % 3
    np.savez(run.prepared_table, **values)
    with mrcfile.open(run.prepared_images, "r+") as stack:
        stack.data[1::3] *= -1
    settings = ConsensusSettings(map=data / "consensus.mrc", fit_images=0)
    with pytest.raises(
        InputError, match="images of optics group 2 match the map with the opposite contrast of the others"
    ):
        run_consensus(run, settings, Progress(io.StringIO()))


def test_excluded_images_have_no_part_in_the_consensus(data: Path, tmp_path: Path) -> None:
    settings = ConsensusSettings(map=data / "consensus.mrc", fit_images=64)
    greys = []
    for name, spoils in (("clean", False), ("spoilt", True)):
        run = RunFiles(tmp_path / name)
        run_prepare(run, PrepareSettings(particles=data / "particles.star"), Progress(io.StringIO()))
        write_excluded(run, ExcludedParticles(np.array([3, 50]), ["a", "b"], ["bad", "bad"]))
        if spoils:
            with mrcfile.open(run.prepared_images, "r+") as stack:
                stack.data[[3, 50]] = 1e6
        greys.append(run_consensus(run, settings, Progress(io.StringIO()))["grey_scale"])
    assert greys[0] == greys[1]


@pytest.mark.parametrize("kind", ["binned", "cropped", "padded", "of the same width"])
def test_a_map_on_another_grid_gives_the_same_match(kind: str, data: Path, tmp_path: Path) -> None:
    volume, pixel_size = read_map(data / "consensus.mrc")
    box, factor = {
        "binned": (16, 1.5),
        "cropped": (20, 1),
        "padded": (31, 1),
        "of the same width": (36, 2 / 3),
    }[kind]
    write_map(tmp_path / "other.mrc", resample_map(volume, factor, box), pixel_size * factor)
    usual, _ = consensus(data / "particles.star", data / "consensus.mrc", tmp_path / "run")
    numbers, said = consensus(data / "particles.star", tmp_path / "other.mrc", tmp_path / "other")
    assert f"the map has {box} voxels" in said
    assert numbers["match_in_own_poses"] == pytest.approx(usual["match_in_own_poses"], rel=0.03)
    assert numbers["grey_scale"] == pytest.approx(usual["grey_scale"], rel=0.05)


def test_a_flipped_map_on_another_grid_is_refused(data: Path, tmp_path: Path) -> None:
    volume, pixel_size = read_map(data / "consensus.mrc")
    flipped = np.roll(volume[::-1], 1, axis=0)
    write_map(tmp_path / "flipped.mrc", resample_map(flipped, 1.5, 16), pixel_size * 1.5)
    with pytest.raises(InputError, match="match this map better when it is flipped along z"):
        consensus(data / "particles.star", tmp_path / "flipped.mrc", tmp_path / "run")
