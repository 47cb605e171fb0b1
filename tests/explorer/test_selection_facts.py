"""What is said of a selection agrees with the run; what is not there is named."""

from pathlib import Path

import numpy as np
import pytest
from explorer_run import N_PARTICLES, N_STATES
from scipy.ndimage import gaussian_filter
from served_explorer import Explorer
from small_star_run import write_run

from gem_plugin.errors import InputError
from gem_plugin.explorer.molecules import LOW_PASS_IN_PIXELS
from gem_plugin.explorer.selection_facts import N_IMAGES, Montage, SelectionFacts, nearest_to_the_mean
from gem_plugin.io.array_files import write_array
from gem_plugin.results.run import Run


@pytest.fixture
def facts(explorer: Explorer) -> SelectionFacts:
    return SelectionFacts(Run(explorer.run))


def test_states_are_counted_beside_the_fractions_of_all(facts: SelectionFacts) -> None:
    labels = facts.run.states().labels
    rows = np.flatnonzero(np.isin(labels, (1, 2)))[::2]
    found = facts.of(rows, N_PARTICLES)
    assert (found["particles"], found["fraction"]) == (len(rows), len(rows) / N_PARTICLES)
    assert [state["number"] for state in found["states"]] == list(range(1, N_STATES + 1))
    for state in found["states"]:
        assert state["count"] == int((labels[rows] == state["number"]).sum())
        assert state["fractionOfAll"] == pytest.approx((labels == state["number"]).mean())
        assert state["verdict"]["badge"]
    assert sum(state["fraction"] for state in found["states"]) == pytest.approx(1)


def test_what_the_run_does_not_know_is_named(tmp_path: Path) -> None:
    run, _ = write_run(tmp_path, 12)
    facts = SelectionFacts(Run(run))
    found = facts.of(np.array([1]), 12)
    assert found["states"] == []
    assert found["statesMissing"].startswith("There are no states yet. Run `gem-em landscape")
    assert "Outliers: not known (training left no probabilities)." in found["sentences"]
    assert "Micrographs: not known (the particle file does not name them)." in found["sentences"]
    said = facts.montage(np.array([1]), 12)
    assert isinstance(said, str)
    assert "images are not there" in said
    (tmp_path / "particles.star").unlink()
    again = SelectionFacts(Run(run)).of(np.array([1]), 12)
    assert any("cannot be read any more" in sentence for sentence in again["sentences"])


def test_outliers_and_one_micrograph_that_dominates(tmp_path: Path) -> None:
    run, _ = write_run(tmp_path, 12)
    star = tmp_path / "particles.star"
    lines = star.read_text().replace("_rlnOriginYAngst #11", "_rlnOriginYAngst #11\n_rlnMicrographName #12")
    named = [
        f"{line} {'first' if int(line[:6]) <= 6 else 'second'}.mrc" if "@" in line else line
        for line in lines.splitlines()
    ]
    star.write_text("\n".join(named) + "\n")
    write_array(run.outliers, np.linspace(0, 1, 12).astype(np.float32))
    facts = SelectionFacts(Run(run))
    assert "Outliers: 6 of 12 (6 in all particles)." in facts.of(np.arange(12), 12)["sentences"]
    assert "Micrographs: 2 of 2." in facts.of(np.arange(12), 12)["sentences"]
    of_one = facts.of(np.array([0, 1, 2, 9]), 12)["sentences"]
    assert any("One micrograph holds 75 % of the selection" in sentence for sentence in of_one)


def test_images_are_those_nearest_to_the_centre_and_random_others(facts: SelectionFacts) -> None:
    rows = np.arange(0, N_PARTICLES, 2)
    found = facts.montage(rows, N_PARTICLES)
    assert isinstance(found, Montage)
    assert (found.n_nearest, len(found.rows)) == (N_IMAGES, 2 * N_IMAGES)
    assert len(set(found.rows.tolist())) == 2 * N_IMAGES
    assert set(found.rows.tolist()) <= set(rows.tolist())
    latents = facts.run.latents
    distances = np.linalg.norm(latents[rows] - latents[rows].mean(0), axis=1)
    assert set(found.rows[:N_IMAGES]) == set(rows[np.argsort(distances)[:N_IMAGES]])
    image = facts.run.images().images[found.rows[3]]
    np.testing.assert_allclose(found.images[3], gaussian_filter(image, LOW_PASS_IN_PIXELS), atol=1e-6)


@pytest.mark.parametrize("n_selected", [1, 8, 9])
def test_of_few_particles_each_image_is_there_once(facts: SelectionFacts, n_selected: int) -> None:
    found = facts.montage(np.arange(n_selected), N_PARTICLES)
    assert isinstance(found, Montage)
    assert sorted(found.rows.tolist()) == list(range(n_selected))


def test_without_latents_there_is_no_centre() -> None:
    assert len(nearest_to_the_mean(None, np.arange(4))) == 0


def test_an_empty_selection_is_refused(facts: SelectionFacts) -> None:
    for ask in (facts.of, facts.montage):
        with pytest.raises(InputError, match="Nothing is selected"):
            ask(np.zeros(0, np.uint32), N_PARTICLES)
