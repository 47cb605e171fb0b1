"""Settings are checked before any work; the scores of a run are those of its truth."""

import numpy as np
import pytest
from small_truth import latents_of, truth_with_moving_arm
from truth.map_scores import area_under
from truth.score import check_settings_of_training, score_maps

from gem_plugin.errors import InputError


def test_a_setting_that_no_step_has_is_refused() -> None:
    check_settings_of_training({"epochs": 3, "threads": 2})
    with pytest.raises(InputError, match=r"There is no setting epoch; there is .*epochs"):
        check_settings_of_training({"epoch": 3})


def test_maps_of_the_truth_are_perfect_and_the_mean_map_is_not() -> None:
    truth = truth_with_moving_arm(2, 12.0, n_images=200)
    truth.kinds[::7] = 1

    def decode(latents: np.ndarray):  # type: ignore[no-untyped-def]
        yield from (truth.true_map(int(latent[0])) for latent in latents)

    perfect = area_under(np.ones(16))
    mean = (truth.true_map(0) + truth.true_map(1)) / 2
    scores = score_maps(truth, latents_of(truth), decode, mean)
    assert scores["per_conformation"] == pytest.approx(perfect)
    assert scores["per_image"] == pytest.approx(perfect)
    assert scores["per_conformation_std"] == pytest.approx(0, abs=1e-6)
    assert 0.3 < scores["consensus"] < perfect - 0.005
