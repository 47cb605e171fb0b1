"""The time of a run in parts, and as a bar."""

from pathlib import Path

from gem_plugin.io.run.files import RunFiles
from gem_plugin.io.run.settings import write_step_summary
from gem_plugin.results.time_spent import (
    REST_OF_TRAINING,
    SMALL_PARTS,
    WIDTH_OF_BAR,
    TimePart,
    bar_in_text,
    larger_parts,
    parts_of_run,
    read_training_times,
    time_in_words,
    write_training_times,
)


def test_training_is_in_its_phases_and_a_rest(tmp_path: Path) -> None:
    run = RunFiles(tmp_path)
    write_step_summary(run, "prepare", {"particles": 3, "seconds": 10.0})
    write_step_summary(run, "train", {"seconds": 80.0})
    write_training_times(run, {"projection": 50.0, "loss": 20.0})
    assert parts_of_run(run) == [
        ("prepare", 10.0),
        ("train: projection", 50.0),
        ("train: loss", 20.0),
        (REST_OF_TRAINING, 10.0),
    ]


def test_a_run_of_an_earlier_version_has_its_steps(tmp_path: Path) -> None:
    run = RunFiles(tmp_path)
    write_step_summary(run, "train", {"seconds": 80.0})
    write_step_summary(run, "report", {})
    assert parts_of_run(run) == [("train", 80.0), ("report", 0.0)]
    run.training_times.parent.mkdir()
    for damaged in ("", "[1, 2]", '{"loss": null}'):
        run.training_times.write_text(damaged)
        assert read_training_times(run) == {}


def test_the_bar_is_as_long_as_it_should_be_and_each_part_in_proportion() -> None:
    parts = [
        TimePart("prepare", 25.0),
        TimePart("train", 74.5),
        TimePart("analyze", 0.25),
        TimePart("report", 0.25),
    ]
    assert larger_parts(parts) == [*parts[:2], (SMALL_PARTS, 0.5)]
    heading, bar, *keys = bar_in_text(parts)
    assert heading == "Where the time went, 1 min 40 s in all:"
    assert len(bar) == WIDTH_OF_BAR + 2
    assert (bar.count("A"), bar.count("B")) == (15, 45)
    assert [key.split()[0] for key in keys] == ["A", "B", "C"]
    assert "prepare" in keys[0]
    assert "25%" in keys[0]


def test_no_bar_where_nothing_was_measured(tmp_path: Path) -> None:
    assert bar_in_text(parts_of_run(RunFiles(tmp_path))) == []


def test_times_in_words() -> None:
    assert [time_in_words(seconds) for seconds in (4.21, 185, 7500)] == ["4.2 s", "3 min 05 s", "2 h 05 min"]
