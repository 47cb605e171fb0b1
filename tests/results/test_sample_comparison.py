"""What a comparison of samples says, and that it is the same after it was saved and loaded."""

from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
from simulated_posteriors import two_samples

import gem_plugin as gem
from gem_plugin.errors import InputError
from gem_plugin.io.run.landscape_files import LandscapeFiles
from gem_plugin.landscape.sample_comparison import compare_samples
from gem_plugin.results.sample_comparison import ComparedSamples, p_in_words


@pytest.fixture(scope="module")
def three() -> ComparedSamples:
    """Twice 80 %, once 60 %; a name with a comma."""
    found = compare_samples(*two_samples((0.8, 0.8, 0.6), 0), np.random.default_rng(0))
    return ComparedSamples.of(found, ["apo", "mock, old", "atp"], "rlnOpticsGroup", "micrographs", True)


def test_it_is_saved_and_loaded_in_one_piece(three: ComparedSamples, tmp_path: Path) -> None:
    files = LandscapeFiles(tmp_path / "landscape")
    three.save(files)
    loaded = ComparedSamples.load(files)
    for field in fields(ComparedSamples):
        saved, read = getattr(three, field.name), getattr(loaded, field.name)
        if isinstance(saved, np.ndarray):
            np.testing.assert_allclose(read, saved, rtol=1e-5)
            assert read.shape == saved.shape
        else:
            assert read == saved
    assert loaded.states_that_differ == [1, 2]


def test_the_states_that_differ_are_named_with_their_numbers(three: ComparedSamples) -> None:
    verdict = three.verdict(1)
    assert verdict.startswith("apo and atp differ in states 1 and 2: state ")
    assert "% of apo and" in verdict
    assert "p < 0.001" in verdict


def test_no_difference_is_said_with_what_could_have_been_seen(three: ComparedSamples) -> None:
    verdict = three.verdict(0)
    assert verdict.startswith("No difference between apo and mock, old was found. Nearest to one is state ")
    assert "would not have been seen" in verdict


def test_too_few_micrographs_are_no_proof_of_equality(three: ComparedSamples) -> None:
    few = replace(
        three,
        corrected_p_values=np.full((3, 2), 0.3),
        smallest_p_values=np.full(3, 0.2),
        n_groups=np.array([3, 30, 30]),
    )
    assert few.verdict(0) == (
        "apo and mock, old cannot be distinguished: with so few micrographs no p-value can be below 0.2. More micrographs are needed."
    )
    assert "too narrow: apo (3)" in few.sentence


def test_the_sentence_says_what_was_drawn(three: ComparedSamples) -> None:
    assert "permuting which micrographs belong to which sample" in three.sentence
    assert "too narrow" not in three.sentence
    assert "Do not take a difference for proven" in replace(three, drawn_by="particles").sentence
    assert "counts, as the model gives no uncertainty" in replace(three, by_posteriors=False).sentence


def test_the_surest_difference_is_first(three: ComparedSamples) -> None:
    assert [one.p_value for one in three.differences_of(2)] == sorted(three.corrected_p_values[2].tolist())
    assert three.differences_of(2)[0].is_significant


def test_without_a_comparison_the_command_is_named(tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match=r"no samples were compared\. Run `gem-em landscape --compare COLUMN`"
    ):
        ComparedSamples.load(LandscapeFiles(tmp_path / "landscape"))


def test_python_names_the_command_too(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no samples were compared"):
        gem.Run(tmp_path).compared_samples()


def test_damaged_numbers_are_named(three: ComparedSamples, tmp_path: Path) -> None:
    files = LandscapeFiles(tmp_path / "landscape")
    three.save(files)
    files.sample_comparison.write_text(
        files.sample_comparison.read_text().replace("difference_lower", "other")
    )
    with pytest.raises(InputError, match="no number in the column difference_lower of every state"):
        ComparedSamples.load(files)


def test_p_values_in_words() -> None:
    assert p_in_words(0.0001) == "p < 0.001"
    assert p_in_words(0.0312) == "p = 0.031"
