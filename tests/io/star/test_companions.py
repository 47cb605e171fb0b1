"""Tables with one row a particle are cut with the particles; all others stay as they are."""

from pathlib import Path

import numpy as np
import pytest
from relion_projects import RelionProject

from gem_plugin.errors import InputError
from gem_plugin.io.star.columns import read_columns
from gem_plugin.io.star.edit import columns_added_pieces, subset_pieces
from gem_plugin.io.star.particles import read_relion_file
from gem_plugin.io.star.text import StarDocument, parse_star


def table(name: str, columns: dict[str, list[str]]) -> str:
    rows = [" ".join(values) for values in zip(*columns.values())]
    return "\n".join(["", f"data_{name}", "", "loop_", *columns, *rows, ""])


def body(number: int, n_rows: int = 6) -> str:
    """Angles that show body and row: 203 is row 3 of body 2."""
    return table(
        f"images_body_{number}", {"_rlnAngleRot": [f"{100 * number + row}" for row in range(n_rows)]}
    )


def subset_of(text: str, rows: list[int], tmp_path: Path, with_latents: bool) -> StarDocument:
    (tmp_path / "particles.star").write_text(text)
    file = read_relion_file(tmp_path / "particles.star")
    chosen = np.array(rows)
    pieces = subset_pieces(file.document, file.particles, chosen)
    if with_latents:
        values = [(f"{row}.5",) for row in rows]
        pieces = columns_added_pieces(file.document, file.particles, ["_gemLatent1"], values, chosen)
    return parse_star(b"".join(pieces))


def column(document: StarDocument, block: str, label: str) -> list[float]:
    found = document.find_block(block)
    assert found is not None
    return read_columns(document, found, [label])[label].tolist()


@pytest.mark.parametrize("with_latents", [False, True])
@pytest.mark.parametrize("bodies_come_first", [False, True])
def test_body_tables_of_multibody_are_cut_to_the_same_rows(
    tmp_path: Path, with_latents: bool, bodies_come_first: bool
) -> None:
    particles, bodies = RelionProject(tmp_path).star_text(), body(1) + body(2)
    text = bodies + particles if bodies_come_first else particles + bodies
    document = subset_of(text, [1, 4], tmp_path, with_latents)
    assert column(document, "images_body_1", "_rlnAngleRot") == [101, 104]
    assert column(document, "images_body_2", "_rlnAngleRot") == [201, 204]
    assert column(document, "particles", "_rlnAngleRot") == [-40, 20]
    if with_latents:
        assert column(document, "particles", "_gemLatent1") == [1.5, 4.5]


def test_tables_that_are_not_one_row_a_particle_stay(tmp_path: Path) -> None:
    other_images = table("references", {"_rlnImageName": [f"{row}@other.mrcs" for row in range(6)]})
    short = table("model_groups", {"_rlnGroupNumber": ["1", "2", "3"]})
    document = subset_of(RelionProject(tmp_path).star_text() + other_images + short, [0, 5], tmp_path, False)
    sizes = {block.name: block.n_rows for block in document.blocks}
    assert sizes == {"optics": 1, "particles": 2, "references": 6, "model_groups": 3}


def test_optics_stay_where_there_are_as_many_groups_as_particles(tmp_path: Path) -> None:
    project = RelionProject(tmp_path, n_particles=2)
    project.optics.append({**project.optics[0], "_rlnOpticsGroup": "2"})
    document = subset_of(project.star_text(), [1], tmp_path, False)
    assert column(document, "optics", "_rlnOpticsGroup") == [1, 2]


def test_body_table_of_another_length_is_refused(tmp_path: Path) -> None:
    text = RelionProject(tmp_path).star_text() + body(1, n_rows=5)
    with pytest.raises(InputError, match=r"data_images_body_1 the 6 rows of data_particles, found 5 rows"):
        subset_of(text, [0], tmp_path, False)


def test_case_of_multibody(shared_cases: Path, tmp_path: Path) -> None:
    case = shared_cases / "relion" / "11a_multibody"
    rows = [int(row) for row in (case / "rows.txt").read_text().split()]
    text = (case / "Refine3D" / "job010" / "run_data.star").read_text()
    document = subset_of(text, rows, tmp_path, False)
    assert column(document, "images_body_1", "_rlnAngleRot") == rows
    assert column(document, "images_body_2", "_rlnAngleRot") == rows
