"""What report.html and logfile.pdf say of states and checks: the badge of a state, the sentence under a figure, all checks as rows."""

import re
from html import escape
from typing import Any

from gem_plugin.io.run import figure_names as names
from gem_plugin.landscape.checks.latents import training_checks
from gem_plugin.landscape.checks.state_verdicts import StateVerdict
from gem_plugin.results.run import Run
from gem_plugin.results.state_sources import FULL, LEIDEN, SKETCH

NUMBER, PLANE = r"\d+", r"(pca|umap)"
SOURCES_OF_FIGURES = (  # pattern of the whole name of a figure in which states can be told apart, and which states those are
    (names.FIRST_PAGE, SKETCH),
    (names.VOLUME_COMPONENTS.format(NUMBER, NUMBER), SKETCH),
    (names.VOLUME_COMPONENTS_ANNOTATED.format(NUMBER, NUMBER), SKETCH),
    (names.UMAP, SKETCH),
    (names.UMAP_ANNOTATED, SKETCH),
    (names.STATE_MEANS, SKETCH),
    (names.STATE_PARTICLE_COUNTS, SKETCH),
    (names.STATE_MAP_COUNTS, SKETCH),
    (names.FULL_STATE_PARTICLE_COUNTS, FULL),
    (names.FULL_STATES_ON_PLANE.format(PLANE), FULL),
    (names.FULL_LEIDEN_ON_PLANE.format(PLANE), LEIDEN),
    (names.FSC_OF_STATES, SKETCH),
)


def badge_html(verdict: StateVerdict) -> str:
    """The badge with the findings behind it as a tip."""
    css_class = verdict.kind.replace(" ", "-")
    return (
        f'<span class="badge {css_class}" title="{escape(verdict.sentence)}">{escape(verdict.badge)}</span>'
    )


def verdicts_of_figure(run: Run, stem: str) -> str:
    """The verdict on every state that a figure shows, in a sentence; empty for figures without states."""
    source = next((one for pattern, one in SOURCES_OF_FIGURES if re.fullmatch(pattern, stem)), None)
    if source is None or not run.has_states(source):
        return ""
    return run.checks.in_words(run.states(source).numbers, source)


def all_checks(run: Run) -> list[dict[str, Any]]:
    """Every check of the run as a row of diagnostics.json; those of the training also before any other was run."""
    rows = run.diagnostics()
    known = {row.get("name") for row in rows}
    of_training = [check.as_plain() for check in training_checks(run.history, run.summary("train"))]
    return [*(row for row in of_training if row["name"] not in known), *rows]
