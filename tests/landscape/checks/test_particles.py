"""Checks of outliers and poses find what was planted, and nothing else."""

import numpy as np
from refined_runs import random_changes

from gem_plugin.landscape.checks.particles import check_concentration, check_outliers, check_poses

N = 2000


def test_a_fifth_of_junk_is_too_much_and_a_tenth_is_not() -> None:
    few, many = (np.arange(N) < count for count in (N // 10, N // 4))
    assert not check_outliers(few).is_bad
    found = check_outliers(many)
    assert found.is_bad
    assert found.value == 0.25
    assert found.sentence.startswith("500 of 2,000 particles (25.0%) are outliers")


def test_without_an_estimate_there_is_no_verdict() -> None:
    assert check_outliers(None).value is None
    assert check_poses(None).value is None
    right = check_poses(None, were_right=True)
    assert right.value == 0
    assert not right.is_bad


def test_junk_of_two_micrographs_is_found_by_their_names() -> None:
    stacks = np.array([f"mic{row % 40:02d}.mrcs" for row in range(N)])
    is_outlier = np.isin(stacks, ["mic03.mrcs", "mic07.mrcs"])
    is_outlier[::97] = True
    (found,) = check_concentration("image stacks", is_outlier, stacks)
    assert found.is_bad
    assert "lie in 2 of 40 image stacks" in found.sentence
    assert "mic03.mrcs, mic07.mrcs" in found.sentence


def test_junk_that_lies_anywhere_is_not_concentrated() -> None:
    stacks = np.array([f"mic{row % 40:02d}.mrcs" for row in range(N)])
    spread = np.random.default_rng(1).random(N) < 0.1
    (found,) = check_concentration("image stacks", spread, stacks)
    assert found.value == 0
    assert not found.is_bad
    (found,) = check_concentration(
        "image stacks", np.ones(N, bool), stacks
    )  # junk everywhere is another matter
    assert not found.is_bad


def test_one_group_or_a_few_outliers_say_nothing() -> None:
    assert check_concentration("optics groups", np.arange(N) < 300, np.ones(N)) == []
    assert check_concentration("optics groups", np.arange(N) < 10, np.arange(N) % 2) == []


def test_poses_that_follow_their_prior_are_good_and_a_tenth_far_off_are_bad() -> None:
    generator = np.random.default_rng(0)
    poses = random_changes(N)._replace(
        rotation_vectors=np.deg2rad(generator.normal(0, 3, (N, 3))),
        shifts_in_angstroms=generator.normal(0, 2, (N, 2)),
        is_capped=np.zeros(N, bool),
        standard_deviations=np.array([3.0, 2.0]),
    )
    found = check_poses(poses)
    assert not found.is_bad
    assert 0.005 < (found.value or 0) < 0.025  # 1.3 % of a normal distribution
    assert "off by 3.0 degrees about each axis and 2.0 Å along each" in found.sentence
    poses.rotation_vectors[: N // 10] = np.deg2rad(15)
    poses.is_capped[: N // 20] = True
    found = check_poses(poses)
    assert found.is_bad
    assert found.sentence.endswith("100 of them to the limit.")


def test_a_prior_of_no_width_along_one_kind_does_not_count_there() -> None:
    poses = random_changes(10)._replace(
        rotation_vectors=np.full((10, 3), 1e-9),
        shifts_in_angstroms=np.zeros((10, 2)),
        is_capped=np.zeros(10, bool),
        standard_deviations=np.array([0.0, 2.0]),
    )
    assert check_poses(poses).value == 0
