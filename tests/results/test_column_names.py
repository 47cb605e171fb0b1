"""The table of columns agrees with what is read, and is what --help of select shows."""

from pathlib import Path

import numpy as np
from symmetric_project import prepared_run, run_of_star_views

from gem_plugin.pipeline.step_table import STEPS
from gem_plugin.results.column_names import COLUMN_FAMILIES, columns_in_words, family_of, full_name
from gem_plugin.results.particle_columns import ColumnKind, drawn_columns, read_family
from gem_plugin.results.run import Run


def test_every_column_belongs_to_the_family_that_reads_it(old_run: Path) -> None:
    run, seen = Run(old_run), set()
    for family in COLUMN_FAMILIES:
        for column in read_family(family, run):
            assert family_of(column.name) is family, column.name
            assert column.name not in seen
            seen.add(column.name)
    assert len(seen) == 27
    assert list(seen) != run.columns or set(run.columns) == seen


def test_views_have_numbers_of_particle_image_and_copy(tmp_path: Path) -> None:
    run = run_of_star_views(tmp_path)  # six particles of C3
    assert run.column("particle").tolist() == np.repeat(np.arange(6), 3).tolist()
    assert run.column("image").tolist() == np.repeat(np.arange(6), 3).tolist()
    assert run.column("symmetry_copy").tolist() == [0, 1, 2] * 6
    shown = {column.name: column.kind for column in drawn_columns(run.particle_columns())}  # of the explorer
    assert shown["symmetry_copy"] is ColumnKind.GROUP
    assert shown["particle"] is shown["image"] is ColumnKind.NUMBER
    run.original.write(tmp_path / "project" / "expanded.star")
    elsewhere = prepared_run(tmp_path / "project" / "elsewhere", particles=tmp_path / "project/expanded.star")
    assert elsewhere.column("symmetry_copy").tolist() == [0, 1, 2] * 6


def test_one_view_each_has_no_such_columns(old_run: Path) -> None:
    assert not {"particle", "image", "symmetry_copy"} & set(Run(old_run).columns)


def test_every_family_names_a_step_and_is_in_the_help_of_select() -> None:
    help = next(
        field.metadata["help"]
        for name, field in STEPS["select"].settings_class.__dataclass_fields__.items()
        if name == "where"
    )
    for family in COLUMN_FAMILIES:
        assert family.made_by in STEPS
        assert family.shown in help
        assert family.meaning in help
    assert columns_in_words() in help


def test_short_names_are_those_of_version_0_1_0() -> None:
    assert full_name("PC12") == "volume_pc_12"
    assert full_name("z1") == "latent_1"
    assert full_name("umap2") == "umap_2"
    assert full_name("rlnDefocusU") == "rlnDefocusU"
