import numpy as np
import pytest

from gem_plugin.errors import InputError
from gem_plugin.landscape.free_energy import energy_along, estimate_free_energy
from gem_plugin.landscape.paths import minimum_energy_path, rows_near_path


def two_wells(n_particles: int = 20_000) -> np.ndarray:
    """Two round wells of equal width, three quarters of the particles in the left one, and a bent bridge above."""
    generator = np.random.default_rng(0)
    n_bridge = n_particles // 10
    angles = generator.uniform(0, np.pi, n_bridge)
    bridge = np.stack([3 * np.cos(angles), 3 * np.sin(angles)], axis=1) + generator.normal(
        0, 0.2, (n_bridge, 2)
    )
    left = generator.random(n_particles - n_bridge) < 0.75
    wells = generator.normal(0, 0.4, (n_particles - n_bridge, 2)) + np.where(left[:, None], [-3, 0], [3, 0])
    return np.concatenate([wells, bridge])


def test_energy_of_a_normal_distribution_is_a_parabola() -> None:
    points = np.random.default_rng(1).normal(size=(200_000, 2)) * np.array([2.0, 0.5])
    landscape = estimate_free_energy(points, np.random.default_rng(0), n_cells=80, n_bootstrap=5)
    widths_squared = np.array([4.0, 0.25]) + landscape.bandwidths**2  # the kernel widens what it smooths
    for x, y in ((2.0, 0.0), (0.0, 0.5), (-2.0, -0.5), (3.0, 0.3)):
        row, column = landscape.cell_of(np.array([x, y]))
        at = np.array([landscape.x_centres[column], landscape.y_centres[row]])
        expected = (at**2 / widths_squared).sum() / 2
        assert landscape.energy_in_kt[row, column] == pytest.approx(expected, abs=0.08)


def test_two_wells_differ_by_the_logarithm_of_their_populations() -> None:
    landscape = estimate_free_energy(two_wells(), np.random.default_rng(0))
    left, right = (landscape.energy_in_kt[landscape.cell_of(np.array([x, 0.0]))] for x in (-3.0, 3.0))
    assert right - left == pytest.approx(np.log(3), abs=0.1)


def test_density_integrates_to_one_and_unseen_places_are_undefined() -> None:
    landscape = estimate_free_energy(two_wells(2000), np.random.default_rng(0))
    cell = np.diff(landscape.x_centres[:2])[0] * np.diff(landscape.y_centres[:2])[0]
    assert landscape.density.sum() * cell == pytest.approx(1, abs=0.01)
    assert np.isnan(landscape.energy_in_kt[landscape.cell_of(np.array([0.0, -1.0]))])
    assert np.isnan(landscape.error_in_kt[landscape.cell_of(np.array([0.0, -1.0]))])
    assert np.nanmin(landscape.energy_in_kt) == 0


def test_bootstrap_error_is_that_of_repeated_experiments() -> None:
    """The spread between independent data sets is what the bootstrap promises from one of them."""
    one = np.random.default_rng(5).normal(size=1000)
    centres, energy, error = energy_along(one, np.random.default_rng(0), n_bootstrap=200)
    curves = []
    for seed in range(60):
        other = np.random.default_rng(100 + seed).normal(size=1000)
        x, values, _ = energy_along(other, np.random.default_rng(0), n_bootstrap=1)
        curves.append(np.interp([-1.0, 0.0, 1.5], x, values))
    spread = (np.array(curves)[:, 2] - np.array(curves)[:, 1]).std()
    promised = np.hypot(np.interp(1.5, centres, error), np.interp(0.0, centres, error))
    assert np.isfinite(energy).any()
    assert 0.5 * spread < promised < 2 * spread


def test_more_particles_give_smaller_errors() -> None:
    few = estimate_free_energy(two_wells(1000), np.random.default_rng(0), bandwidth_factor=1.0)
    many = estimate_free_energy(two_wells(50_000), np.random.default_rng(0), bandwidth_factor=1.9)
    at = np.array([-3.0, 0.0])
    assert many.error_in_kt[many.cell_of(at)] < 0.5 * few.error_in_kt[few.cell_of(at)]


def test_path_follows_the_bridge_and_not_the_straight_line() -> None:
    landscape = estimate_free_energy(two_wells(), np.random.default_rng(0))
    path = minimum_energy_path(landscape, np.array([-3.0, 0.0]), np.array([3.0, 0.0]), 30)
    np.testing.assert_allclose(path.points[0], [-3, 0], atol=0.2)
    np.testing.assert_allclose(path.points[-1], [3, 0], atol=0.2)
    middle = path.points[5:25]
    np.testing.assert_allclose(np.linalg.norm(middle, axis=1), 3, atol=0.7)
    assert middle[:, 1].max() > 2.3
    assert 1.5 < path.barrier_in_kt < 6
    steps = np.linalg.norm(np.diff(path.points, axis=0), axis=1)
    assert steps.std() < 0.15 * steps.mean()


def test_islands_without_a_bridge_have_no_path() -> None:
    generator = np.random.default_rng(0)
    points = generator.normal(0, 0.05, (500, 2)) + np.where(generator.random((500, 1)) < 0.5, -9, 9)
    landscape = estimate_free_energy(points, generator, bandwidth_factor=0.1, n_bootstrap=2)
    with pytest.raises(InputError, match="No path leads"):
        minimum_energy_path(landscape, np.array([-9.0, -9.0]), np.array([9.0, 9.0]), 10)


def test_particles_along_a_path_stay_on_one_branch() -> None:
    """Two sheets lie above each other on the plane; the third latent tells them apart."""
    generator = np.random.default_rng(0)
    points = generator.uniform(-1, 1, (4000, 2))
    sheet = np.where(generator.random(4000) < 0.5, -5.0, 5.0)
    latents = np.column_stack([points, sheet])
    line = np.stack([np.linspace(-0.9, 0.9, 20), np.zeros(20)], axis=1)
    rows = rows_near_path(line, points, latents)
    assert len(set(sheet[rows])) == 1
    assert np.linalg.norm(points[rows] - line, axis=1).max() < 0.15


def test_too_few_or_equal_particles_are_refused() -> None:
    with pytest.raises(InputError, match="at least 10 particles"):
        estimate_free_energy(np.zeros((3, 2)), np.random.default_rng(0))
    with pytest.raises(InputError, match="same coordinate"):
        estimate_free_energy(np.column_stack([np.arange(50.0), np.ones(50)]), np.random.default_rng(0))


def scattered(n_particles: int = 12) -> np.ndarray:
    """Particles far from each other, as the few that are left where most are outliers."""
    angles = np.linspace(0, 2 * np.pi, n_particles, endpoint=False)
    return np.stack([np.cos(angles), np.sin(angles)], axis=1) * np.array([3.0, 1.0])


def test_where_no_cell_holds_two_particles_there_is_a_density_and_no_energy() -> None:
    points = scattered()
    landscape = estimate_free_energy(points, np.random.default_rng(0), bandwidth_factor=0.3, n_bootstrap=3)
    assert not landscape.has_energies
    assert np.isnan(landscape.energy_in_kt).all()
    assert np.isnan(landscape.error_in_kt).all()
    cell = np.diff(landscape.x_centres[:2])[0] * np.diff(landscape.y_centres[:2])[0]
    assert landscape.density.sum() * cell == pytest.approx(1, abs=0.01)
    along = np.linspace(0.0, 1.0, 12)
    _, energy, error = energy_along(along, np.random.default_rng(0), bandwidth_factor=0.1, n_bootstrap=3)
    assert np.isnan(energy).all()
    assert np.isnan(error).all()


def test_few_particles_of_many_views_have_no_energy() -> None:
    """Eight views in one place are one particle."""
    rows, particles = np.repeat(scattered(), 8, axis=0), np.repeat(np.arange(12), 8)
    of_rows, of_particles = (
        estimate_free_energy(rows, np.random.default_rng(0), 50, 0.4, 3, particle_indices=which)
        for which in (None, particles)
    )
    assert of_rows.has_energies
    assert not of_particles.has_energies


def test_there_is_no_path_where_there_is_no_energy() -> None:
    points = scattered()
    landscape = estimate_free_energy(points, np.random.default_rng(0), bandwidth_factor=0.3, n_bootstrap=2)
    with pytest.raises(
        InputError, match="no minimum-energy path: no place of the landscape holds 2 particles"
    ):
        minimum_energy_path(landscape, points[0], points[5], 4)


def test_bootstrap_draws_particles_with_all_their_views() -> None:
    """Sixteen equal views of a particle tell no more than one: the error is that of the particles, four times that of rows."""
    values = np.random.default_rng(5).normal(size=500)
    rows, particles = np.repeat(values, 16), np.repeat(np.arange(500), 16)

    def median_error(of_values: np.ndarray, particle_indices: np.ndarray | None) -> float:
        factor = 1.0 if len(of_values) == 500 else 16 ** (1 / 5)  # the same bandwidth
        found = energy_along(
            of_values, np.random.default_rng(0), 200, factor, particle_indices=particle_indices
        )
        return float(np.nanmedian(found[2][np.abs(found[0]) < 1.5]))

    of_particles = median_error(values, None)
    assert median_error(rows, particles) == pytest.approx(of_particles, rel=0.2)
    assert median_error(rows, None) < of_particles / 2.5  # as if rows were independent
    plane = np.stack([rows, np.roll(rows, 16)], axis=1)
    errors = [
        estimate_free_energy(plane, np.random.default_rng(0), 40, 2.0, 50, particle_indices=which).error_in_kt
        for which in (particles, None)
    ]
    assert np.nanmedian(errors[0] / errors[1]) == pytest.approx(4, rel=0.25)


def test_particles_of_one_row_are_drawn_as_before() -> None:
    points = two_wells(2000)
    one, other = (
        estimate_free_energy(points, np.random.default_rng(0), n_bootstrap=3, particle_indices=which)
        for which in (None, np.arange(2000))
    )
    np.testing.assert_array_equal(one.error_in_kt, other.error_in_kt)
