"""Expanded tables: identity first, copies adjacent, one image and one particle; and poses that see each subunit once."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation
from symmetric_maps import positions_of_complex

from gem_plugin.gaussians.cloud import GaussianCloud
from gem_plugin.gaussians.projection import project_gaussians
from gem_plugin.imaging.symmetry import Symmetry, settings_of_symmetry
from gem_plugin.io.run.files import RunFiles
from gem_plugin.particles.expansion import (
    copied_rotations,
    expand_table,
    expanded_rows,
    has_subunits,
    numbers_of_copies,
)
from gem_plugin.particles.prepared import ParticleOrigin, load_prepared_table, save_prepared_table
from gem_plugin.particles.random_acquisition import Microscope, draw_acquisition
from gem_plugin.particles.table import ParticleTable

MICROSCOPE = Microscope(300, 2.7, 0.1, 50, (8000, 20000), 5)


def table_of(n_particles: int) -> ParticleTable:
    return draw_acquisition(n_particles, MICROSCOPE, 32, 3.0, "a.mrcs", np.random.default_rng(1))


@pytest.mark.parametrize("name", ["C3", "D2", "T"])
def test_rows_are_the_particle_and_its_copies(name: str) -> None:
    table, symmetry = table_of(5), settings_of_symmetry(name)[0]
    expanded, order = expand_table(table, symmetry), len(symmetry)
    assert len(expanded) == 5 * order
    for what in ("file_rows", "image_indices", "particle_indices"):
        assert getattr(expanded, what).tolist() == np.repeat(np.arange(5), order).tolist()
    assert expanded.symmetry_copies.tolist() == list(range(order)) * 5
    np.testing.assert_array_equal(expanded.rotation_matrices[::order], table.rotation_matrices)
    np.testing.assert_array_equal(expanded.half_sets, np.repeat(table.half_sets, order))
    np.testing.assert_allclose(
        expanded.rotation_matrices[1], table.rotation_matrices[0] @ symmetry.operators[1], atol=1e-6
    )


def test_copy_j_shows_the_first_subunit_where_subunit_j_stood() -> None:
    symmetry = settings_of_symmetry("D3")[0]
    subunit = np.array([[13.0, 3.0, 5.0], [9.0, -2.0, 4.0]])
    rotation = Rotation.random(1, np.random.default_rng(2)).as_matrix()
    copies = copied_rotations(rotation, symmetry)[0]
    for copy, operator in zip(copies, symmetry.operators):
        np.testing.assert_allclose(subunit @ copy.T, (subunit @ operator.T) @ rotation[0].T, atol=1e-9)


@pytest.mark.parametrize("name", ["C3", "D2", "O"])
def test_projections_of_a_symmetric_molecule_are_the_same_in_all_copies(name: str) -> None:
    symmetry = settings_of_symmetry(name)[0]
    positions = torch.from_numpy(positions_of_complex(symmetry, 32)).float()
    cloud = GaussianCloud(positions, torch.ones(len(positions)), torch.full((len(positions),), 1.2))
    views = torch.from_numpy(expand_table(table_of(1), symmetry).rotation_matrices)
    images = project_gaussians(cloud, views, 32, 1.0)
    assert float((images - images[:1]).abs().max()) < 1e-3 * float(images.max())


def test_a_saved_table_comes_back_with_its_symmetry(tmp_path: Path) -> None:
    run, symmetry = RunFiles(tmp_path / "run"), settings_of_symmetry("D3")[1]
    table = expand_table(table_of(4), symmetry)
    save_prepared_table(
        run.prepared_table, table, np.ones(17), ParticleOrigin(tmp_path / "a.star", None, 32, 3.0)
    )
    loaded, _, _ = load_prepared_table(run)
    assert loaded.symmetry == symmetry
    np.testing.assert_array_equal(loaded.symmetry_copies, table.symmetry_copies)
    np.testing.assert_array_equal(loaded.file_rows, table.file_rows)


def test_a_table_that_was_not_expanded_has_the_identity() -> None:
    table = table_of(3)
    assert table.symmetry == Symmetry()
    assert not has_subunits(table)
    assert expand_table(table, Symmetry()).file_rows.tolist() == [0, 1, 2]


def test_files_expanded_elsewhere_have_subunits_and_joined_doubles_have_not() -> None:
    symmetry = settings_of_symmetry("C3")[0]
    expanded = expand_table(table_of(20), symmetry)
    elsewhere = expanded.take(np.arange(60))
    object.__setattr__(elsewhere, "symmetry", Symmetry())
    assert has_subunits(elsewhere)
    doubles = table_of(20).take(np.repeat(np.arange(20), 2))  # two refinements joined: the same poses
    assert not has_subunits(doubles)
    few = elsewhere.take(np.concatenate([np.arange(0, 60, 3), [1]]))  # one double among twenty
    assert not has_subunits(few)


def test_rows_of_particles_as_rows_of_views() -> None:
    assert expanded_rows(np.array([0, 4]), 3).tolist() == [0, 1, 2, 12, 13, 14]
    assert expanded_rows(np.array([2, 5]), 1).tolist() == [2, 5]


def test_copies_of_files_expanded_elsewhere_are_counted_by_their_order() -> None:
    symmetry = settings_of_symmetry("D2")[0]
    expanded = expand_table(table_of(12), symmetry)
    elsewhere = dataclasses.replace(expanded, symmetry=Symmetry(), symmetry_copies=np.zeros(48, np.int16))
    np.testing.assert_array_equal(numbers_of_copies(expanded), expanded.symmetry_copies)
    np.testing.assert_array_equal(numbers_of_copies(elsewhere), expanded.symmetry_copies)
    refined = dataclasses.replace(  # by a local refinement, about 2 degrees
        elsewhere,
        rotation_matrices=(
            Rotation.from_rotvec(np.random.default_rng(0).normal(0, 0.03, (48, 3))).as_matrix()
            @ elsewhere.rotation_matrices
        ),
    )
    np.testing.assert_array_equal(numbers_of_copies(refined), expanded.symmetry_copies)
    by_operator = np.argsort(expanded.symmetry_copies, kind="stable")  # all particles, then all again turned
    np.testing.assert_array_equal(numbers_of_copies(elsewhere.take(by_operator)), np.repeat(np.arange(4), 12))


def test_an_order_of_views_that_says_nothing_gives_no_copies() -> None:
    expanded = expand_table(table_of(12), settings_of_symmetry("D2")[0])
    elsewhere = dataclasses.replace(expanded, symmetry=Symmetry())
    assert numbers_of_copies(elsewhere.take(np.delete(np.arange(48), 5))) is None  # one view is missing
    shuffled = elsewhere.take(np.random.default_rng(1).permutation(48))
    assert numbers_of_copies(shuffled) is None
    assert numbers_of_copies(table_of(4)) is None
