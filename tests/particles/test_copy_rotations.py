"""Copies by symmetry have rotations that all particles share; joined classes of the same images have not."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from gem_plugin.imaging.symmetry import Symmetry, settings_of_symmetry
from gem_plugin.notices import listening
from gem_plugin.particles.copy_rotations import find_common_rotations, warn_about_other_rotations
from gem_plugin.particles.expansion import expand_table, has_subunits
from gem_plugin.particles.identity import numbered
from gem_plugin.particles.random_acquisition import Microscope, draw_acquisition
from gem_plugin.particles.table import ParticleTable

STAR = Path("joined.star")
MICROSCOPE = Microscope(300, 2.7, 0.1, 50, (8000, 20000), 5)


def table_of(n_particles: int, seed: int = 1) -> ParticleTable:
    return draw_acquisition(n_particles, MICROSCOPE, 32, 3.0, "a.mrcs", np.random.default_rng(seed))


def expanded_elsewhere(name: str, n_particles: int = 60) -> ParticleTable:
    table = expand_table(table_of(n_particles), settings_of_symmetry(name)[0])
    return dataclasses.replace(table, symmetry=Symmetry())


def said_of(table: ParticleTable) -> str:
    with listening(lambda notice: None) as notices:
        warn_about_other_rotations(table, STAR)
    return " ".join(notice.sentence for notice in notices)


@pytest.mark.parametrize("name", ["C2", "C3", "D7", "O", "I"])
def test_copies_of_every_group_are_common(name: str) -> None:
    table = expanded_elsewhere(name)
    found = find_common_rotations(table)
    assert found.n_common == found.n_pairs > 0
    assert has_subunits(table)
    assert said_of(table) == ""


def test_some_copies_of_a_local_refinement_about_other_axes_are_common() -> None:
    """Selected views, each turned by 2 degrees, and the whole map turned to other axes."""
    table, generator = expanded_elsewhere("D3", 200), np.random.default_rng(0)
    chosen = table.take(np.flatnonzero(generator.random(len(table)) < 0.6))
    turns = Rotation.from_rotvec(generator.normal(0, np.deg2rad(2), (len(chosen), 3))).as_matrix()
    axes = Rotation.random(rng=generator).as_matrix()
    refined = dataclasses.replace(chosen, rotation_matrices=turns @ chosen.rotation_matrices @ axes)
    assert find_common_rotations(refined).are_common
    assert said_of(refined) == ""


@pytest.mark.parametrize("n_views", [2, 3])
def test_joined_classes_of_the_same_images_are_said_and_have_no_subunits(n_views: int) -> None:
    n_particles = 400
    parts = [table_of(n_particles, seed) for seed in range(n_views)]
    rotations = np.concatenate([part.rotation_matrices for part in parts])
    table = dataclasses.replace(
        parts[0].take(np.tile(np.arange(n_particles), n_views)), rotation_matrices=rotations
    )
    said = said_of(table)
    assert "joined.star: the views of one particle are not related as by symmetry expansion" in said
    found = find_common_rotations(table)
    assert found.n_pairs > 0.95 * n_particles * (n_views - 1)
    assert found.n_common < 0.1 * found.n_pairs
    assert f"of {found.n_pairs} pairs that were compared, {found.n_common} are related" in said
    assert not has_subunits(table)


@pytest.mark.parametrize("n_rows", [60, 150, 400, 1200])
def test_few_views_of_an_icosahedral_set_are_not_taken_for_joined_classes(n_rows: int) -> None:
    """A selection in which hardly a rotation comes twice."""
    table = expanded_elsewhere("I", 80)
    chosen = np.sort(np.random.default_rng(3).permutation(len(table))[:n_rows])
    few = table.take(chosen)
    few = dataclasses.replace(few, particle_indices=numbered(few.particle_indices))
    assert find_common_rotations(few).are_common
    assert said_of(few) == ""


def test_one_view_each_or_the_same_pose_again_says_nothing() -> None:
    assert said_of(table_of(50)) == ""
    assert said_of(table_of(50).take(np.repeat(np.arange(50), 2))) == ""
    assert said_of(expand_table(table_of(5), settings_of_symmetry("C3")[0])) == ""
