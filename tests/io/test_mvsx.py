"""Archives for Mol*: their maps are read by another reader and keep their density to 16 bits."""

import io
import json
import zipfile
from pathlib import Path

import mrcfile
import numpy as np
import pytest

from gem_plugin.io.mvsx import INDEX, level_in_file, small_map_bytes, write_mvsx


def test_maps_keep_their_density_and_pixel_size(tmp_path: Path) -> None:
    volume = np.random.default_rng(0).normal(size=(8, 8, 8)).astype(np.float32)
    full_scale = float(np.abs(volume).max())
    (tmp_path / "map.mrc").write_bytes(small_map_bytes(volume, 3.5, full_scale))
    with mrcfile.open(tmp_path / "map.mrc") as read:
        assert read.data.dtype == np.int16
        assert float(read.voxel_size.x) == pytest.approx(3.5)
        np.testing.assert_allclose(
            read.data / level_in_file(1.0, full_scale), volume, atol=full_scale / 60_000
        )
    assert mrcfile.validate(tmp_path / "map.mrc", print_file=io.StringIO())


def test_scene_and_maps_are_in_one_archive(tmp_path: Path) -> None:
    write_mvsx(tmp_path / "one.mvsx", {"kind": "single"}, {"a.mrc": b"map"})
    with zipfile.ZipFile(tmp_path / "one.mvsx") as archive:
        assert sorted(archive.namelist()) == ["a.mrc", INDEX]
        assert json.loads(archive.read(INDEX)) == {"kind": "single"}
        assert archive.read("a.mrc") == b"map"
