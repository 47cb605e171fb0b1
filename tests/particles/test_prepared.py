"""The prepared table comes back as it was saved, without pickles."""

from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
from relion_projects import RelionProject

from gem_plugin.errors import InputError
from gem_plugin.io.run.files import RunFiles
from gem_plugin.particles.prepared import (
    ParticleOrigin,
    load_prepared,
    load_prepared_table,
    save_prepared_table,
)
from gem_plugin.results.particle_file import read_particles


def test_table_comes_back_as_saved(tmp_path: Path) -> None:
    table = read_particles(RelionProject(tmp_path).write_star())
    table.image_names[2] = "000002@µ mic'\udcff.mrcs"  # a name that is not UTF-8
    run = RunFiles(tmp_path / "run")
    origin = ParticleOrigin(tmp_path / "a.star", None, 360, 0.83)
    save_prepared_table(run.prepared_table, table, np.arange(9.0), origin)
    again, spectrum, origin_again = load_prepared_table(run)
    for field in fields(table):
        before, after = getattr(table, field.name), getattr(again, field.name)
        assert np.array_equal(before, after), field.name
        assert getattr(before, "dtype", None) == getattr(after, "dtype", None)
    assert spectrum.tolist() == list(range(9))
    assert origin_again == origin


def test_unprepared_run_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"table.npz: the particles of this run are not prepared"):
        load_prepared(RunFiles(tmp_path))
