"""Fields and columns that do not come along are named, and options that change nothing are refused."""

import re
import shutil
import warnings
from pathlib import Path

import numpy as np
import pytest
import starfile
from cryosparc_rows import make_rows, with_fields

from gem_plugin.errors import InputError
from gem_plugin.io.cryosparc.files import write_cs_rows
from gem_plugin.particles.cryosparc_to_relion import not_carried_over, relion_tables
from gem_plugin.progress import Progress
from gem_plugin.steps.convert.settings import ConvertSettings
from gem_plugin.steps.convert.step import run_convert


def convert(**settings) -> dict:
    return run_convert(ConvertSettings(**settings), Progress())


def test_fields_that_the_star_file_does_not_hold_are_named_once(
    project: Path, capsys: pytest.CaptureFixture
) -> None:
    convert(particles=project / "J42", out=Path("particles.star"))
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("Not carried over")]
    (line,) = lines
    assert line.startswith("Not carried over into particles.star: ")
    for name in ("ctf/type", "alignments3D/error", "location/micrograph_uid", "alignments3D/class"):
        assert name in line
    for name in ("alignments3D/pose", "alignments3D/alpha", "ctf/df1_A", "blob/idx", "uid"):
        assert not re.search(rf"\b{name}\b", line.replace("micrograph_uid", "")), name


def test_a_slot_of_which_nothing_is_held_is_named_as_one(
    project: Path, capsys: pytest.CaptureFixture
) -> None:
    rows = with_fields(
        make_rows(25),
        {
            f"components_mode_{mode}/{name}": np.zeros(25, "<f4")
            for mode in (0, 1)
            for name in ("component", "value")
        },
    )
    write_cs_rows(project / "J42" / "J42_011_particles.cs", rows)
    convert(particles=project / "J42", out=Path("particles.star"))
    assert "components_mode_0, components_mode_1." in capsys.readouterr().out


@pytest.mark.parametrize("name", make_rows(2).dtype.names)
def test_a_field_is_either_in_the_star_file_or_named(name: str) -> None:
    """A change of the field changes the tables exactly where it is not named as left out."""
    rows, source = make_rows(25), Path("J42_011_particles.cs")
    tables = relion_tables(rows, source)
    said = [*not_carried_over(rows, tables), "blob/sign"]  # this by a message of its own
    changed = rows.copy()
    if rows.dtype[name].kind == "S":
        changed[name] = b"other/name.mrc"
    else:
        others_of = {"alignments3D/split": 1 - changed[name], "blob/sign": -changed[name]}
        changed[name] = others_of.get(name, changed[name] * 3 + 1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        others = relion_tables(changed, source)
    is_held = not all(tables[key].equals(others[key]) for key in tables)
    assert is_held == (name not in said)


def test_columns_of_a_star_file_that_do_not_come_back_are_named(
    project: Path, capsys: pytest.CaptureFixture
) -> None:
    """Rows come back as CryoSPARC had them: what RELION refined since is not in them."""
    convert(particles=project / "J42", out=Path("particles.star"))
    capsys.readouterr()
    convert(particles=Path("particles.star"), out=Path("back.cs"), original=project / "J42")
    line = capsys.readouterr().out.split("Not carried over into back.cs: ")[1].splitlines()[0]
    assert {"rlnAngleRot", "rlnDefocusU", "rlnRandomSubset"} <= set(line.rstrip(".").split(", "))
    assert "gemCryosparcUid" not in line


@pytest.mark.parametrize("option", ["datadir", "strip_prefix", "project_folder"])
def test_where_images_are_is_refused_where_none_is_read(project: Path, option: str) -> None:
    value = {option: Path(".") if option != "strip_prefix" else "J7"}
    with pytest.raises(InputError, match=f"--{option.replace('_', '-')} has no effect beside --stacks name"):
        convert(particles=project / "J42", out=Path("particles.star"), stacks="name", **value)
    with pytest.raises(InputError, match="has no effect beside --original"):
        convert(particles=Path("a.star"), out=Path("a.cs"), original=project / "J42", **value)


def test_moved_stacks_of_a_cryosparc_job_are_found_below_datadir(project: Path, tmp_path: Path) -> None:
    shutil.move(project / "J7" / "extract", tmp_path / "archive")
    convert(particles=project / "J42", out=Path("particles.star"), datadir=tmp_path / "archive")
    name = starfile.read("particles.star")["particles"]["rlnImageName"][12]
    assert Path(name.split("@")[1]).resolve() == tmp_path / "archive" / "001_mic_1_particles.mrc"
