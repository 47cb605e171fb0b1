"""All views of a particle are in one half-set."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from small_star_run import write_run

from gem_plugin.notices import listening
from gem_plugin.particles import ParticleTable
from gem_plugin.particles.half_sets import random_half_sets, with_half_sets_of_particles
from gem_plugin.particles.prepared import load_prepared_table

STAR = Path("expanded.star")


def table_with(folder: Path, half_sets: list[int], particles: list[int]) -> ParticleTable:
    run, _ = write_run(folder, len(half_sets))
    table = load_prepared_table(run)[0]
    return dataclasses.replace(
        table, half_sets=np.array(half_sets, np.int8), particle_indices=np.array(particles)
    )


@pytest.mark.parametrize(
    ("half_sets", "particles"), [([1, 1, 2, 2], [0, 0, 1, 1]), ([1, 2, 2, 1], [0, 1, 2, 3])]
)
def test_half_sets_of_whole_particles_stay(
    tmp_path: Path, half_sets: list[int], particles: list[int]
) -> None:
    with listening(lambda notice: None) as notices:
        table = with_half_sets_of_particles(table_with(tmp_path, half_sets, particles), STAR)
    assert (table.half_sets.tolist(), notices) == (half_sets, [])


def test_views_without_a_half_set_get_that_of_their_particle(tmp_path: Path) -> None:
    table = with_half_sets_of_particles(table_with(tmp_path, [2, 0, 0, 0], [0, 0, 1, 1]), STAR)
    assert table.half_sets.tolist() == [2, 2, 0, 0]


def test_particles_in_both_half_sets_are_dealt_out_anew_and_counted(tmp_path: Path) -> None:
    particles = np.repeat(np.arange(100), 3)
    half_sets = np.random.default_rng(0).integers(
        1, 3, 300
    )  # row by row, as RELION draws them after the expansion
    whole = np.bincount(particles, half_sets == 1) % 3 == 0
    with listening(lambda notice: None) as notices:
        table = with_half_sets_of_particles(
            table_with(tmp_path, half_sets.tolist(), particles.tolist()), STAR
        )
    assert f"{(~whole).sum()} of 100 particles have views in both half-sets" in notices[0].sentence
    drawn = table.half_sets.reshape(100, 3)
    assert (drawn == drawn[:, :1]).all()
    np.testing.assert_array_equal(table.half_sets[whole[particles]], half_sets[whole[particles]])
    counts = np.bincount(drawn[~whole, 0], minlength=3)
    assert abs(int(counts[1]) - int(counts[2])) <= 1


def test_random_half_sets_are_those_of_particles() -> None:
    halves = random_half_sets(np.repeat(np.arange(50), 4), 1).reshape(50, 4)
    assert (halves == halves[:, :1]).all()
    assert 10 < halves[:, 0].sum() < 40
    plain = np.random.default_rng(7).integers(0, 2, 9)
    np.testing.assert_array_equal(random_half_sets(np.arange(9), 7), plain)
