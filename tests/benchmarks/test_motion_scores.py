"""Error of the motion and false amplitude change of models whose errors are planted."""

from collections.abc import Callable

import numpy as np
import pytest
from small_truth import N_BODY, latents_of, truth_with_absent_arm, truth_with_moving_arm
from truth.known_truth import KnownTruth
from truth.motion_scores import chosen_pairs, floored_log_ratio, score_motion

Change = Callable[[int, np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]


def scores_of(truth: KnownTruth, change: Change) -> dict[str, float | None]:
    """Scores of a model whose Gaussians are the atoms, changed by a function of state, positions, amplitudes."""

    def clouds(latents: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        states = [round(float(latent[0])) for latent in latents]
        made = [
            change(state, truth.positions_in_angstroms[state].copy(), truth.amplitudes[state].copy())
            for state in states
        ]
        return np.stack([one[0] for one in made]), np.stack([one[1] for one in made])

    return score_motion(truth, latents_of(truth), clouds, 0)


def test_a_model_of_the_atoms_themselves_has_no_error() -> None:
    scores = scores_of(truth_with_moving_arm(4, 6.0), lambda state, x, a: (x, a))
    assert scores["motion_error"] == pytest.approx(0.0, abs=1e-5)
    assert scores["false_motion"] == pytest.approx(0.0, abs=1e-5)
    assert scores["false_amplitude_change"] == pytest.approx(0.0, abs=1e-3)
    steps = 6.0 * np.array([1, 2, 3, 1, 2, 1])
    assert scores["motion_of_atoms"] == pytest.approx(np.sqrt((steps**2).mean()), rel=1e-5)
    assert scores["left_of_absent"] is None


def test_a_model_that_rests_is_wrong_by_the_whole_motion() -> None:
    truth = truth_with_moving_arm(4, 2.0)
    scores = scores_of(truth, lambda state, x, a: (truth.positions_in_angstroms[0], a))
    assert scores["motion_error"] == pytest.approx(scores["motion_of_atoms"], rel=0.02)


def test_a_body_that_drifts_is_false_motion() -> None:
    def drift(state: int, x: np.ndarray, a: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        x[:N_BODY, 0] += 1.5 * state
        return x, a

    scores = scores_of(truth_with_moving_arm(2, 6.0), drift)
    assert scores["false_motion"] == pytest.approx(1.5, rel=1e-4)
    assert scores["motion_error"] == pytest.approx(0.0, abs=1e-5)


def test_an_arm_that_fades_while_it_moves_is_a_false_change_of_amplitude() -> None:
    def fade(state: int, x: np.ndarray, a: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        a[N_BODY:] *= np.exp(-0.3 * state)
        return x, a

    scores = scores_of(truth_with_moving_arm(2, 6.0), fade)
    assert scores["false_amplitude_change"] == pytest.approx(30.0, rel=1e-4)


@pytest.mark.parametrize("left", [0.0, 0.02, 0.6])
def test_what_is_left_of_an_absent_arm(left: float) -> None:
    def keep(state: int, x: np.ndarray, a: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        a[N_BODY:] = 6.0 * (left if state else 1.0)
        return x, a

    scores = scores_of(truth_with_absent_arm(), keep)
    assert scores["left_of_absent"] == pytest.approx(100 * left, abs=1e-4)
    assert scores["motion_error"] is None
    assert scores["false_amplitude_change"] == pytest.approx(0.0, abs=1e-4)


def test_gaussians_far_from_any_atom_do_not_count() -> None:
    def lost(state: int, x: np.ndarray, a: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        x[0] = (500, 40.0 * state, 0)
        return x, a

    assert scores_of(truth_with_moving_arm(2, 6.0), lost)["false_motion"] == pytest.approx(0.0, abs=1e-5)


def test_a_static_set_has_no_motion() -> None:
    scores = scores_of(truth_with_moving_arm(1), lambda state, x, a: (x, a))
    assert set(scores.values()) == {None}


def test_pairs_are_all_or_thirty_and_the_same_for_one_seed() -> None:
    assert len(chosen_pairs(4, 0)) == 6
    assert len(chosen_pairs(100, 0)) == 30
    assert chosen_pairs(100, 3) == chosen_pairs(100, 3)
    assert all(i < j for i, j in chosen_pairs(100, 3))


def test_a_vanished_amplitude_has_a_finite_logarithm() -> None:
    ratios = floored_log_ratio(np.array([0.0, 1.0, 2.0, 0.0]), np.array([1.0, 0.0, 1.0, 0.0]))
    assert ratios == pytest.approx([np.log(0.05), -np.log(0.05), np.log(2), 0.0])
