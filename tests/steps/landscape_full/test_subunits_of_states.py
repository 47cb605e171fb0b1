"""landscape-full of particles with several views: each set of states, Leiden communities too, has its subunits.csv."""

import dataclasses
import io
from pathlib import Path

import numpy as np
import pytest
from arm_model import arm_source, ring_latents
from small_star_run import write_run

from gem_plugin.io.run.files import RunFiles
from gem_plugin.particles.prepared import load_prepared_table, save_prepared_table
from gem_plugin.progress import Progress
from gem_plugin.results.components import VolumeComponents
from gem_plugin.results.csv_tables import read_text_rows
from gem_plugin.results.run import Run
from gem_plugin.steps.landscape.settings import LandscapeSettings
from gem_plugin.steps.landscape.step import map_landscape
from gem_plugin.steps.landscape_full.settings import LandscapeFullSettings
from gem_plugin.steps.landscape_full.step import map_full_landscape

N_PARTICLES, N_VIEWS = 60, 3


def run_with_views(folder: Path) -> RunFiles:
    """Views of each particle 120 degrees apart."""
    run, _ = write_run(folder, N_PARTICLES * N_VIEWS)
    table, noise, origin = load_prepared_table(run)
    angles = np.deg2rad(120.0 * (np.arange(len(table)) % N_VIEWS))
    rotations = np.tile(np.eye(3, dtype=np.float32), (len(table), 1, 1))
    rotations[:, 0, 0] = rotations[:, 1, 1] = np.cos(angles)
    rotations[:, 0, 1], rotations[:, 1, 0] = -np.sin(angles), np.sin(angles)
    particles = np.arange(len(table)) // N_VIEWS
    table = dataclasses.replace(
        table, rotation_matrices=rotations, image_indices=particles, particle_indices=particles
    )
    save_prepared_table(run.prepared_table, table, noise, origin)
    return run


def test_every_set_of_states_has_its_subunits(tmp_path: Path) -> None:
    pytest.importorskip("igraph", reason="Leiden communities need igraph")
    run, source = run_with_views(tmp_path), arm_source(ring_latents(N_PARTICLES * N_VIEWS))
    quiet, files = Progress(io.StringIO()), run.landscape
    sketch = LandscapeSettings(sketch_size=20, n_states=3, skip_umap=True, pc_dim=3, plot_dim=0)
    map_landscape(source, files, run, sketch, quiet)
    full = LandscapeFullSettings(
        n_states=3, skip_umap=True, maps_per_state=0, bootstrap=2, path_points=0, num_neighbors=10
    )
    said = io.StringIO()
    map_full_landscape(source, VolumeComponents.load(files), files, run, full, Progress(said))
    assert "Subunits in Leiden communities: 60 particles have all 3 subunits" in said.getvalue()
    opened = Run(run)
    for name in ("sketch", "full", "leiden"):
        labels = opened.states(name).labels
        subunits = opened.subunits(name)
        assert subunits.n_subunits == N_VIEWS
        expected = [np.bincount(of_one, minlength=labels.max() + 1)[1:] for of_one in labels.reshape(-1, 3)]
        np.testing.assert_array_equal(subunits.counts, expected)
    assert len(read_text_rows(files.full.leiden_subunits.table)) == N_PARTICLES
    without = dataclasses.replace(full, leiden=False)
    map_full_landscape(source, VolumeComponents.load(files), files, run, without, quiet)
    assert not Run(run).has_subunits("leiden")
    assert Run(run).has_subunits("full")


def test_the_regression_gets_the_particle_of_every_view(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from gem_plugin.steps.landscape_full import coordinates

    run, source = run_with_views(tmp_path), arm_source(ring_latents(N_PARTICLES * N_VIEWS))
    quiet, files = Progress(io.StringIO()), run.landscape
    sketch = LandscapeSettings(sketch_size=20, n_states=2, skip_umap=True, pc_dim=3, plot_dim=0)
    map_landscape(source, files, run, sketch, quiet)
    seen, regress = [], coordinates.regress_coordinates

    def noted(*arguments):
        seen.append(arguments[-1])
        return regress(*arguments)

    monkeypatch.setattr(coordinates, "regress_coordinates", noted)
    settings = LandscapeFullSettings(
        coordinates="regress", training_volumes=60, epochs=5, dim=8, layers=1, n_states=2, leiden=False,
        skip_umap=True, maps_per_state=0, bootstrap=2, path_points=0,
    )  # fmt: skip
    map_full_landscape(source, VolumeComponents.load(files), files, run, settings, quiet)
    np.testing.assert_array_equal(seen[0], np.repeat(np.arange(N_PARTICLES), N_VIEWS))
