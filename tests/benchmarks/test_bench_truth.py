"""The whole bench on a small set: made, trained on, scored, in the table; a set that fails costs no other."""

import dataclasses
import sys
from pathlib import Path

import bench_truth
import pytest
from truth import sets
from truth.score import train as train_on
from truth.table import read_rows

TRAINING = '{"epochs": 2, "threads": 2, "anchors": 64, "encoder_width": 32}'


def run_bench(monkeypatch: pytest.MonkeyPatch, *arguments: str | Path) -> None:
    monkeypatch.setattr(sys, "argv", ["bench_truth.py", *(str(word) for word in arguments)])
    bench_truth.main()


@pytest.fixture
def small_sets(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sets with so few and small images that a training takes seconds."""
    for name in ("membrane_wild", "membrane_pose", "ligand"):
        small = dataclasses.replace(
            sets.SETS[name], n_particles=240, box_size=24, pixel_size_in_angstroms=12.0
        )
        monkeypatch.setitem(sets.SETS, name, small)


@pytest.mark.usefixtures("small_sets")
def test_one_command_fills_the_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails_on_poses(dataset: Path, *rest):  # type: ignore[no-untyped-def]
        if "pose" in dataset.name:
            raise ValueError("planted")
        return train_on(dataset, *rest)

    monkeypatch.setattr(bench_truth, "train", fails_on_poses)
    names = ("ligand", "membrane_pose", "membrane_wild")
    options = ("--work", tmp_path, "--shared", tmp_path / "absent", "--train", TRAINING)
    run_bench(monkeypatch, "--sets", *names, *options)
    skipped, failed, row = read_rows(tmp_path / "truth.csv")
    assert skipped["failed"].startswith("skipped: ")
    assert failed["failed"] == "ValueError: planted"
    assert row["set"] == "membrane_wild"
    for name in ("per_conformation", "per_image", "consensus", "motion_error", "false_amplitude_change"):
        assert float(row[name]) > 0, name
    assert 2.5 < float(row["angle_error_before"]) < 3.5
    assert 0 <= float(row["junk_roc_area"]) <= 1
    assert row["epochs"] == "2"
    assert float(row["training_seconds"]) > 0
    assert row["train"] == TRAINING
    assert "| membrane_wild | 0, 0 |" in (tmp_path / "truth.md").read_text()
    assert "membrane_wild | 0, 0" in capsys.readouterr().out
    assert list((tmp_path / "runs").iterdir()) == []


def test_an_unknown_set_is_refused_before_any_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        run_bench(monkeypatch, "--sets", "clena", "--work", tmp_path)
    assert "there is no set clena; there is clean, " in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
