"""The record of how columns of optics were read."""

from pathlib import Path

import pytest

from gem_plugin.errors import InputError
from gem_plugin.io.run.optics_readings import ReadingRow, read_readings, write_readings


def test_what_was_taken_comes_back(tmp_path: Path) -> None:
    path = tmp_path / "readings.csv"
    rows = [ReadingRow("ctf/a", "M = K^-1", 0.0, False), ReadingRow("ctf/a", "M = K", 12.345, True)]
    write_readings(path, rows)
    assert read_readings(path) == {"ctf/a": "M = K"}
    assert "ctf/a,M = K,12.35,yes" in path.read_text() or "ctf/a,M = K,12.34,yes" in path.read_text()


def test_runs_without_a_record_have_none(tmp_path: Path) -> None:
    assert read_readings(tmp_path / "readings.csv") == {}


@pytest.mark.parametrize("content", [b"a,b\n1,2\n", b"\xff\xfe\n"])
def test_a_damaged_record_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "readings.csv").write_bytes(content)
    with pytest.raises(InputError, match=r"readings.csv is damaged. Run `gem-em consensus` again"):
        read_readings(tmp_path / "readings.csv")
