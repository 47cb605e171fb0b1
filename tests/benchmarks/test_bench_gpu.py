"""What bench_gpu.py makes of its measurements; the measurements themselves need a GPU."""

import io
import itertools

import pytest
import torch
from gpu import phases
from gpu.kernels import compare_with_reference
from gpu.other_sets import Sizes, make_sets, run_sets
from gpu.rates import SIZES, TILT_SERIES, tilt_series_rates, training_rate
from gpu.report import as_markdown
from gpu.timeline import timeline_from

from gem_plugin.heterogeneity.training import Trainer

TRACE = {
    "traceEvents": [
        {"cat": "cpu_op", "name": "aten::add", "ts": 0, "dur": 50},
        {"cat": "kernel", "name": "splat", "ts": 10, "dur": 10},
        {"cat": "kernel", "name": "gather", "ts": 18, "dur": 4},
        {"cat": "gpu_memcpy", "name": "copy", "ts": 30, "dur": 10},
    ]
}


def test_gaps_are_where_nothing_runs():
    timeline = timeline_from(TRACE)
    assert timeline.duration == 30
    assert timeline.gaps == [0, 0, 8]
    numbers = timeline.as_dict(n_steps=2)
    assert numbers["busy"] == pytest.approx(22 / 30)
    assert numbers["longest_gap"] == pytest.approx(8 / 15)
    assert numbers["microseconds_a_step_by_operation"] == {"splat": 5, "copy": 5, "gather": 2}


def test_a_training_is_measured_on_a_cpu():
    row = training_rate(SIZES[0].smaller(), torch.device("cpu"))
    assert row["particles_per_second"] > 0
    assert row["loss_is_finite"]
    assert not row["is_recorded"], "only a GPU records"


def test_tilt_series_are_measured_with_recorded_steps_and_without(monkeypatch):
    seen = []
    monkeypatch.setattr(Trainer, "_can_record", lambda self, batches: seen.append(self) or False)
    row = tilt_series_rates(TILT_SERIES.smaller(), torch.device("cpu"))
    assert [trainer.records_steps for trainer in seen] == [True] * 5 + [False] * 5
    assert seen[0].observations.owned.counts.tolist() == [41] * 64
    assert row["particles_per_second_of_recorded_steps"] > 0
    assert row["particles_per_second_of_steps_one_by_one"] > 0
    assert row["loss_is_finite"]
    assert not row["steps_are_recorded"], "only a GPU records"


def test_kernels_are_compared_with_the_reference():
    rows = compare_with_reference(torch.device("cpu"), boxes=(24,))
    assert all(row["passed"] for row in rows)
    assert {row["of"] for row in rows} == {"projection", "volume"}


def test_parts_that_failed_or_were_left_out_are_in_the_page():
    results = {
        "machine": {"card": "none"},
        "seconds": {"kernels": 1.0},
        "kernels": {"failed": "no kernels"},
        "training": {"rows": [{"failed": "out of memory"}]},
        "run": {"left_out": "3 s were left"},
    }
    page = as_markdown(results)
    for said in ("no kernels", "out of memory", "3 s were left"):
        assert said in page


def test_seconds_are_those_of_the_outermost_phases(tmp_path, monkeypatch):
    clock = itertools.count()  # each look at it takes a second
    monkeypatch.setattr(phases.time, "perf_counter", lambda: next(clock))
    progress = phases.TimedPhases(tmp_path / "log", io.StringIO())
    for _ in (1, 2):
        with progress.waiting("half-maps of state 12"):
            list(progress.track(range(2), "batches"))
    list(progress.track(range(2), "maps"))
    rows = progress.rows(10.0)
    assert [tuple(row.values()) for row in rows] == [("half-maps of state", 4), ("maps", 1), (phases.REST, 5)]
    page = as_markdown({"machine": {}, "seconds": {}, "landscape": {"phases": rows}})
    assert "| half-maps of state | 4 |" in page


def test_sets_of_other_kinds_run_whole(tmp_path):
    sizes = Sizes().smaller()
    rows = run_sets(make_sets(tmp_path / "sets", sizes), "cpu", sizes)
    assert [row["set"] for row in rows] == ["complex", "wrong poses", "tilt complex"]
    assert [row["views"] for row in rows] == [3 * sizes.complexes, sizes.tilted, 3 * sizes.tilted]
    page = as_markdown({"machine": {}, "seconds": {}, "other_sets": {"rows": rows}})
    for row in rows:
        assert row["train_seconds"] > 0
        assert row["seconds"] > row["train_seconds"]
        assert f"| {row['set']} |" in page
    assert rows[1]["value"] < 0.9, "one epoch finds some of the errors of poses"
