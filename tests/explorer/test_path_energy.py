"""Energy along a path is that of the map of landscape-full at the particles of the path."""

import dataclasses
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from gem_plugin.explorer.path_energy import energies_at, energy_of_run
from gem_plugin.io.array_files import write_arrays
from gem_plugin.io.run.files import RunFiles
from gem_plugin.landscape.free_energy import FreeEnergy, estimate_free_energy
from gem_plugin.results.particle_columns import ParticleColumn


def landscape_and_points() -> tuple[FreeEnergy, np.ndarray]:
    generator = np.random.default_rng(0)
    points = generator.normal(size=(3000, 2))
    return estimate_free_energy(points, generator, n_cells=40, n_bootstrap=5), points


def opened_with(folder: Path, points: np.ndarray) -> Any:
    columns = {
        f"volume_pc_{number}": ParticleColumn(f"volume_pc_{number}", "", points[:, index].astype(np.float32))
        for index, number in enumerate((1, 3))
    }
    return SimpleNamespace(run=RunFiles(folder), columns=columns)


def test_energy_and_error_are_those_of_the_cells_and_unknown_outside() -> None:
    landscape, _ = landscape_and_points()
    energy, error = energies_at(landscape, np.array([[0.0, 0.0], [1.5, 0.0], [99.0, 0.0], [np.nan, 0.0]]))
    assert energy[0] < 0.3
    assert 0.7 < energy[1] < 1.6, "1.5 standard deviations from the middle of a Gaussian: 1.1 kT"
    assert np.isnan(energy[2:]).all()
    assert error[0] > 0


def test_the_map_of_landscape_full_is_read_on_its_components(tmp_path: Path) -> None:
    landscape, points = landscape_and_points()
    opened = opened_with(tmp_path, points)
    assert energy_of_run(opened, np.arange(3)) is None, "no landscape-full"
    path = opened.run.landscape.full.energy(1, 3)
    path.parent.mkdir(parents=True)
    write_arrays(path, **dataclasses.asdict(landscape))
    rows = np.array([5, 900, 17])
    found = energy_of_run(opened, rows)
    assert found is not None
    assert found.columns == ("volume_pc_1", "volume_pc_3")
    expected, _ = energies_at(landscape, points[rows].astype(np.float32))
    np.testing.assert_array_equal(found.energy_in_kt, expected)


def test_a_map_of_components_that_particles_do_not_have_is_not_read(tmp_path: Path) -> None:
    landscape, points = landscape_and_points()
    opened = opened_with(tmp_path, points)
    path = opened.run.landscape.full.energy(1, 2)
    path.parent.mkdir(parents=True)
    write_arrays(path, **dataclasses.asdict(landscape))
    assert energy_of_run(opened, np.arange(3)) is None
