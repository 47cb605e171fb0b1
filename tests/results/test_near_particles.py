"""The maps of a trajectory have the number of particles near them; a map far from all has none."""

from pathlib import Path

import numpy as np
import pytest
from tiny_run import make_tiny_run

from gem_plugin.io.array_files import write_array, write_numbers
from gem_plugin.io.mrc.maps import write_map
from gem_plugin.io.run.files import RunFiles
from gem_plugin.results.near_particles import near_volume_components, particles_near_series
from gem_plugin.results.run import Run


@pytest.fixture
def run(tmp_path: Path) -> RunFiles:
    return make_tiny_run(tmp_path / "run")


def test_points_of_the_latent_space_are_counted_among_the_particles(run: RunFiles) -> None:
    points = np.array([[1, 0, 0], [0, 0, 0], [0, 1, 0]], np.float32)  # the particles lie on a ring
    write_numbers(run.analyze.component_folder(1) / "z_values.txt", points)
    (near,) = particles_near_series(Run(run))
    assert near is not None
    assert near[1] == 0
    assert near[[0, 2]].min() >= 5


def test_a_trajectory_without_latents_is_not_counted(run: RunFiles) -> None:
    assert particles_near_series(Run(run)) == [None]


def test_volume_components_are_counted_by_the_particles_of_the_sketch_maps(run: RunFiles) -> None:
    opened = Run(run)
    rows = np.arange(0, opened.n_particles, 10)
    labels = np.arange(opened.n_particles) // 10
    write_numbers(run.landscape.sketch_rows, rows)
    write_array(run.landscape.sketch_labels, labels)
    scores = np.stack([np.r_[np.linspace(-1, 1, len(rows) - 1), 50], np.zeros(len(rows))], axis=1)
    write_array(run.landscape.volume_pca_scores, scores)
    for number in (1, 2, 3):
        write_map(
            run.landscape.component_folder(1) / f"vol_{number:03d}.mrc", np.zeros((8, 8, 8), np.float32), 4.0
        )
    near = near_volume_components(Run(run))
    assert near is not None
    assert near.at(scores[:1])[0] >= 10
    counts = particles_near_series(Run(run))[-1]
    assert counts is not None
    assert counts[0] >= 10
    assert counts[1] == 0, "halfway to the one map that is far from all"
