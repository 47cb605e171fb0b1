"""The images with their poses, CTFs and weights make the map again, and no longer where a part of the geometry is dropped."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from tilt_projects import FORMS, RELION, SERIES, WARPTOOLS, changed_star, correlation, read, simulate_small

from gem_plugin.io.mrc.maps import read_map
from gem_plugin.io.star.write import write_new_star
from gem_plugin.particles.tilt_series import TiltSeriesParticles
from gem_plugin.particles.tilt_series.reconstruction import back_project
from gem_plugin.particles.to_relion import relion_angles_in_degrees

SHELLS = slice(1, 17)  # to 16 A of a box of 256 A
HIGH_SHELLS = slice(18, 28)  # 14 to 9 A
LOWEST = {
    RELION: 0.9,
    WARPTOOLS: 0.99,
    SERIES: 0.99,
}  # the circle of RELION's extraction cuts some of the image


@pytest.fixture(scope="module")
def larger_project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """40 particles without noise, so that their tilts fill Fourier space; far from their centres, with fine pixels."""
    folder = tmp_path_factory.mktemp("larger") / "project"
    return simulate_small(folder, n_particles=40, fewest_tilts=20, box=64, pixel_size=4.0, largest_shift=12.0)


def _map(particles: TiltSeriesParticles) -> torch.Tensor:
    return back_project(particles, np.zeros(len(particles), int), 1).volume(0)


@pytest.mark.parametrize("form", FORMS)
def test_all_images_together_are_the_map(larger_project: Path, form: str) -> None:
    assert correlation(_map(read(larger_project / form)), larger_project)[SHELLS].min() > LOWEST[form]


def test_images_that_were_not_multiplied_by_their_ctf_too(tmp_path: Path) -> None:
    project = simulate_small(
        tmp_path / "raw", n_particles=40, fewest_tilts=20, raw_tilts=True, tilt_form="relion5"
    )
    particles = read(project / RELION)
    assert not particles.images.image_processing.any()
    assert correlation(_map(particles), project)[SHELLS].min() > LOWEST[RELION]


def _without_tilts(particles: TiltSeriesParticles) -> TiltSeriesParticles:
    rotations = particles.rotation_matrices[particles.images.particle_indices]
    return replace(particles, images=replace(particles.images, rotation_matrices=rotations))


def _without_dose_and_weight(particles: TiltSeriesParticles) -> TiltSeriesParticles:
    images = particles.images
    return replace(
        particles,
        images=replace(images, doses=0 * images.doses, scale_factor=np.ones_like(images.scale_factor)),
    )


def _without_shifts(particles: TiltSeriesParticles) -> TiltSeriesParticles:
    images = particles.images
    return replace(particles, images=replace(images, shifts_in_angstroms=0 * images.shifts_in_angstroms))


@pytest.mark.parametrize(("change", "falls_by"), [(_without_tilts, 0.5), (_without_shifts, 0.1)])
def test_the_map_is_worse_without(
    larger_project: Path,
    change: Callable[[TiltSeriesParticles], TiltSeriesParticles],
    falls_by: float,
) -> None:
    particles = read(larger_project / RELION)
    right = correlation(_map(particles), larger_project)[SHELLS].mean()
    assert correlation(_map(change(particles)), larger_project)[SHELLS].mean() < right - falls_by


def test_without_subtomogram_angles_the_map_is_lost(larger_project: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(larger_project, tmp_path / "copy"))
    with changed_star(copy / "relion5" / "particles.star") as blocks:
        names = [f"rlnTomoSubtomogram{name}" for name in ("Rot", "Tilt", "Psi")]
        blocks["particles"] = blocks["particles"].drop(columns=names)
    assert correlation(_map(read(copy / RELION)), larger_project)[SHELLS].mean() < 0.5


def test_the_other_hand_gives_the_wrong_defocus(larger_project: Path, tmp_path: Path) -> None:
    """At the largest depth here, 3000 A, the defocus is off by twice that; the map falls at its high end."""
    copy = Path(shutil.copytree(larger_project, tmp_path / "copy"))
    right = correlation(_map(read(copy / WARPTOOLS)), larger_project)[HIGH_SHELLS].mean()
    with changed_star(copy / "warptools" / "particles_tomograms.star") as blocks:
        blocks["global"]["rlnTomoHand"] = [-int(hand) for hand in blocks["global"]["rlnTomoHand"]]
    assert correlation(_map(read(copy / WARPTOOLS)), larger_project)[HIGH_SHELLS].mean() < right - 0.03


def test_the_level_of_the_map_needs_dose_and_weight(larger_project: Path) -> None:
    """Without them the model holds the images for brighter than they are, and the high frequencies of the map are too low."""
    particles = read(larger_project / SERIES)
    right, wrong = (
        torch.fft.rfftn(_map(one)).abs()[0, 0, 9:14].mean()
        for one in (particles, _without_dose_and_weight(particles))
    )
    assert wrong < 0.8 * right


@pytest.mark.relion
def test_real_relion_makes_the_same_map_of_the_poses_and_ctfs(
    larger_project: Path, relion: Path, tmp_path: Path
) -> None:
    """relion_reconstruct of 3.1 knows no tilt series and no dose, so each image is a particle with its weight alone."""
    import subprocess

    particles = read(larger_project / SERIES, max_dose=20.0)
    images = particles.images
    angles = relion_angles_in_degrees(images.rotation_matrices)
    columns = {
        "_rlnImageName": [f"{k + 1:06d}@particles.mrcs" for k in images.slice_indices],
        "_rlnOpticsGroup": ["1"] * len(images),
        "_rlnDefocusU": [f"{value:.3f}" for value in images.defocus_u_in_angstroms],
        "_rlnDefocusV": [f"{value:.3f}" for value in images.defocus_v_in_angstroms],
        "_rlnDefocusAngle": [f"{value:.3f}" for value in images.defocus_angle_in_degrees],
        "_rlnOriginXAngst": [f"{value:.5f}" for value in images.shifts_in_angstroms[:, 0]],
        "_rlnOriginYAngst": [f"{value:.5f}" for value in images.shifts_in_angstroms[:, 1]],
    }
    for axis, label in enumerate(("_rlnAngleRot", "_rlnAngleTilt", "_rlnAnglePsi")):
        columns[label] = [f"{value:.5f}" for value in angles[:, axis]]
    optics = {"_rlnOpticsGroup": ["1"], "_rlnOpticsGroupName": ["one"], "_rlnVoltage": ["300.0"]}
    optics |= {"_rlnSphericalAberration": ["2.7"], "_rlnAmplitudeContrast": ["0.1"]}
    optics |= {"_rlnImagePixelSize": ["4.0"], "_rlnImageSize": ["64"], "_rlnImageDimensionality": ["2"]}
    write_new_star(tmp_path / "particles.star", {"optics": optics, "particles": columns})
    (tmp_path / "particles.mrcs").symlink_to(larger_project / "image_series" / "particles.mrcs")
    command = [
        relion / "relion_reconstruct",
        "--i",
        "particles.star",
        "--o",
        "map.mrc",
        "--ctf",
        "--angpix",
        "4",
    ]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    found = torch.from_numpy(read_map(tmp_path / "map.mrc").volume)
    assert correlation(found, larger_project)[1:8].min() > 0.9


def test_half_maps_are_by_particle(larger_project: Path) -> None:
    particles = read(larger_project / WARPTOOLS)
    half = back_project(particles)
    alone = back_project(particles.take(np.flatnonzero(particles.half_sets == 2)))
    torch.testing.assert_close(half.sums[1], alone.sums[1])
    assert not alone.sums[0].any()
