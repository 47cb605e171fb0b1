"""The badge of a state says what its checks found, and "not tested" where none compared it with its particles."""

from dataclasses import dataclass

import pytest

from gem_plugin.landscape.checks.state_verdicts import (
    FEW_PARTICLES,
    KINDS,
    NOISE,
    NOT_SUPPORTED,
    NOT_TESTED,
    SIZE,
    STABILITY,
    SUPPORTED,
    UNSTABLE,
    verdict_of_state,
)


@dataclass(frozen=True)
class Row:
    check: str
    number: float | None
    is_bad: bool
    sentence: str = "Found."


NOISY, REAL, UNMEASURED = (
    Row(NOISE, 1.6, True),
    Row(NOISE, 12.4, False),
    Row(NOISE, None, False, "No images."),
)
STABLE, ARBITRARY = Row(STABILITY, 0.9, False), Row(STABILITY, 0.4, True)
ENOUGH, TOO_FEW = Row(SIZE, 3.0, False), Row(SIZE, 0.3, True)


@pytest.mark.parametrize(
    ("rows", "kind", "badge"),
    [
        ([], NOT_TESTED, "not tested"),
        ([STABLE, ENOUGH], NOT_TESTED, "not tested"),
        ([UNMEASURED, STABLE], NOT_TESTED, "not tested"),
        ([REAL], SUPPORTED, "supported (12 sigma)"),
        ([REAL, STABLE, TOO_FEW], SUPPORTED, "supported (12 sigma)"),
        ([REAL, ARBITRARY], UNSTABLE, "unstable"),
        ([ARBITRARY], UNSTABLE, "unstable"),
        ([NOISY, STABLE, ENOUGH], NOT_SUPPORTED, "not supported (2 sigma)"),
        ([NOISY, ARBITRARY], NOT_SUPPORTED, "not supported (2 sigma)"),
        ([NOISY, TOO_FEW], FEW_PARTICLES, "few particles"),
        ([UNMEASURED, TOO_FEW], FEW_PARTICLES, "few particles"),
    ],
)
def test_every_combination_of_checks_has_one_badge(rows: list[Row], kind: str, badge: str) -> None:
    verdict = verdict_of_state(rows)
    assert verdict.kind == kind in KINDS
    assert verdict.badge == badge


def test_the_sentence_is_that_of_the_checks() -> None:
    assert verdict_of_state([UNMEASURED, STABLE]).sentence == "No images. Found."
    assert "No check has compared" in verdict_of_state([]).sentence


def test_other_checks_do_not_decide_on_a_state() -> None:
    assert verdict_of_state([Row("latents follow", 0.5, True), REAL]).kind == SUPPORTED
