"""Particles of tilt series come back from their file as they were read."""

from dataclasses import fields

import numpy as np
import pytest
from tilt_projects import FORMS, RELION, read

from gem_plugin.particles.tilt_series.saved import load_tilt_series, save_tilt_series, table_of_particles


@pytest.mark.parametrize("form", FORMS)
def test_everything_comes_back(tilt_project, tmp_path, form):
    particles = read(tilt_project / form)
    levels = np.linspace(0.5, 2, len(particles.images)).astype(np.float32)
    levels[3] = np.inf
    save_tilt_series(tmp_path / "tilts.npz", particles, levels)
    again, levels_again = load_tilt_series(tmp_path / "tilts.npz")
    assert np.array_equal(levels, levels_again)
    for table, other in ((particles, again), (particles.images, again.images)):
        for field in fields(table):
            value, found = getattr(table, field.name), getattr(other, field.name)
            if isinstance(value, np.ndarray):
                assert value.shape == found.shape, field.name
                assert (value == found).all() or value.dtype.kind == "f", field.name
                if value.dtype.kind == "f":
                    assert value.dtype == found.dtype
                    np.testing.assert_array_equal(value, found, field.name)
    for name in ("box_size", "pixel_size_in_angstroms", "form", "grouping_column"):
        assert getattr(particles, name) == getattr(again, name), name
    assert again.path == particles.path.absolute()
    assert again.stack_paths == {name: path.absolute() for name, path in particles.stack_paths.items()}
    assert (again.tomograms_path is None) == (particles.tomograms_path is None)
    assert again.trajectories_path is None


def test_the_row_of_a_particle_describes_its_image_of_lowest_dose(tilt_project):
    particles = read(tilt_project / RELION)
    table = table_of_particles(particles)
    assert table.image_names.tolist() == particles.names.tolist()
    assert table.counts == "12 particles"
    images = particles.images
    for row in range(len(particles)):
        own = np.flatnonzero(images.particle_indices == row)
        lowest = own[images.doses[own].argmin()]
        assert np.array_equal(table.rotation_matrices[row], images.rotation_matrices[lowest])
        assert table.defocus_u_in_angstroms[row] == images.defocus_u_in_angstroms[lowest]
        assert table.stack_names[row] == images.stack_names[lowest]
