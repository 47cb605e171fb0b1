"""FSC-AUC as score_run.py has it."""

import numpy as np
import pytest
from small_truth import latents_of, truth_with_moving_arm
from truth.map_scores import (
    MapScores,
    area_under,
    rows_of_conformations,
    rows_of_images,
    shell_correlation,
)


def test_a_perfect_map_has_the_published_area() -> None:
    volume = np.random.default_rng(0).normal(size=(64, 64, 64))
    assert area_under(shell_correlation(volume, 3 * volume)) == pytest.approx(0.4844, abs=5e-5)


def test_shells_and_area_agree_with_score_run(scorer) -> None:  # type: ignore[no-untyped-def]
    generator = np.random.default_rng(0)
    first = generator.normal(size=(20, 20, 20))
    second = first + generator.normal(size=first.shape)
    ours, theirs = shell_correlation(first, second), scorer.fsc(first, second)
    assert np.allclose(ours, theirs)
    assert area_under(ours) == pytest.approx(scorer.auc(theirs))


def test_the_row_of_a_conformation_is_nearest_to_its_mean() -> None:
    truth = truth_with_moving_arm(2, n_images=6)  # states 0 1 0 1 0 1
    latents = np.array([[0, 0], [5, 0], [1, 0], [9, 0], [0.8, 0], [7.5, 0]], np.float32)
    assert rows_of_conformations(truth, latents).tolist() == [4, 5]
    truth.kinds[5] = 2
    assert rows_of_conformations(truth, latents).tolist() == [4, 1]


def test_the_rows_of_images_agree_with_score_run(scorer) -> None:  # type: ignore[no-untyped-def]
    truth = truth_with_moving_arm(3, n_images=512)
    truth.kinds[[0, 10, 11]] = 1
    theirs = scorer.images({"which": truth.which, "kind": truth.kinds})
    assert rows_of_images(truth).tolist() == theirs.tolist()
    assert 0 not in theirs


def test_each_map_is_compared_with_the_state_of_its_row() -> None:
    truth = truth_with_moving_arm(3, 12.0, n_images=6)

    def decode(latents: np.ndarray):  # type: ignore[no-untyped-def]
        yield from (truth.true_map(int(latent[0])) for latent in latents)

    maps, perfect = MapScores(truth), area_under(np.ones(16))
    rows = np.array([2, 0, 4])
    assert maps.areas(rows, latents_of(truth), decode) == pytest.approx([perfect] * 3)
    assert (maps.areas(rows, latents_of(truth)[::-1], decode) < perfect - 0.01).sum() == 2
