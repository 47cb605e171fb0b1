"""Three sentences that are true of every kind of run; the weakest point decides what to do next."""

import re
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from first_page_runs import KINDS, give_checks, run_of_kind

from gem_plugin.io.array_files import write_array
from gem_plugin.landscape.checks.latents import MINIMUM_SUPPORT_ERRORS
from gem_plugin.reports.first_page.words import first_page_words
from gem_plugin.results.run import Run
from gem_plugin.results.state_choices import HEADER

ONE_PART = "One part, 50.0 ± 2.0 % of the mass, moves by 12.0 ± 0.5 Å, root mean square over the particles, while the rest moves by 0.6 Å."
POPULATIONS = "of 30.0 % (28.0 to 33.0), 25.0 % (23.0 to 28.0) and 45.0 % (43.0 to 48.0) of the particles (90 % intervals)"
COUNTED = r"of \d+\.\d %, \d+\.\d % and \d+\.\d % of the particles by counting, without errors"
SUPPORTED = (
    r"state 1: supported \(12 sigma\); state 2: supported \(8 sigma\); state 3: supported \(15 sigma\)"
)
NO_STATES = "No states are known, as the landscape has not been sketched yet."
THREE = rf"Three states, {re.escape(POPULATIONS)}; {SUPPORTED}\."
EXPECTED = {  # kind: what moves, states, next (regular expressions), and the command; "" for none
    "good": (re.escape(ONE_PART), THREE, "Select the particles of each state and refine them on their own in RELION or CryoSPARC.", "select RUN --states"),
    "two supported": (
        re.escape(ONE_PART),
        rf"Three states, {re.escape(POPULATIONS)}; state 1: supported \(9 sigma\); state 2: not supported \(0 sigma\); state 3: supported \(7 sigma\)\.",
        r"Select the particles of the supported states \(1, 3\) and refine .*",
        "select RUN --states",
    ),
    "one state": (re.escape(ONE_PART), r"One state, as the maps form one cloud without separate groups, of 300 particles; state 1: supported \(12 sigma\)\.", "There are no states to separate: look at .* trajectories.", "explore RUN"),
    "one state that is still": (r"No part moves clearly more than the rest \(the Gaussians move by 0.6 Å, root .*\)\.", "One state, .*", "Refine all particles together, .*", "explore RUN"),
    "one cloud": (re.escape(ONE_PART), r"Three states that are arbitrary cuts through one cloud of maps .*", "Read the landscape as one continuous motion.*", "landscape-full RUN"),
    "continuum": (re.escape(ONE_PART), r"One state, a closed continuum \(a loop\), 190 Å long: .* \(30 % of all\) goes once around .*; about 36 positions can be distinguished, of 300 particles; .*", "Read the landscape as one continuous motion.*", "landscape-full RUN"),
    "state that is a continuum": (re.escape(ONE_PART), r"Three states, state 2 a continuum in itself, of 30.0 % .*", "Select .*", "select RUN --states"),
    "junk": (re.escape(ONE_PART), THREE, r"Select the particles that are not junk \(30.0 % are outliers\), refine them again .*", "select RUN --where 'outlier le 0.5'"),
    "no landscape": ("How far parts move cannot be measured, as this run has latents but no model of Gaussians.", NO_STATES, "Sketch the landscape to find the states.", "landscape RUN"),
    "no latents": ("Nothing is known of what moves, as no model is trained yet.", NO_STATES, "Read the particles into the run: .*", "prepare RUN"),
    "empty": ("Nothing is known of what moves, as no model is trained yet.", NO_STATES, "Read the particles into the run: .*", "prepare RUN"),
    "cryoDRGN": ("How far parts move cannot be measured, as a model of cryoDRGN gives maps and no Gaussians .*", rf"Three states, {COUNTED}; states 1, 2, 3: not tested\.", "Run the checks before .*", "diagnose RUN"),
    "unsupported": (r"Nothing can be said to move: held-out particles fit .* no better than a single structure \(0.3 standard errors\), .*", THREE, "Do not interpret the states or the motion, .*", ""),
    "unchecked": (re.escape(ONE_PART), rf"Three states, {COUNTED}; states 1, 2, 3: not tested\.", "Run the checks before .*", "diagnose RUN"),
    "no half-sets": (re.escape(ONE_PART), r"Three states, .*; states 1, 2, 3: not tested\.", "Interpret no state before a refinement .*", "select RUN --states"),
    "states not supported": (re.escape(ONE_PART), r"Three states, .*; state 1: not supported \(1 sigma\); .*", "Do not interpret the states, as their particles show no difference .*", "landscape RUN -M 2"),
    "only amplitudes": ("One part, 50.0 ± 2.0 % of the mass on average, is there in some particles and not in others rather than moving .*", THREE, "Select .*", "select RUN --states"),
    "two parts": (r"Two parts change independently of each other: one, .*moves by 20.0 ± 0.5 Å, .*; another, .*moves by 5.0 ± 0.5 Å.*", THREE, "Select .*", "select RUN --states"),
    "nothing moves": ("No part moves clearly more than the rest .*", THREE, "Select .*", "select RUN --states"),
}  # fmt: skip


def test_every_kind_of_run_is_expected() -> None:
    assert set(EXPECTED) == set(KINDS)
    assert MINIMUM_SUPPORT_ERRORS == 2


@pytest.mark.parametrize("kind", EXPECTED)
def test_the_three_sentences(tmp_path: Path, kind: str) -> None:
    run = run_of_kind(tmp_path, kind)
    words = first_page_words(Run(run))
    moves, states, what_next, command = EXPECTED[kind]
    assert re.fullmatch(moves, words.moves), words.moves
    assert re.fullmatch(states, words.states), words.states
    assert re.fullmatch(what_next, words.next_step.sentence), words.next_step.sentence
    assert command in words.next_step.command.replace(str(tmp_path), "RUN").removeprefix("gem-em ")
    assert bool(command) == bool(words.next_step.command)
    for sentence in (words.moves, words.states, words.next_step.sentence):
        assert re.fullmatch(r"[^.]([^.]|\.\d)*\.", sentence), f"one sentence with one full stop: {sentence}"


def test_views_of_symmetric_particles_are_called_views(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Run(run_of_kind(tmp_path, "good"))
    monkeypatch.setattr(Run, "is_prepared", True)
    monkeypatch.setattr(Run, "table_if_there", None)
    monkeypatch.setattr(Run, "n_particles", 300)
    monkeypatch.setattr(Run, "particles", SimpleNamespace(symmetry=range(4)))
    monkeypatch.setattr(Run, "origin", SimpleNamespace(particle_file=Path("run_data.star")))
    words = first_page_words(run)
    assert "45.0 % (43.0 to 48.0) of the views (90 % intervals)" in words.states
    assert words.next_step.sentence.endswith("on their own in RELION.")
    monkeypatch.setattr(Run, "origin", SimpleNamespace(particle_file=Path("J12/particles.cs")))
    assert first_page_words(run).next_step.sentence.endswith("on their own in CryoSPARC.")
    give_checks(run.files, ())
    assert first_page_words(Run(run.files)).next_step.command.startswith("gem-em reconstruct ")


def test_of_many_states_the_range_and_the_counts_of_verdicts_are_enough(tmp_path: Path) -> None:
    import shutil

    run = run_of_kind(tmp_path, "good")
    states = 1 + (300 - 1 - np.arange(300)) % 14
    write_array(run.landscape.particle_states, states)
    for number in range(4, 15):
        shutil.copy(run.landscape.states.mean(1), run.landscape.states.mean(number))
    run.landscape.populations.unlink()
    give_checks(run, [9.0] * 13 + [1.0])
    words = first_page_words(Run(run))
    assert (
        words.states
        == "14 states, of 7.0 % to 7.3 % of the particles by counting, without errors; 13 supported, 1 not supported."
    )


def test_stability_of_the_number_is_said_where_it_is_known(tmp_path: Path) -> None:
    run = run_of_kind(tmp_path, "good")
    write_array(run.landscape.tree, np.array([[0, 1, 1.0, 2], [2, 3, 2.0, 3]]))
    write_array(run.landscape.state_labels, np.array([1, 2, 3]))
    run.landscape.state_choices.write_text(f"{HEADER}\n3,0.5,0.97,0.4,3.0\n")
    words = first_page_words(Run(run))
    assert words.states.startswith(
        "Three states (clustering four fifths of the maps finds them again to 97 %), of 30.0 %"
    ), words.states
