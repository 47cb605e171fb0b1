"""The tables of gpu.md from the numbers of gpu.json."""

from collections.abc import Mapping, Sequence
from typing import Any

GOAL_PER_SECOND = 20_000  # particles, at 128 px with 8,000 Gaussians
COLUMNS_OF_TRAINING = ("box", "n_gaussians", "batch_size", "precision", "images_are_short", "is_recorded", "particles_per_second", "gigabytes", "first_epoch_seconds")  # fmt: skip
COLUMNS_OF_TIMELINE = ("microseconds_a_step", "operations_a_step", "busy", "gap_of_steps", "longest_gap")
COLUMNS_OF_OTHER_SETS = ("set", "views", "measured", "value", "should_be", "is_reached", "train_seconds", "views_per_second", "seconds")  # fmt: skip
COLUMNS_OF_PROJECTION = ("box", "gaussians", "batch", "forward_per_second", "forward_roofline", "backward_per_second", "backward_roofline")  # fmt: skip


def as_markdown(results: Mapping[str, Any]) -> str:
    """One table a part."""
    machine = ", ".join(f"{name} {_short(value)}" for name, value in results["machine"].items())
    lines = ["# On a GPU", "", f"Filled by `make bench-gpu` (bench_gpu.py); every number is in gpu.json. Machine: {machine}.",
             f"Seconds: {', '.join(f'{name} {value:.0f}' for name, value in results['seconds'].items())}."]  # fmt: skip
    lines += _kernels(results.get("kernels"))
    lines += _projection(results.get("projection"))
    lines += _training(results.get("training"))
    for part, title in (("run", "igg1d at 128 px, the whole way"), ("landscape", "Landscape of that run"), ("reconstruct", "Half-maps of all particles"),
                        ("poses", "Particles with wrong poses, 64 px"), ("tilt_series", "Tilt series, 64 px")):  # fmt: skip
        lines += _list(title, results.get(part))
    lines += _other_sets(results.get("other_sets"))
    return "\n".join(lines) + "\n"


def _kernels(part: Any) -> list[str]:
    if _is_missing(part):
        return _list("Kernels", part)
    rows = part["rows"]
    worst = max(max(value for name, value in row.items() if name.startswith(("image", "by_"))) for row in rows)  # fmt: skip
    failed = [f"{row['of']} of box {row['box']}, width {row['width']}" for row in rows if not row["passed"]]
    tests = part["tests"]
    said = tests["said"] if tests["passed"] else f"failed: {tests['said'][-3:]}"
    return ["", "## Kernels against the reference", "", f"Tests: {said}. Values and gradients for {len(rows)} "
            f"widths and boxes: largest relative difference {worst:.2g}; too large: {', '.join(failed) or 'none'}."]  # fmt: skip


def _projection(part: Any) -> list[str]:
    if _is_missing(part):
        return _list("Projection", part)
    ceilings = f"{part['float32_gigaflops_per_second'] / 1e3:.1f} TFLOP/s in float32, {part['gigabytes_per_second']:.0f} GB/s"
    return ["", "## Projection", "", f"Ceilings measured here: {ceilings}. Images a second, and share of the roofline.", "",
            *_table(part["rows"], COLUMNS_OF_PROJECTION)]  # fmt: skip


def _training(part: Any) -> list[str]:
    if _is_missing(part):
        return _list("Training", part)
    done = [row for row in part["rows"] if "failed" not in row]
    lines = [
        "",
        "## Training",
        "",
        f"Whole steps; goal {GOAL_PER_SECOND:,} particles/s at 128 px with 8,000 Gaussians.",
        "",
    ]
    lines += _table(done, COLUMNS_OF_TRAINING)
    timed = [{**row, **row["timeline"]} for row in done if "timeline" in row]
    if timed:
        lines += ["", "One epoch under the profiler; gaps in steps.", ""]
        lines += _table(
            timed,
            (
                "box",
                "n_gaussians",
                "batch_size",
                "precision",
                "images_are_short",
                "is_recorded",
                *COLUMNS_OF_TIMELINE,
            ),
        )
        for row in timed:
            spent = row["timeline"]["microseconds_a_step_by_operation"]
            longest = "; ".join(f"`{name}` {value:.0f}" for name, value in list(spent.items())[:6])
            lines += [
                "",
                f"Microseconds a step at {row['box']} px, {row['n_gaussians']} Gaussians, batch {row['batch_size']}: {longest}.",
            ]
    return lines + [f"- failed: {row['failed']}" for row in part["rows"] if "failed" in row]


def _other_sets(part: Any) -> list[str]:
    if _is_missing(part):
        return _list("Small sets of other kinds", part)
    return ["", "## Small sets of other kinds", "", *_table(part["rows"], COLUMNS_OF_OTHER_SETS)]


def _list(title: str, part: Any) -> list[str]:
    """One line for each number; phases as a table after them."""
    if part is None:
        return []
    numbers = {name: value for name, value in part.items() if name != "phases"}
    lines = ["", f"## {title}", "", *(f"- {name.replace('_', ' ')}: {_short(value)}" for name, value in numbers.items())]  # fmt: skip
    return lines + (["", *_table(part["phases"], ("phase", "seconds"))] if "phases" in part else [])


def _table(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> list[str]:
    lines = [
        "| " + " | ".join(name.replace("_", " ") for name in columns) + " |",
        "|" + " --- |" * len(columns),
    ]
    return lines + ["| " + " | ".join(_short(row.get(name)) for name in columns) + " |" for row in rows]


def _is_missing(part: Any) -> bool:
    return part is None or "failed" in part or "left_out" in part


def _short(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
    return "–" if value is None else str(value)
