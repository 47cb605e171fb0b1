"""states.csv gets one column of verdicts, however often they are written."""

from pathlib import Path

from gem_plugin.results.csv_tables import read_text_rows
from gem_plugin.results.verdict_column import write_verdict_column


def test_every_state_has_the_newest_verdict(tmp_path: Path) -> None:
    table = tmp_path / "states.csv"
    write_verdict_column(table, str)
    assert not table.exists()
    table.write_text("state,particles\n1,70\n2,30\n")
    write_verdict_column(table, lambda number: "not tested")
    write_verdict_column(table, {1: "supported (12 sigma)", 2: "few particles"}.__getitem__)
    assert read_text_rows(table) == [
        {"state": "1", "particles": "70", "verdict": "supported (12 sigma)"},
        {"state": "2", "particles": "30", "verdict": "few particles"},
    ]
    other = tmp_path / "other.csv"
    other.write_text("name\nx\n")
    write_verdict_column(other, str)
    assert other.read_text() == "name\nx\n"
