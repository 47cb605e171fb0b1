"""Free energies of samples: the planted difference is found, with an error that contains it, whatever the sizes."""

import numpy as np
import pytest

from gem_plugin.errors import InputError
from gem_plugin.landscape.sample_energies import SampleEnergies, estimate_sample_energies


def basins(fractions: tuple[float, ...], sizes: tuple[int, ...], seed: int = 0) -> SampleEnergies:
    """Two basins at -2 and 2; the first has these fractions of the particles. Micrographs of 50."""
    generator = np.random.default_rng(seed)
    points, samples = [], []
    for number, (fraction, size) in enumerate(zip(fractions, sizes, strict=True), start=1):
        x = np.where(generator.random(size) < fraction, -2.0, 2.0)
        points.append(np.stack([x, np.zeros(size)], axis=1) + 0.5 * generator.normal(size=(size, 2)))
        samples.append(np.full(size, number))
    n = sum(sizes)
    pairs = [(0, number) for number in range(1, len(sizes))]
    return estimate_sample_energies(
        np.concatenate(points), np.concatenate(samples), np.arange(n) // 50, pairs, generator
    )


def at(values: np.ndarray, energies: SampleEnergies, x: float) -> float:
    return float(values[np.abs(energies.y_centres).argmin(), np.abs(energies.x_centres - x).argmin()])


@pytest.mark.parametrize("sizes", [(20_000, 20_000), (20_000, 4_000)])
def test_the_difference_is_that_of_the_logarithms_of_the_fractions(sizes: tuple[int, int]) -> None:
    found = basins((0.5, 0.8), sizes)
    for x, expected in ((-2.0, -np.log(0.8 / 0.5)), (2.0, -np.log(0.2 / 0.5))):
        error = at(found.difference_errors[0], found, x)
        assert 0.01 < error < 0.2
        assert at(found.differences[0], found, x) == pytest.approx(expected, abs=4 * error)


def test_equal_samples_differ_by_no_more_than_their_error() -> None:
    found = [basins((0.6, 0.6), (3000, 3000), seed) for seed in range(20)]
    scores = np.array(
        [at(one.differences[0], one, 2.0) / at(one.difference_errors[0], one, 2.0) for one in found]
    )
    assert (np.abs(scores) < 1.645).mean() >= 0.65, "90 % expected; below 0.65 has a chance of 0.02 %"
    assert np.abs(scores).mean() > 0.3, "errors are not too large either; 0.8 expected"


def test_what_no_particle_reaches_is_undefined_and_the_lowest_energy_is_zero() -> None:
    found = basins((0.5, 1.0, 0.5), (4000, 4000, 4000))
    assert np.nanmin(found.energies) == 0
    assert np.isnan(at(found.energies[1], found, 2.0))
    assert np.isnan(at(found.differences[0], found, 2.0))
    assert np.isfinite(at(found.differences[1], found, 2.0))
    assert found.energies.shape[0] == 3
    assert found.pairs.tolist() == [[0, 1], [0, 2]]


def test_a_few_particles_far_away_do_not_fill_the_plane() -> None:
    generator = np.random.default_rng(0)
    points = generator.normal(size=(5000, 2))
    points[0] = 1000
    found = estimate_sample_energies(points, 1 + np.arange(5000) % 2, np.arange(5000), [(0, 1)], generator)
    assert found.x_centres[-1] < 10


def test_too_few_particles_or_no_variation_is_refused() -> None:
    generator = np.random.default_rng(0)
    with pytest.raises(InputError, match="at least 10 particles in each of two samples"):
        estimate_sample_energies(
            np.zeros((30, 2)), np.r_[np.ones(25), [2] * 5].astype(int), np.arange(30), [(0, 1)], generator
        )
    with pytest.raises(InputError, match="same coordinate"):
        estimate_sample_energies(np.zeros((30, 2)), 1 + np.arange(30) % 2, np.arange(30), [(0, 1)], generator)
