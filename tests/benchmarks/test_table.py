"""The table keeps what other invocations put in, and says what failed."""

from pathlib import Path

from truth.table import add_rows, read_rows


def row(**values: object) -> dict[str, object]:
    usual = {"set": "clean", "seed": 0, "training_seed": 0, "train": "{}", "commit": "abc", "machine": "2 x"}
    return {**usual, **values}


def test_a_row_replaces_that_of_the_same_set_seed_settings_and_commit(tmp_path: Path) -> None:
    path = tmp_path / "truth.csv"
    add_rows(path, [row(per_conformation=0.46, junk_roc_area=None)])
    add_rows(path, [row(per_conformation=0.47, commit="def"), row(per_conformation=0.461)])
    rows = read_rows(path)
    assert [(one["commit"], one["per_conformation"]) for one in rows] == [("def", "0.47"), ("abc", "0.461")]


def test_markdown_shows_the_columns_that_somebody_has(tmp_path: Path) -> None:
    path = tmp_path / "truth.csv"
    add_rows(path, [row(per_conformation=0.46312, motion_error=None), row(set="wild", per_conformation=0.43)])
    text = path.with_suffix(".md").read_text()
    assert "| set | seeds | train | FSC-AUC per conformation | commit |" in text
    assert "| clean | 0, 0 | {} | 0.4631 | abc |" in text
    assert "error of the motion" not in text
    assert "Machine: 2 x." in text


def test_a_set_that_failed_stands_below_the_table(tmp_path: Path) -> None:
    path = tmp_path / "truth.csv"
    add_rows(path, [row(per_conformation=0.46), row(set="ligand", failed="skipped: no atoms")])
    text = path.with_suffix(".md").read_text()
    assert "| ligand |" not in text
    assert "- ligand: skipped: no atoms" in text
    add_rows(path, [row(set="ligand", per_conformation=0.44)])
    assert "Without a result" not in path.with_suffix(".md").read_text()


def test_a_missing_number_is_a_dash_beside_those_that_are_there(tmp_path: Path) -> None:
    path = tmp_path / "truth.csv"
    add_rows(path, [row(junk_roc_area=0.99), row(set="pose", angle_error_after=1.5)])
    text = path.with_suffix(".md").read_text()
    assert "| clean | 0, 0 | {} | – | 0.990 | abc |" in text
    assert "| pose | 0, 0 | {} | 1.50 | – | abc |" in text
