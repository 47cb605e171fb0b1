"""What a reader sees of the checks: badges that are safe HTML, and the checks of the training beside all others."""

from pathlib import Path

from tiny_run import make_tiny_run

from gem_plugin.io.run import figure_names as names
from gem_plugin.landscape.checks.diagnostic import Diagnostic
from gem_plugin.landscape.checks.state_verdicts import NOT_SUPPORTED, StateVerdict
from gem_plugin.reports.verdicts import all_checks, badge_html, verdicts_of_figure
from gem_plugin.results.checks import QUICK, RunChecks
from gem_plugin.results.run import Run

FOUND = Diagnostic("state 2 may be noise", 11.6, 4.0, False, "They agree.")


def test_a_badge_holds_its_words_and_escapes_what_was_found() -> None:
    html = badge_html(StateVerdict(NOT_SUPPORTED, 'z < 4 and "noise"', 1.7))
    assert html == (
        '<span class="badge not-supported" title="z &lt; 4 and &quot;noise&quot;">not supported (2 sigma)</span>'
    )


def test_the_checks_of_the_training_are_there_before_and_beside_all_others(tmp_path: Path) -> None:
    run = make_tiny_run(tmp_path / "run")
    of_training = {
        "latent space collapsed",
        "trained too long",
        "trained too briefly",
        "latents not supported by held-out particles",
    }
    assert {row["name"] for row in all_checks(Run(run))} == of_training
    RunChecks().with_found([FOUND], QUICK, run).save(run)
    rows = [row["name"] for row in all_checks(Run(run))]
    assert set(rows) == of_training | {"state 2 may be noise"}
    assert len(rows) == len(set(rows))


def test_figures_of_states_say_the_verdict_on_each(tmp_path: Path) -> None:
    run = make_tiny_run(tmp_path / "run")
    RunChecks().with_found([FOUND], QUICK, run).save(run)
    sentence = "States 1, 3: not tested; state 2: supported (12 sigma)."
    for stem in (names.STATE_MEANS, names.UMAP, "landscape_vol_pca_1_2", "landscape_vol_pca_annotated_1_2"):
        assert verdicts_of_figure(Run(run), stem) == sentence, stem
    assert verdicts_of_figure(Run(run), names.TRAINING) == ""
    assert verdicts_of_figure(Run(run), "full_pca_states") == "", "there are none"
