"""The chapter of report.html on what was done: one row for each step, with its time and its main result."""

from gem_plugin.io.run.manifest import read_manifest
from gem_plugin.reports.plain_numbers import short_number
from gem_plugin.reports.sections.html_parts import table
from gem_plugin.reports.sections.time_bar import time_bar
from gem_plugin.results.run import Run

HEADER = ("step", "begun", "took", "what came of it")
RESULTS = {  # step: (number of its summary, text with {} for it)
    "prepare": (("particles", "{} particles"), ("box", "boxes of {} pixels"), ("excluded", "{} excluded")),
    "consensus": (("gaussians", "{} Gaussians"),),
    "train": (
        ("epochs", "{} epochs"),
        ("validation_particles", "{} particles held out"),
        ("device", "on {}"),
    ),
    "analyze": (("maps", "{} maps"),),
    "landscape": (("states", "{} states"), ("sketch_maps", "{} sketch maps")),
    "landscape-full": (("states", "{} states"), ("particles", "of {} particles")),
    "reconstruct": (("maps", "{} maps with half-maps"),),
    "diagnose": (("checks", "{} checks"), ("bad", "{} with a bad verdict")),
    "report": (),
}
ORDER = tuple(RESULTS)  # steps that an earlier job did are not in the manifest
LENGTH_OF_TIME = 16
MINUTE, HOUR = 60, 3600


def history_section(run: Run) -> str:
    """Every step that was begun, in order."""
    rows = history_rows(run)
    return table(HEADER, rows) + time_bar(run) if rows else "<p>No step has finished yet.</p>"


def history_rows(run: Run) -> list[tuple[str, str, str, str]]:
    """Step, when it began, how long it took, and what came of it."""
    manifest = read_manifest(run.files)
    steps = list(dict.fromkeys([*manifest, *run.all_summaries]))
    steps.sort(key=lambda step: ORDER.index(step) if step in ORDER else len(ORDER))
    return [(step, _begun(manifest.get(step, {})), _took(run, step), _result(run, step)) for step in steps]


def _begun(entry: dict) -> str:
    text = entry.get("started") or ""
    return text.replace("T", " ")[:LENGTH_OF_TIME] + " UTC" if text else ""


def _took(run: Run, step: str) -> str:
    if step == "report":  # this one, which is not finished while it is written
        return ""
    seconds = run.summary(step).get("seconds")
    if seconds is None:
        return "not finished"
    return duration_in_words(float(seconds))


def duration_in_words(seconds: float) -> str:
    """12 s, 4 min, 2 h 05 min."""
    if seconds < 2 * MINUTE:
        return f"{seconds:.0f} s"
    if seconds < 2 * HOUR:
        return f"{seconds / MINUTE:.0f} min"
    hours, minutes = divmod(round(seconds / MINUTE), 60)
    return f"{hours} h {minutes:02d} min"


def _result(run: Run, step: str) -> str:
    numbers = run.summary(step)
    found = [
        text.format(short_number(numbers[name]))
        for name, text in RESULTS.get(step, ())
        if numbers.get(name) not in (None, "")
    ]
    return ", ".join(found)
