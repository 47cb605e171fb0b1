"""Columns of a star loop have the numbers that Python reads from their texts, whichever way they are read."""

import numpy as np
import pytest

from gem_plugin.errors import InputError
from gem_plugin.io.star import columns as star_columns
from gem_plugin.io.star.columns import read_columns
from gem_plugin.io.star.text import parse_star

LABELS = ("_rlnA", "_rlnImageName", "_rlnB")


def star(rows: list[str]) -> bytes:
    return ("data_particles\n\nloop_\n" + "\n".join(LABELS) + "\n" + "\n".join(rows) + "\n").encode()


def read(rows: list[str], **how: object) -> dict[str, np.ndarray]:
    document = parse_star(star(rows))
    return read_columns(document, document.blocks[0], ["_rlnA", "_rlnB"], ["_rlnImageName"], **how)  # type: ignore[arg-type]


def texts_of_numbers() -> list[str]:
    random = np.random.default_rng(0)
    values = random.normal(size=3000) * 10.0 ** random.integers(-320, 300, 3000)
    plain = random.uniform(-1e5, 1e5, 3000)
    texts = [repr(value) for value in values.tolist()] + [f"{value:.6f}" for value in plain]
    texts += [f"{value:.25f}" for value in plain] + [f"{value:.40g}" for value in values]
    return [*texts, "-0", "+5", ".5", "5.", "1E5", "1e-400", "4.9e-324", "12345678901234567890123", "000012"]


def test_numbers_are_the_nearest_to_their_texts_to_the_last_bit() -> None:
    texts = texts_of_numbers()
    found = read([f"{text} {row + 1:06d}@a.mrcs   1" for row, text in enumerate(texts)])
    expected = np.array([float(text) for text in texts])
    np.testing.assert_array_equal(found["_rlnA"].view(np.int64), expected.view(np.int64))
    assert found["_rlnImageName"].tolist() == [f"{row + 1:06d}@a.mrcs" for row in range(len(texts))]
    assert found["_rlnA"].dtype == np.float64


@pytest.mark.parametrize("word", ["True", "false", "TRUE", "<NA>", "None", "nan", "inf", "0x10", "1,5", "1e"])
@pytest.mark.parametrize("n_rows", [1, 5])
def test_word_is_no_number_in_one_row_or_in_all(word: str, n_rows: int) -> None:
    rows = [f"{word} 000001@a.mrcs 2"] * n_rows
    with pytest.raises(InputError, match=rf"row 0 .*column _rlnA: expected a number, found '{word}'"):
        read(rows)
    with pytest.raises(InputError, match=rf"row 3 .*found '{word}'"):
        read(["1.5 000001@true.mrcs 2"] * 3 + rows)
    found = read(["1.5 000001@a.mrcs 2"] * 3 + rows, not_always_numbers=["_rlnA"])
    assert not np.isfinite(found["_rlnA"][3:]).any()
    assert found["_rlnA"][:3].tolist() == [1.5] * 3
    assert found["_rlnB"].tolist() == [2.0] * (3 + n_rows)


def test_underscores_count_as_python_takes_them() -> None:
    assert read(["1_000 000001@a.mrcs 2"])["_rlnA"].tolist() == [1000.0]


@pytest.mark.parametrize("rows_at_a_time", [1, 2, 100])
def test_values_do_not_depend_on_how_many_rows_are_read_at_a_time(
    rows_at_a_time: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(star_columns, "ROWS_AT_A_TIME", rows_at_a_time)
    rows = [
        "1 000001@a.mrcs 2",
        "3 '000002@a b.mrcs' 4",
        "",
        "# nothing",
        "5\t000003@a.mrcs \t6  ",
        "7 000004@a.mrcs 8",
    ]
    found = read(rows)
    assert found["_rlnA"].tolist() == [1, 3, 5, 7]
    assert found["_rlnB"].tolist() == [2, 4, 6, 8]
    assert found["_rlnImageName"].tolist() == [
        "000001@a.mrcs", "000002@a b.mrcs", "000003@a.mrcs", "000004@a.mrcs"
    ]  # fmt: skip


@pytest.mark.parametrize("rows_at_a_time", [1, 2, 100])
def test_row_with_too_many_or_too_few_values_is_named_though_the_sum_is_right(
    rows_at_a_time: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(star_columns, "ROWS_AT_A_TIME", rows_at_a_time)
    rows = ["1 000001@a.mrcs 2", "3 000002@a.mrcs 4 5", "6 000003@a.mrcs", "7 000004@a.mrcs 8"]
    with pytest.raises(InputError, match=r"row 1 \(line 8\): expected 3 values.*found 4"):
        read(rows)
    with pytest.raises(InputError, match=r"row 1 \(line 8\): expected 3 values.*found 2"):
        read([rows[0], rows[2], rows[1]])


def test_block_without_rows_has_empty_columns_of_each_kind() -> None:
    found = read([])
    assert {label: (len(values), values.dtype.kind) for label, values in found.items()} == {
        "_rlnA": (0, "f"),
        "_rlnB": (0, "f"),
        "_rlnImageName": (0, "O"),
    }
