"""Why a training ended, and whether more of it would help: numbers for the summary, and one sentence."""

from typing import Any

from gem_plugin.heterogeneity.training_plan import (
    CONVERGED,
    FIXED,
    LIMIT,
    REQUESTED,
    TrainingPlan,
    is_worthwhile,
    least_worthwhile_gain,
)


def training_end(plan: TrainingPlan, n_epochs: int, n_particles: int) -> dict[str, Any]:
    """Numbers of a finished training: ended_by, visits, gain_in_nats, gain_error, gain_threshold (None: not measured), ended."""
    gain = plan.gain
    return {
        "visits": n_epochs * n_particles,
        "ended_by": plan.ends_by,
        "gain_in_nats": None if gain is None else round(gain.nats, 3),
        "gain_error": None if gain is None else round(gain.standard_error, 3),
        "gain_threshold": None if gain is None else round(least_worthwhile_gain(gain), 3),
        "ended": why_training_ended(plan, n_epochs, n_particles),
    }


def why_training_ended(plan: TrainingPlan, n_epochs: int, n_particles: int) -> str:
    """One sentence or two."""
    how_long = f"{_counted(n_epochs)} ({n_epochs * n_particles:,} particle visits)"
    if plan.ends_by == REQUESTED:
        return (
            f"Training ended after {how_long}, as --epochs requested. "
            "Whether more would help was not measured: that needs a training without --epochs."
        )
    if plan.ends_by == FIXED:
        return (
            f"Training ended after {how_long}, the fixed length of a training without evidence bounds of enough held-out particles. "
            "Whether more would help was not measured."
        )
    reasons = {
        CONVERGED: "because held-out particles no longer gained",
        LIMIT: "the longest without --epochs",
    }
    start = f"Training ended after {how_long}, {reasons[plan.ends_by]}"
    if plan.gain is None:
        return f"{start}. Whether more would help was not measured."
    measured = (
        f"{plan.gain.nats:.2f} ± {plan.gain.standard_error:.2f} nats per particle "
        "over the last quarter before the learning rate fell"
    )
    if is_worthwhile(plan.gain):
        return (
            f"{start}: the evidence bound of held-out particles still rose by {measured}. "
            f"More particle visits would help: give --epochs {2 * n_epochs}."
        )
    return f"{start}: their evidence bound changed by {measured}. More particle visits would hardly help."


def _counted(n_epochs: int) -> str:
    return f"{n_epochs} epoch{'' if n_epochs == 1 else 's'}"
