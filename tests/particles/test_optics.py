"""Optics that particles share, and the views that a magnification matrix makes."""

from dataclasses import replace
from pathlib import Path

import numpy as np
from relion_projects import RelionProject

from gem_plugin.particles.ctf_parameters import ctf_parameters_of
from gem_plugin.particles.optics import Optics, different_optics, plain_optics
from gem_plugin.results.particle_file import read_particles


def _with_magnification(matrices: np.ndarray) -> Optics:
    n = len(matrices)
    return Optics(np.zeros((n, 20), np.float32), np.zeros((n, 16), np.float32), matrices.astype(np.float32))


def test_particles_with_the_same_optics_share_one_row() -> None:
    matrices = np.stack([np.eye(2), 1.01 * np.eye(2), np.eye(2), 1.01 * np.eye(2)])
    optics, which = different_optics(_with_magnification(matrices))
    assert len(optics) == 2
    np.testing.assert_allclose(optics.magnification[which], matrices, rtol=1e-6)


def test_plain_optics_are_one_kind_without_stretch() -> None:
    optics, which = different_optics(plain_optics())
    assert optics == plain_optics()
    assert which.tolist() == [0]
    assert not optics.is_stretched
    assert _with_magnification(np.diag([1.0, 0.99])[None]).is_stretched


def test_a_table_without_aberrations_has_plain_views_and_ctf(tmp_path: Path) -> None:
    table = read_particles(RelionProject(tmp_path).write_star())
    assert table.view_matrices is table.rotation_matrices
    ctf = ctf_parameters_of(table)
    assert ctf.even_zernike is None
    assert ctf.magnification is None
    assert table.image_indices.tolist() == table.particle_indices.tolist() == list(range(len(table)))


def test_an_image_shows_a_point_at_the_transposed_matrix_times_its_projection(tmp_path: Path) -> None:
    table = read_particles(RelionProject(tmp_path).write_star())
    matrix = np.array([[1.02, 0.03], [-0.01, 0.97]])
    table = replace(table, optics=_with_magnification(matrix[None]))
    point = np.array([10.0, -4.0, 7.0])
    projected = table.rotation_matrices[:, :2] @ point
    np.testing.assert_allclose(table.view_matrices[:, :2] @ point, projected @ matrix, rtol=1e-5)
    np.testing.assert_array_equal(table.view_matrices[:, 2], table.rotation_matrices[:, 2])
    np.testing.assert_array_equal(table.take(np.array([3, 1])).view_matrices, table.view_matrices[[3, 1]])
    assert ctf_parameters_of(table).magnification.shape == (len(table), 2, 2)
