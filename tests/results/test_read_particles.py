"""One function reads particles of either program."""

from pathlib import Path

import numpy as np
import pytest

from gem_plugin.results.particle_file import read_particles


def test_cryosparc_file_is_read_by_its_own_reader(shared_data: Path) -> None:
    table = read_particles(shared_data / "real" / "cryosparc_P12_J24_001_particles.cs")
    assert (len(table), table.box_size) == (2019, 180)
    assert table.pixel_size_in_angstroms == pytest.approx(2.95, abs=0.01)
    assert set(np.unique(table.half_sets)) == {1, 2}
    assert (table.contrast_sign == -1).all()
