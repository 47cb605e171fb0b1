"""Which sample a particle is of: every column that a user may name, and every one that cannot be meant."""

from pathlib import Path

import numpy as np
import pytest
from sampled_star_run import N_PARTICLES, sample_of_rows, write_sampled_run

from gem_plugin.errors import InputError
from gem_plugin.io.run.files import RunFiles
from gem_plugin.notices import listening
from gem_plugin.particles.prepared import load_prepared_table
from gem_plugin.results.particle_file import open_particle_file
from gem_plugin.results.run import Run
from gem_plugin.results.sample_columns import check_samples, find_samples, samples_of_texts
from gem_plugin.results.samples import Samples

N = N_PARTICLES
EVERYTHING = np.ones(N, bool)


@pytest.fixture
def run(tmp_path: Path) -> RunFiles:
    return write_sampled_run(tmp_path)


def found(run: RunFiles, compared: str, table: Path | None = None) -> Samples:
    return find_samples(Run(run), compared, table, EVERYTHING)


@pytest.mark.parametrize(
    ("compared", "names"),
    [
        ("micrograph", ("apo", "atp")),
        ("micrograph:_", ("apo", "atp")),
        ("micrograph:2", ("ap", "at")),
        ("rlnMicrographName:3", ("apo", "atp")),
    ],
)
def test_the_start_of_the_micrographs_name(run: RunFiles, compared: str, names: tuple[str, ...]) -> None:
    samples = found(run, compared)
    assert samples.names == names
    np.testing.assert_array_equal(samples.numbers, sample_of_rows())


def test_columns_of_the_file_and_of_the_run(run: RunFiles) -> None:
    classes = found(run, "rlnClassNumber")
    assert classes.names == ("1", "2")
    np.testing.assert_array_equal(classes.numbers, Run(run).original.column("rlnClassNumber"))
    half_sets = found(run, "_rlnRandomSubset")
    np.testing.assert_array_equal(half_sets.numbers, Run(run).original.column("rlnRandomSubset"))


@pytest.mark.parametrize("key", ["rlnImageName", "rlnMicrographName", "micrograph"])
def test_a_table_of_the_user_is_joined(run: RunFiles, tmp_path: Path, key: str) -> None:
    lines = {}
    for row in (tmp_path / "particles.star").read_text().splitlines():
        if "@" in row:
            words = row.split()
            name = words[0] if key == "rlnImageName" else words[11]
            lines[name] = f"{'late' if 'atp' in words[11] else 'early'},{name}"
    table = tmp_path / "own.csv"
    table.write_text("\n".join([f"when,{key}", *reversed(lines.values())]) + "\n")
    samples = found(run, "when", table)
    assert samples.names == ("early", "late")
    np.testing.assert_array_equal(samples.numbers, sample_of_rows())


def test_a_table_without_a_key_is_row_by_row_of_the_file(run: RunFiles, tmp_path: Path) -> None:
    table = tmp_path / "own.csv"
    table.write_text("\n".join(["when", *(["early"] * 120 + ["late"] * 120)]) + "\n")
    original = load_prepared_table(run)[0]
    in_file = np.repeat([1, 2], N // 2)[original.file_rows]
    np.testing.assert_array_equal(found(run, "when", table).numbers, in_file)
    table.write_text("\n".join(["when", *(["early"] * 120 + ["late"] * 119)]) + "\n")
    with pytest.raises(
        InputError, match="has 239 rows and no column rlnImageName, uid, image, rlnMicrographName"
    ):
        found(run, "when", table)


def test_a_table_of_other_particles_or_with_two_values_is_refused(run: RunFiles, tmp_path: Path) -> None:
    table = tmp_path / "own.csv"
    table.write_text("rlnImageName,when\n1@other.mrcs,a\n2@other.mrcs,b\n")
    with pytest.raises(InputError, match="none of the 2 values of rlnImageName is that of a particle"):
        found(run, "when", table)
    table.write_text("rlnImageName,when\n000001@stack.mrcs,a\n000001@stack.mrcs,b\n")
    with pytest.raises(InputError, match=r"two values for rlnImageName 000001@stack\.mrcs: a and b"):
        found(run, "when", table)


@pytest.mark.parametrize(
    ("compared", "message"),
    [
        ("rlnOpticsGroup", r"has one value for all particles \(1\); expected 2 to 12"),
        (
            "rlnDefocusAstigmatism",
            "has 240 different values .*; 0 of them have 50 particles; expected 2 to 12",
        ),
        ("rlnImageName", "has 240 different values"),
        ("rlnNothing", "has no column _rlnNothing"),
        (":8", "expected the name of a column"),
    ],
)
def test_columns_that_are_no_samples_are_refused(run: RunFiles, compared: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        found(run, compared)
    with pytest.raises(InputError, match=message):
        check_samples(open_particle_file(run.root.parent / "particles.star"), compared, None)


def test_tables_are_checked_before_there_is_a_run(run: RunFiles, tmp_path: Path) -> None:
    particles = open_particle_file(tmp_path / "particles.star")
    table = tmp_path / "own.csv"
    table.write_text("\n".join(["when", *(["early"] * 120 + ["late"] * 120)]) + "\n")
    check_samples(particles, "when", table)
    check_samples(particles, "half_set", None)  # of the run: not known yet
    check_samples(particles, "none", None)
    with pytest.raises(InputError, match="has no column where"):
        check_samples(particles, "where", table)
    table.write_text(
        "rlnImageName,when\n" + "".join(f"{number:06d}@stack.mrcs,a\n" for number in range(1, 241))
    )
    with pytest.raises(InputError, match="one value for all particles"):
        check_samples(particles, "when", table)


def test_ten_thousand_values_are_refused_in_one_sentence() -> None:
    texts = np.repeat(np.arange(10_000).astype(str), 60).astype(object)
    with pytest.raises(
        InputError, match=r"has 10,000 different values \(0, 1, 10, 100, 1000, ...\); expected 2 to 12"
    ):
        samples_of_texts("rlnGroupNumber", texts, np.ones(len(texts), bool))


def test_missing_values_are_in_no_sample_and_said() -> None:
    texts = np.array(["a"] * 60 + ["b"] * 70 + ["", "None", "nan", "?"] * 5, dtype=object)
    with listening(lambda notice: None) as heard:
        samples = samples_of_texts("group", texts, np.ones(150, bool))
    assert [one.sentence for one in heard] == [
        "--compare group: 20 of 150 particles have no value and are in no sample."
    ]
    assert np.bincount(samples.numbers).tolist() == [20, 60, 70]


def test_small_samples_are_left_out_with_a_warning() -> None:
    texts = np.array(["a10"] * 60 + ["a9"] * 70 + ["c"] * 20, dtype=object)
    with listening(lambda notice: None) as heard:
        samples = samples_of_texts("group", texts, np.ones(150, bool))
    assert samples.names == ("a9", "a10")
    assert np.bincount(samples.numbers).tolist() == [20, 70, 60]
    assert "1 value (c) with fewer than 50 particles left out" in heard[0].sentence


def test_particles_that_do_not_count_do_not_make_a_sample() -> None:
    texts = np.array(["a"] * 60 + ["b"] * 70, dtype=object)
    counted = np.arange(130) < 100
    with pytest.raises(InputError, match=r"has 2 different values .*; 1 of them have 50 particles"):
        samples_of_texts("group", texts, counted)
