"""What a GPU does from moment to moment: how much of the time it works, and the longest pause."""

import json
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

ON_DEVICE = ("kernel", "gpu_memcpy", "gpu_memset")
LONGEST_SHOWN = 12


@dataclass(frozen=True)
class Timeline:
    """Operations of a device in the order of their starts."""

    starts: list[float]  # microseconds
    ends: list[float]
    names: list[str]

    @property
    def duration(self) -> float:  # microseconds, of all
        return max(self.ends) - self.starts[0]

    @property
    def gaps(self) -> list[float]:  # microseconds in which nothing runs, between operations
        gaps, busy_until = [], self.ends[0]
        for start, end in zip(self.starts, self.ends, strict=True):
            gaps.append(max(0.0, start - busy_until))
            busy_until = max(busy_until, end)
        return gaps

    def as_dict(self, n_steps: int) -> dict[str, Any]:
        """What is written down, a step being an n-th of all."""
        gaps = sorted(self.gaps)
        by_name: dict[str, float] = {}
        for name, start, end in zip(self.names, self.starts, self.ends, strict=True):
            by_name[name] = by_name.get(name, 0.0) + end - start
        step = self.duration / n_steps
        longest = sorted(by_name.items(), key=lambda item: -item[1])[:LONGEST_SHOWN]
        return {
            "microseconds_a_step": step,
            "operations_a_step": len(self.starts) / n_steps,
            "busy": 1 - sum(gaps) / self.duration,
            "gap_of_steps": gaps[-(n_steps // 2)] / step,  # in the middle of the steps, the longest of each
            "longest_gap": gaps[-1] / step,
            "microseconds_a_step_by_operation": {name[:70]: spent / n_steps for name, spent in longest},
        }


def timeline_of(action: Callable[[], object]) -> Timeline:
    """Run the action under torch's profiler. Needs a CUDA device."""
    activities = [torch.profiler.ProfilerActivity.CUDA]
    torch.cuda.synchronize()
    with torch.profiler.profile(activities=activities) as profile:
        action()
        torch.cuda.synchronize()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "trace.json"
        profile.export_chrome_trace(str(path))
        return timeline_from(json.loads(path.read_text()))


def timeline_from(trace: dict[str, Any]) -> Timeline:
    """The operations of a device in a trace of torch's profiler."""
    events = [event for event in trace["traceEvents"] if event.get("cat") in ON_DEVICE]
    events.sort(key=lambda event: event["ts"])
    starts = [float(event["ts"]) for event in events]
    ends = [float(event["ts"]) + float(event["dur"]) for event in events]
    return Timeline(starts, ends, [str(event["name"]) for event in events])
