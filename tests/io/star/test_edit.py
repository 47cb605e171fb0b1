"""Subsets differ from the original by missing rows and by nothing else, which `diff` has to agree to."""

import subprocess
from pathlib import Path

import numpy as np
import pytest
from relion_projects import RelionProject

from gem_plugin.errors import InputError
from gem_plugin.io.star.edit import columns_added_pieces, subset_pieces, write_whole_pieces
from gem_plugin.io.star.particles import read_image_names, read_relion_file
from gem_plugin.io.star.text import parse_star, read_star_document

REAL_FILES = (
    "FinalRefinement-OriginalParticles-PfCRT.star",
    "aspire_sample_relion_data.star",
    "empiar_10076_7.star",
    "relion31.6opticsgroups.star",
    "relion31.star",
    "relion5.star",
    "sta_testing_bin8.star",  # tomography: not used by any step, but its text is cut all the same
)


def write_subset(original: Path, rows: list[int], target: Path) -> None:
    """The original without the particle rows that were not chosen."""
    file = read_relion_file(original)
    write_whole_pieces(target, subset_pieces(file.document, file.particles, np.array(rows, dtype=int)))


def missing_lines(original: Path, subset: Path) -> list[bytes]:
    """What diff says is missing; fails where diff finds anything added or changed but a CR at the end of a line."""
    result = subprocess.run(
        ["diff", "-a", "--strip-trailing-cr", original, subset], capture_output=True, check=False
    )
    assert result.returncode in (0, 1)
    lines = result.stdout.split(b"\n")
    assert not [line for line in lines if line.startswith(b">")]
    return [line[2:] for line in lines if line.startswith(b"<")]


@pytest.mark.parametrize("name", REAL_FILES)
def test_subset_of_a_real_file_lacks_only_rows(name: str, shared_data: Path, tmp_path: Path) -> None:
    original = shared_data / "real" / name
    document = read_star_document(original)
    block = next(block for block in document.blocks if "_rlnImageName" in block.labels)
    rows = np.arange(0, block.n_rows, 3)
    write_whole_pieces(tmp_path / "subset.star", subset_pieces(document, block, rows))
    dropped = [document.row_bytes(block, row).rstrip(b"\n") for row in range(block.n_rows) if row % 3]
    assert missing_lines(original, tmp_path / "subset.star") == dropped


@pytest.mark.parametrize("name", REAL_FILES)
def test_all_rows_of_a_real_file_give_the_file_itself(name: str, shared_data: Path, tmp_path: Path) -> None:
    original = shared_data / "real" / name
    document = read_star_document(original)
    block = next(block for block in document.blocks if "_rlnImageName" in block.labels)
    write_whole_pieces(tmp_path / "all.star", subset_pieces(document, block, np.arange(block.n_rows)))
    assert (tmp_path / "all.star").read_bytes() == original.read_bytes()


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
@pytest.mark.parametrize("ends_with_a_line_end", [True, False])
@pytest.mark.parametrize("has_optics", [True, False])
def test_subset_lacks_only_rows(
    line_end: str, ends_with_a_line_end: bool, has_optics: bool, tmp_path: Path
) -> None:
    project = RelionProject(tmp_path)
    if not has_optics:
        project.optics = []
    text = project.star_text().rstrip() + ("\n" if ends_with_a_line_end else "")
    original = tmp_path / "original.star"
    original.write_bytes(text.replace("\n", line_end).encode())
    for rows in ([0, 2, 5], [1], [4, 0], [5], [0, 1, 2, 3, 4]):
        write_subset(original, rows, tmp_path / "subset.star")
        assert len(missing_lines(original, tmp_path / "subset.star")) == 6 - len(rows)
        block = read_star_document(tmp_path / "subset.star").blocks[-1]
        assert block.n_rows == len(rows)
        assert b"\r" not in (tmp_path / "subset.star").read_bytes()


def test_columns_are_added_with_lf_line_ends(tmp_path: Path) -> None:
    """RELION does not read CR+LF: it says that the table does not contain rlnDefocusU."""
    text = RelionProject(tmp_path).star_text()
    for name, line_end in (("unix.star", "\n"), ("windows.star", "\r\n")):
        (tmp_path / name).write_bytes(text.replace("\n", line_end).encode())
    written = []
    for name in ("unix.star", "windows.star"):
        file = read_relion_file(tmp_path / name)
        values = [(str(row),) for row in range(6)]
        written.append(b"".join(columns_added_pieces(file.document, file.particles, ["_gemLatent1"], values)))
    assert written[0] == written[1]
    assert b"\r" not in written[1]


def test_case_with_windows_line_ends(shared_cases: Path, tmp_path: Path) -> None:
    original = shared_cases / "relion" / "11b_crlf" / "Refine3D" / "job010" / "run_data.star"
    write_subset(original, [3, 5, 8], tmp_path / "subset.star")
    content = (tmp_path / "subset.star").read_bytes()
    assert b"\r" not in content
    original_names, names = (
        read_image_names(read_relion_file(path)) for path in (original, tmp_path / "subset.star")
    )
    assert names.tolist() == original_names[[3, 5, 8]].tolist()


def test_particles_keep_the_order_of_the_file(tmp_path: Path) -> None:
    original = RelionProject(tmp_path).write_star()
    write_subset(original, [4, 1], tmp_path / "a.star")
    write_subset(original, [1, 4], tmp_path / "b.star")
    assert (tmp_path / "a.star").read_bytes() == (tmp_path / "b.star").read_bytes()


def test_empty_subset_is_refused_and_leaves_the_earlier_file(tmp_path: Path) -> None:
    original = RelionProject(tmp_path).write_star()
    target = tmp_path / "subset.star"
    target.write_text("earlier")
    with pytest.raises(InputError, match="a star file without particles is not written"):
        write_subset(original, [], target)
    assert target.read_text() == "earlier"


@pytest.mark.parametrize("row", [-1, 6])
def test_row_outside_the_file_is_refused(row: int, tmp_path: Path) -> None:
    original = RelionProject(tmp_path).write_star()
    with pytest.raises(InputError, match=f"has rows 0 to 5; row {row} was requested"):
        write_subset(original, [0, row], tmp_path / "subset.star")


def test_row_chosen_twice_is_refused(tmp_path: Path) -> None:
    original = RelionProject(tmp_path).write_star()
    with pytest.raises(InputError, match=r"Row 3 of .* was chosen twice"):
        write_subset(original, [3, 0, 3], tmp_path / "subset.star")


def test_only_the_particle_block_is_cut(tmp_path: Path) -> None:
    original = tmp_path / "original.star"
    original.write_text(RelionProject(tmp_path).star_text() + "\ndata_extra\n\nloop_\n_x #1\n1\n2\n3\n")
    write_subset(original, [0], tmp_path / "subset.star")
    blocks = parse_star((tmp_path / "subset.star").read_bytes()).blocks
    assert [(block.name, block.n_rows) for block in blocks] == [("optics", 1), ("particles", 1), ("extra", 3)]
