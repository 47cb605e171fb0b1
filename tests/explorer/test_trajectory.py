"""Trajectories: every waypoint is met, in the order and exactly, and free energy is that of latents or components."""

import numpy as np
import pytest

from gem_plugin.errors import InputError
from gem_plugin.explorer.trajectory import KINDS, EnergyPlane, energy_plane, find_trajectory, steps_of_legs
from gem_plugin.landscape.latents.components import fit_latent_components
from gem_plugin.results.particle_columns import ParticleColumn


def bent_latents(n_particles: int = 600) -> np.ndarray:
    """Particles on a half ring in two of four latents; the others are noise."""
    generator = np.random.default_rng(3)
    angle = np.sort(generator.uniform(0, np.pi, n_particles))
    ring = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return np.concatenate([ring, np.zeros((n_particles, 2))], axis=1).astype(np.float32) + generator.normal(
        0, 0.03, (n_particles, 4)
    ).astype(np.float32)


def column(name: str, values: np.ndarray) -> ParticleColumn:
    return ParticleColumn(name, name, values.astype(np.float32))


def plane_of(latents: np.ndarray) -> EnergyPlane:
    return energy_plane(column("latent_1", latents[:, 0]), column("latent_2", latents[:, 1]), latents)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("n_points", [4, 7, 20, 200])
def test_every_waypoint_is_a_point_of_the_trajectory_in_their_order(kind: str, n_points: int) -> None:
    latents = bent_latents()
    waypoints = np.array([10, 25, 580, 300])  # a short leg, a long one, and back
    found = find_trajectory(kind, latents, waypoints, n_points, plane_of(latents))
    assert found.latents.shape == (n_points, 4)
    after = 0
    for waypoint in waypoints:
        is_met = (found.latents[after:] == latents[waypoint]).all(axis=1) & (found.rows[after:] == waypoint)
        assert is_met.any(), f"waypoint {waypoint} after point {after}"
        after += int(is_met.argmax())
    assert (found.latents[0] == latents[10]).all()
    assert (found.latents[-1] == latents[300]).all()


@pytest.mark.parametrize("kind", KINDS)
def test_a_waypoint_clicked_twice_is_met_twice(kind: str) -> None:
    latents = bent_latents()
    found = find_trajectory(kind, latents, np.array([10, 10, 300]), 9, plane_of(latents))
    np.testing.assert_array_equal(found.latents[:2], latents[[10, 10]])
    np.testing.assert_array_equal(found.latents[-1], latents[300])


def test_a_straight_trajectory_lies_on_the_lines_between_its_waypoints() -> None:
    latents = bent_latents()
    found = find_trajectory("straight", latents, np.array([0, 599]), 11)
    expected = latents[0] + np.linspace(0, 1, 11)[:, None] * (latents[599] - latents[0])
    np.testing.assert_allclose(found.latents, expected, atol=1e-6)


@pytest.mark.parametrize("kind", ["on data", "minimum energy"])
def test_trajectories_of_particles_hold_nothing_else(kind: str) -> None:
    latents = bent_latents()
    found = find_trajectory(kind, latents, np.array([10, 580]), 15, plane_of(latents))
    np.testing.assert_array_equal(found.latents, latents[found.rows])


@pytest.mark.parametrize(
    "names",
    [
        ("umap_1", "umap_2"),
        ("rot", "tilt"),
        ("state", "latent_1"),
        ("latent_1", "latent_1"),
        ("latent_norm", "latent_1"),
    ],
)
def test_free_energy_is_never_that_of_a_umap_or_of_poses(names: tuple[str, str]) -> None:
    latents = bent_latents()
    other = np.random.default_rng(0).normal(size=(2, len(latents)))
    plane = energy_plane(column(names[0], other[0]), column(names[1], other[1]), latents)
    assert plane.names == ("latent_pc_1", "latent_pc_2")
    np.testing.assert_allclose(plane.points, fit_latent_components(latents).scores[:, :2])


@pytest.mark.parametrize(
    "names", [("latent_1", "latent_2"), ("latent_pc_2", "latent_3"), ("volume_pc_1", "volume_pc_10")]
)
def test_free_energy_is_that_of_the_axes_where_they_are_latents_or_components(names: tuple[str, str]) -> None:
    latents = bent_latents()
    plane = energy_plane(column(names[0], latents[:, 0]), column(names[1], latents[:, 1]), latents)
    assert plane.names == names
    np.testing.assert_array_equal(plane.points, latents[:, :2])


def test_what_is_shown_on_a_umap_does_not_change_the_path_of_minimum_energy() -> None:
    latents = bent_latents()
    paths = []
    for seed in (0, 1):
        x, y = np.random.default_rng(seed).normal(size=(2, len(latents)))
        plane = energy_plane(column("umap_1", x), column("umap_2", y), latents)
        paths.append(find_trajectory("minimum energy", latents, np.array([10, 580]), 15, plane).latents)
    np.testing.assert_array_equal(*paths)
    assert np.linalg.norm(paths[0][:, :2], axis=1).min() > 0.8, "it follows the ring of the particles"


def test_with_one_latent_the_path_of_minimum_energy_is_the_only_one() -> None:
    latents = np.sort(np.random.default_rng(0).normal(size=(100, 1)).astype(np.float32), axis=0)
    plane = energy_plane(column("latent_1", latents[:, 0]), column("row", np.arange(100)), latents)
    assert plane.names == ("latent_pc_1",)
    found = find_trajectory("minimum energy", latents, np.array([5, 90]), 12, plane)
    assert (np.diff(found.rows) >= 0).all()
    np.testing.assert_array_equal(found.latents[[0, -1]], latents[[5, 90]])


def test_points_are_given_to_legs_by_their_length_and_each_has_one() -> None:
    assert steps_of_legs([1.0, 3.0], 9) == [2, 6]
    assert steps_of_legs([0.0, 5.0, 0.0], 10) == [1, 7, 1]
    assert sum(steps_of_legs([0.3, 0.1, 2.0], 57)) == 56


def test_wrong_trajectories_are_refused_with_what_to_do() -> None:
    latents = bent_latents(50)
    for kind, waypoints, n_points, reason in (
        ("best", [0, 1], 5, "There is no trajectory 'best'"),
        ("straight", [3], 5, "needs two waypoints or more"),
        ("straight", [], 5, "needs two waypoints or more"),
        ("straight", [0, 50], 5, "particles 0 to 49, got 0 to 50"),
        ("straight", [0, 1], 201, "2 to 200 points, got 201"),
        ("straight", [0, 1, 2, 3], 3, "through 4 waypoints needs 4 points or more, got 3"),
    ):
        with pytest.raises(InputError, match=reason):
            find_trajectory(kind, latents, np.array(waypoints, int), n_points)
