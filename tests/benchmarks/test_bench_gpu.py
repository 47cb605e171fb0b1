"""What bench_gpu.py makes of its measurements; the measurements themselves need a GPU."""

import pytest
import torch
from gpu.kernels import compare_with_reference
from gpu.rates import SIZES, training_rate
from gpu.report import as_markdown
from gpu.timeline import timeline_from

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
