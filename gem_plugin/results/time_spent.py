"""Where the time of a run went: its steps, and training in its phases, as one list of parts and as a bar of letters."""

import json
from typing import NamedTuple

from gem_plugin.io.run.files import RunFiles
from gem_plugin.io.run.settings import read_summary
from gem_plugin.io.whole_files import write_text_whole

MINIMUM_FRACTION = 0.01  # of the time of the run; smaller parts are one together
WIDTH_OF_BAR = 60  # characters
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
TRAIN, REST_OF_TRAINING = "train", "train: rest"
SMALL_PARTS = "parts below 1 %"


class TimePart(NamedTuple):
    """One part of the time of a run."""

    name: str
    seconds: float


def read_training_times(run: RunFiles) -> dict[str, float]:
    """Seconds of each phase of the training, over all its starts; empty for runs that did not measure them."""
    try:
        content = json.loads(run.training_times.read_text(encoding="utf-8"))
        return {str(name): float(seconds) for name, seconds in content.items()}
    except (OSError, ValueError, AttributeError, TypeError):
        return {}


def write_training_times(run: RunFiles, seconds: dict[str, float]) -> None:
    """Beside the checkpoint, so that a training that goes on adds to them."""
    rounded = {name: round(value, 4) for name, value in seconds.items()}
    write_text_whole(run.training_times, json.dumps(rounded, indent=1) + "\n")


def parts_of_run(run: RunFiles) -> list[TimePart]:
    """The steps in the order in which they were done; training in its phases where those were measured.

    A training that was interrupted counts with all its starts, the other steps with their last.
    """
    parts: list[TimePart] = []
    for step, numbers in read_summary(run).items():
        seconds = float(numbers.get("seconds") or 0.0)
        phases = read_training_times(run) if step == TRAIN else {}
        parts += [TimePart(f"{step}: {phase}", of_phase) for phase, of_phase in phases.items()]
        rest = seconds - sum(phases.values())
        if not phases:
            parts.append(TimePart(step, seconds))
        elif rest > 0:
            parts.append(TimePart(REST_OF_TRAINING, rest))
    return parts


def larger_parts(parts: list[TimePart]) -> list[TimePart]:
    """The same with all that is too small for a bar as one part at the end."""
    total = sum(part.seconds for part in parts)
    large = [part for part in parts if part.seconds >= MINIMUM_FRACTION * total]
    small = total - sum(part.seconds for part in large)
    return [*large, TimePart(SMALL_PARTS, small)] if len(large) < len(parts) and small > 0 else large


def bar_in_text(parts: list[TimePart]) -> list[str]:
    """A heading, a bar of letters and what each letter means; nothing where no time was measured."""
    shown = larger_parts(parts)
    total = sum(part.seconds for part in shown)
    if total <= 0:
        return []
    letters = [LETTERS[number % len(LETTERS)] for number in range(len(shown))]
    ends = _ends_of(shown, total)
    bar = "".join(
        letter * (end - start) for letter, start, end in zip(letters, [0, *ends], ends, strict=False)
    )
    lines = [f"Where the time went, {time_in_words(total)} in all:", f"[{bar}]"]
    lines += [
        f"  {letter}  {part.seconds / total:4.0%}  {time_in_words(part.seconds):>8}  {part.name}"
        for letter, part in zip(letters, shown, strict=True)
    ]
    return lines


def _ends_of(parts: list[TimePart], total: float) -> list[int]:
    """Where each part of the bar ends, in characters from its beginning."""
    ends, so_far = [], 0.0
    for part in parts:
        so_far += part.seconds
        ends.append(round(WIDTH_OF_BAR * so_far / total))
    return ends


def time_in_words(seconds: float) -> str:
    """4.2 s, 3 min 05 s, 2 h 05 min."""
    if seconds < 100:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 100:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"
