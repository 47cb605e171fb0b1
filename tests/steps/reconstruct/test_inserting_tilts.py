"""Half-maps from all tilt images of the particles: the molecule comes back, noisy tilts count less, halves are of particles."""

import io
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation
from tilt_complexes import simulate_tilt_complex
from tilt_projects import FORMS, RELION, SERIES, correlation, truth_of

from gem_plugin.imaging.fourier import fourier_shell_correlation
from gem_plugin.io.run.files import RunFiles
from gem_plugin.landscape.motion.rigid import RigidMotions
from gem_plugin.notices import listening
from gem_plugin.particles.expansion import expanded_rows
from gem_plugin.particles.prepared import PreparedData, load_prepared
from gem_plugin.progress import Progress
from gem_plugin.steps.prepare.settings import PrepareSettings
from gem_plugin.steps.prepare.step import run_prepare
from gem_plugin.steps.reconstruct.half_maps import back_project, half_sets_of


def prepared(folder, project, form, **settings) -> PreparedData:
    with listening(lambda notice: None):
        run_prepare(
            RunFiles(folder), PrepareSettings(particles=project / form, **settings), Progress(io.StringIO())
        )
    data = load_prepared(RunFiles(folder))
    assert data.tilts is not None
    # noise is measured where there is none in these images
    tilts = replace(data.tilts, noise_levels=np.ones_like(data.tilts.noise_levels))
    return replace(data, tilts=tilts)


def half_maps(data: PreparedData, halves: np.ndarray, weights: np.ndarray | None = None, rows=None):
    rows = np.arange(len(data.table)) if rows is None else rows
    device = torch.device("cpu")
    return back_project(data, rows, halves, device, Progress(io.StringIO()), "maps", weights)


@pytest.mark.parametrize("form", FORMS)
def test_the_molecule_comes_back(tilt_project, tmp_path, form):
    both = half_maps(prepared(tmp_path, tilt_project, form), np.zeros(12, np.int64))
    curve = correlation(both.volume(0), tilt_project)
    assert (
        curve[1:10] > (0.9 if form == RELION else 0.97)
    ).all()  # RELION's circle cuts what the CTF spreads
    assert float(both.volume(1).abs().max()) == 0


def test_images_of_infinite_noise_and_particles_of_weight_zero_add_nothing(tilt_project, tmp_path):
    data = prepared(tmp_path, tilt_project, SERIES)
    assert data.tilts is not None
    owners = data.tilts.particles.images.particle_indices
    levels = np.where(owners < 6, np.float32(np.inf), np.float32(1))
    halves, weights = np.zeros(12, np.int64), np.where(np.arange(12) < 6, 0.0, 1.0)
    silent = half_maps(replace(data, tilts=replace(data.tilts, noise_levels=levels)), halves)
    unweighted = half_maps(data, halves, weights)
    torch.testing.assert_close(silent.sums, unweighted.sums, rtol=1e-4, atol=1e-4)


def test_noisy_images_count_less(tilt_project, tmp_path):
    """Two halves of the images with other levels give the sums of each, divided by its level."""
    data = prepared(tmp_path, tilt_project, SERIES)
    assert data.tilts is not None
    owners = data.tilts.particles.images.particle_indices
    levels = np.where(owners < 6, np.float32(4), np.float32(1))
    halves = np.zeros(12, np.int64)
    found = half_maps(replace(data, tilts=replace(data.tilts, noise_levels=levels)), halves)
    expected = half_maps(data, halves, np.where(np.arange(12) < 6, 0.25, 1.0))
    torch.testing.assert_close(found.sums, expected.sums, rtol=1e-4, atol=1e-4)


def test_motion_is_undone_in_every_tilt_image(tilt_project, tmp_path):
    """The pose of an image shows the reference where the particle's own moved: A Q, and the shift less (A t) along x and y."""
    data = prepared(tmp_path, tilt_project, SERIES)
    assert data.tilts is not None
    rotations = Rotation.from_rotvec(0.2 * np.random.default_rng(0).normal(size=(12, 3))).as_matrix()
    translations = 5 * np.random.default_rng(1).normal(size=(12, 3))
    images = data.tilts.particles.images
    views, shifts = images.rotation_matrices.copy(), images.shifts_in_angstroms.copy()
    for image, owner in enumerate(images.particle_indices):
        shifts[image] -= (views[image] @ translations[owner])[:2]
        views[image] = views[image] @ rotations[owner]
    moved = replace(images, rotation_matrices=views, shifts_in_angstroms=shifts)
    by_hand = replace(data, tilts=replace(data.tilts, particles=replace(data.tilts.particles, images=moved)))
    motions = RigidMotions(torch.from_numpy(rotations).float(), torch.from_numpy(translations).float())
    halves = np.arange(12) % 2
    rows, device = np.arange(12), torch.device("cpu")
    found = back_project(data, rows, halves, device, Progress(io.StringIO()), "moved", motions=motions)
    torch.testing.assert_close(found.sums, half_maps(by_hand, halves).sums, rtol=1e-3, atol=1e-3)
    assert not torch.allclose(found.sums, half_maps(data, halves).sums, rtol=1e-1, atol=1e-1)


@pytest.mark.parametrize("form", [RELION, SERIES])
def test_all_views_make_the_map_of_the_particles_with_the_symmetry_applied(tmp_path, form):
    """C2, whose rotation about z moves voxels to voxels; of particles whose subunits are in two states, without the symmetry."""
    project = simulate_tilt_complex(tmp_path / "project", symmetry="C2", n_particles=60, turn_to=120.0)
    single = prepared(tmp_path / "single", project, form)
    views = prepared(tmp_path / "views", project, form, map=project / "consensus.mrc", symmetry="C2")
    of_particles, of_views = half_sets_of(single, 0), half_sets_of(views, 0)
    assert (of_views == np.repeat(of_particles, 2)).all()  # all views of a particle in one
    rows = np.flatnonzero((truth_of(project)["which"] == [0, 1]).all(axis=1))
    assert len(rows) >= 8
    without = half_maps(single, np.zeros(60, np.int64), rows=rows).volume(0)
    found = half_maps(views, np.zeros(120, np.int64), rows=expanded_rows(rows, 2)).volume(0)
    turned = without.flip(1, 2).roll((1, 1), (1, 2))  # about the pixel at box // 2
    assert fourier_shell_correlation(without, turned)[3:10].min() < 0.8
    assert fourier_shell_correlation(found, without)[3:10].min() < 0.9
    assert fourier_shell_correlation(found, (without + turned) / 2)[1:10].min() > 0.97
    assert fourier_shell_correlation(found, found.flip(1, 2).roll((1, 1), (1, 2)))[1:10].min() > 0.995
