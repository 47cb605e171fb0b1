"""Which tilts are used: by weight, by dose, and the lowest doses of each particle."""

from pathlib import Path

import numpy as np
import pytest
from tilt_projects import FORMS, RELION, SERIES, changed_star, read, read_with_notices

from gem_plugin.errors import InputError


@pytest.mark.parametrize("form", FORMS)
def test_a_largest_dose(tilt_project: Path, form: str) -> None:
    everything = read(tilt_project / form)
    particles, sentences = read_with_notices(tilt_project / form, max_dose=30.0)
    n_kept = int((everything.images.doses <= 30.0).sum())
    assert len(particles.images) == n_kept
    assert particles.images.doses.max() <= 30.0
    n_above = len(everything.images) - n_kept
    assert any(f"{n_above} above a dose of 30" in sentence for sentence in sentences)


@pytest.mark.parametrize("form", FORMS)
def test_the_lowest_doses_of_each_particle(tilt_project: Path, form: str) -> None:
    """Not of the series: particles do not show the same tilts."""
    everything = read(tilt_project / form)
    particles = read(tilt_project / form, max_tilts=5)
    assert (particles.image_counts == np.minimum(5, everything.image_counts)).all()
    first = everything.first_images
    for row in range(len(particles)):
        expected = np.sort(everything.images.doses[first[row] : first[row + 1]])[:5]
        found = particles.images.doses[particles.images.particle_indices == row]
        np.testing.assert_array_equal(found, expected)


def test_both_limits_together(tilt_project: Path) -> None:
    particles = read(tilt_project / RELION, max_dose=40.0, max_tilts=5)
    assert particles.images.doses.max() <= 40.0
    assert particles.image_counts.max() <= 5


def test_tilts_of_weight_0_or_below_are_dropped_and_counted_before_the_lowest_doses_are_chosen(
    own_project: Path,
) -> None:
    table = own_project / "relion5" / "tilt_series" / "TS_01.star"
    with changed_star(table) as blocks:
        blocks["TS_01"].loc[[0, 2], "rlnCtfScalefactor"] = [0.0, -0.03]
    doses_gone = {0.0, 6.0}
    everything, sentences = read_with_notices(own_project / RELION)
    of_first = everything.images.particle_indices < 4
    assert not doses_gone & set(everything.images.doses[of_first].tolist())
    assert any("of weight 0 or below are left out" in sentence for sentence in sentences)
    assert (everything.images.scale_factor > 0).all()
    few = read(own_project / RELION, max_tilts=6)
    assert (few.image_counts == np.minimum(6, everything.image_counts)).all()


def test_weights_above_1_are_used(own_project: Path) -> None:
    table = own_project / "relion5" / "tilt_series" / "TS_01.star"
    with changed_star(table) as blocks:
        blocks["TS_01"]["rlnCtfScalefactor"] = 2.63
    assert read(own_project / RELION).images.scale_factor.max() == np.float32(2.63)


def test_nothing_left_is_an_error(own_project: Path) -> None:
    with changed_star(own_project / SERIES) as blocks:
        blocks[""]["rlnCtfScalefactor"] = 0.0
    with pytest.raises(InputError, match=r"no tilt image is left to use \(183 of weight 0 or below\)"):
        read(own_project / SERIES)


def test_images_of_a_particle_are_in_the_order_of_dose(tilt_project: Path) -> None:
    for form in FORMS:
        images = read(tilt_project / form).images
        is_same_particle = np.diff(images.particle_indices) == 0
        assert (np.diff(images.doses)[is_same_particle] > 0).all()
