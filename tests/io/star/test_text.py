"""Star files are found block by block, row by row, without changing a byte."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gem_plugin.errors import InputError
from gem_plugin.io.star.columns import read_columns
from gem_plugin.io.star.edit import columns_added_pieces, subset_pieces
from gem_plugin.io.star.text import parse_star, split_row

WORDS = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cs", "Cc", "Zs", "Zl", "Zp"]), min_size=1, max_size=12
)


def is_plain(word: str) -> bool:
    return word[0] not in "#_'\";" and not word.startswith(("data_", "loop_")) and not word[0].isspace()


VALUES = WORDS.filter(is_plain)


@st.composite
def star_texts(draw: st.DrawFn) -> tuple[bytes, list[list[str]]]:
    """A star file with odd blanks, line ends, comments and blocks, and the values of its particles."""
    end = draw(st.sampled_from(["\n", "\r\n"]))
    n_labels = draw(st.integers(2, 5))
    rows = draw(st.lists(st.lists(VALUES, min_size=n_labels, max_size=n_labels), min_size=1, max_size=8))
    numbered = draw(st.booleans())
    lines = draw(st.sampled_from([[], ["", "# version 30001", ""], ["# made by hand"]]))
    if draw(st.booleans()):
        lines = [
            *lines,
            "data_optics",
            "",
            "loop_",
            "_rlnOpticsGroup #1",
            "_rlnVoltage #2",
            "1 300.0",
            " ",
            "",
        ]
    if draw(st.booleans()):
        lines = [*lines, "data_general", "", "_rlnKept   'a b'", ""]
    lines = [*lines, "data_particles", "", draw(st.sampled_from(["loop_", "loop_ "]))]
    lines += [f"_gemColumn{index}" + (f" #{index}" if numbered else "") for index in range(1, n_labels + 1)]
    for row in rows:
        gaps = draw(st.lists(st.sampled_from([" ", "   ", "\t"]), min_size=n_labels, max_size=n_labels))
        lead, tail = draw(st.sampled_from(["", "  ", "\t"])), draw(st.sampled_from(["", " "]))
        lines.append(lead + "".join(value + gap for value, gap in zip(row, gaps)).rstrip() + tail)
        if draw(st.integers(0, 4)) == 0:
            lines.append("# a comment between rows")
    lines += draw(st.sampled_from([[], ["", ""], ["", "data_after", "", "loop_", "_x #1", "7", ""]]))
    text = end.join(lines) + draw(st.sampled_from(["", end]))
    return text.encode(), rows


@given(star_texts())
@settings(max_examples=150, deadline=None)
def test_rows_are_found_whatever_the_blanks_and_line_ends(made: tuple[bytes, list[list[str]]]) -> None:
    content, rows = made
    document = parse_star(content)
    block = document.find_block("particles")
    assert block is not None
    found = read_columns(document, block, text_labels=block.labels)
    assert [list(row) for row in zip(*(found[label] for label in block.labels))] == rows


@given(star_texts(), st.data())
@settings(max_examples=150, deadline=None)
def test_subset_is_the_original_without_the_other_rows(made: tuple[bytes, list], data: st.DataObject) -> None:
    content, rows = made
    chosen = data.draw(st.sets(st.integers(0, len(rows) - 1), min_size=1))
    document = parse_star(content)
    block = document.find_block("particles")
    assert block is not None
    dropped = {
        (int(block.row_starts[row]), int(block.row_ends[row]))
        for row in range(len(rows))
        if row not in chosen
    }
    expected = bytearray(document.content)
    for start, stop in sorted(dropped, reverse=True):
        del expected[start:stop]
    written = b"".join(subset_pieces(document, block, np.array(sorted(chosen))))
    assert written == bytes(expected)
    again = parse_star(written).find_block("particles")
    assert again is not None
    assert again.n_rows == len(chosen)
    assert again.labels == block.labels


@given(star_texts())
@settings(max_examples=150, deadline=None)
def test_added_columns_leave_every_old_value_where_it_was(made: tuple[bytes, list[list[str]]]) -> None:
    content, rows = made
    document = parse_star(content)
    block = document.find_block("particles")
    assert block is not None
    values = [[f"{row}.5", "x"] for row in range(len(rows))]
    longer = parse_star(
        b"".join(columns_added_pieces(document, block, ["_gemLatent1", "_gemLatent2"], values))
    )
    new = longer.find_block("particles")
    assert new is not None
    assert new.labels == (*block.labels, "_gemLatent1", "_gemLatent2")
    found = read_columns(longer, new, ["_gemLatent1"], block.labels)
    assert [list(row) for row in zip(*(found[label] for label in block.labels))] == rows
    assert found["_gemLatent1"].tolist() == [row + 0.5 for row in range(len(rows))]
    for row in range(len(rows)):
        old_line = document.row_bytes(block, row).rstrip(b"\r\n")
        assert longer.row_bytes(new, row).startswith(old_line)


def test_columns_written_twice_are_replaced_not_doubled() -> None:
    document = parse_star(
        b"data_\n\nloop_\n_a #1\n_gemLatent1 #2\n_gemLatent2 #3\n_b #4\n1 0.1 0.2 x \n2 0.3 0.4 y \n"
    )
    block = document.blocks[0]
    written = b"".join(columns_added_pieces(document, block, ["_gemLatent1"], [["7"], ["8"]]))
    assert written == b"data_\n\nloop_\n_a #1\n_b #2\n_gemLatent1 #3\n1   x 7 \n2   y 8 \n"


def test_values_are_added_before_a_comment_at_the_end_of_a_row() -> None:
    document = parse_star(b"data_\nloop_\n_a\n_b\n1 2 # checked by eye\n")
    written = b"".join(columns_added_pieces(document, document.blocks[0], ["_c"], [["3"]]))
    assert written == b"data_\nloop_\n_a\n_b\n_c\n1 2 3 # checked by eye\n"


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("a 'b c' d", ["a", "b c", "d"]),
        ('"a b"c" d', ['a b"c', "d"]),
        ("it's 5' \"x", ["it's", "5'", '"x']),
        ("''  a", ["", "a"]),
        ("a#b #c", ["a#b", "#c"]),
    ],
)
def test_quotes_count_only_around_whole_values(text: str, values: list[str]) -> None:
    assert split_row(text) == values


def test_hash_and_apostrophe_inside_values_are_kept() -> None:
    document = parse_star(b"data_\nloop_\n_a\n_b\nmic#1.mrc it's\n#2 'two words'\n")
    # A line that starts with # is a comment, as everywhere in star files.
    assert read_columns(document, document.blocks[0], text_labels=["_a"])["_a"].tolist() == ["mic#1.mrc"]
    assert read_columns(document, document.blocks[0], text_labels=["_b"])["_b"].tolist() == ["it's"]


def test_row_that_starts_like_a_header_is_a_row() -> None:
    document = parse_star(b"data_\nloop_\n_name\n_x\ndata_01.mrc 1\nloop_2.mrc 2\n_x.mrc 3\n")
    columns = read_columns(document, document.blocks[0], ["_x"], ["_name"])
    assert columns["_name"].tolist() == ["data_01.mrc", "loop_2.mrc", "_x.mrc"]
    assert columns["_x"].tolist() == [1, 2, 3]


def test_names_keep_their_leading_zeros_and_digits_their_precision() -> None:
    document = parse_star(b"data_\nloop_\n_name\n_x\n0001 1.0600000000001\n01e5 3.1400e-05\n")
    columns = read_columns(document, document.blocks[0], ["_x"], ["_name"])
    assert columns["_name"].tolist() == ["0001", "01e5"]
    assert columns["_x"].tolist() == [1.0600000000001, 3.14e-05]


def test_block_without_a_loop_has_pairs() -> None:
    document = parse_star(b"data_optics\n\n_rlnOpticsGroup  1\n_rlnName\t'two words'\n")
    assert document.blocks[0].pairs == {"_rlnOpticsGroup": "1", "_rlnName": "two words"}
    assert read_columns(document, document.blocks[0], ["_rlnOpticsGroup"])["_rlnOpticsGroup"].tolist() == [
        1.0
    ]


@pytest.mark.parametrize("ending", ["\r\n", "\r\r\n", "\r", "\n"])
def test_rows_do_not_depend_on_the_line_ends(ending: str) -> None:
    content = "data_particles\n\nloop_\n_rlnA\n_rlnB\n1 2\n3 4\n".replace("\n", ending).encode()
    document = parse_star(content)
    (block,) = document.blocks
    assert read_columns(document, block, ["_rlnA", "_rlnB"])["_rlnB"].tolist() == [2, 4]
    assert b"\r" not in document.content


def test_a_carriage_return_inside_a_row_is_a_blank_as_in_relion() -> None:
    document = parse_star(b"data_particles\nloop_\n_rlnA\n_rlnB\n1 \r2\n3 4\n")
    (block,) = document.blocks
    assert block.n_rows == 2
    assert read_columns(document, block, ["_rlnA", "_rlnB"])["_rlnB"].tolist() == [2, 4]


def test_byte_order_mark_is_passed_over_and_kept() -> None:
    content = b"\xef\xbb\xbfdata_\nloop_\n_a\n1\n2\n"
    document = parse_star(content)
    assert b"".join(subset_pieces(document, document.blocks[0], np.array([0, 1]))) == content


def test_short_row_is_named_by_its_line() -> None:
    document = parse_star(b"data_\nloop_\n_a\n_b\n1 2\n3\n", Path("cut.star"))
    with pytest.raises(
        InputError, match=r"cut.star, block data_, row 1 \(line 6\): expected 2 values.*found 1"
    ):
        read_columns(document, document.blocks[0], ["_a"])


@pytest.mark.parametrize("word", ["abc", "nan", "inf", "<NA>", "1,5"])
def test_word_in_a_number_column_is_named(word: str) -> None:
    document = parse_star(f"data_\nloop_\n_a\n_b\n1 2\n3 {word}\n".encode(), Path("bad.star"))
    with pytest.raises(
        InputError, match=rf"bad.star.*row 1 \(line 6\), column _b: expected a number, found '{word}'"
    ):
        read_columns(document, document.blocks[0], ["_b"])


def test_column_that_is_there_twice_is_refused() -> None:
    document = parse_star(b"data_\nloop_\n_a\n_a\n1 2\n")
    with pytest.raises(InputError, match="column _a is there twice"):
        read_columns(document, document.blocks[0], ["_a"])


@pytest.mark.parametrize("content", [b"", b"hello\n", b"\x00\x01\x02", b"loop_\n_a\n1\n"])
def test_other_files_are_not_star_files(content: bytes) -> None:
    with pytest.raises(InputError, match="is not a star file"):
        parse_star(content)
