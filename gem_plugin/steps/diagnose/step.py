"""diagnose: check a run for everything that is known to go wrong.

The rows go into checks.csv, beside those of the run itself and of reconstruct. diagnostics.json holds all of them for programs
that read it: {"diagnostics": [{name, value, threshold, verdict, is_bad, sentence, advice}, ...]}: verdict is "good", "bad" or
"not measured" (value null).
"""

import json
from pathlib import Path
from typing import Any

import numpy as np

from gem_plugin.io.mrc.maps import read_map
from gem_plugin.io.run.files import RunFiles
from gem_plugin.io.run.settings import GENERAL_TABLE
from gem_plugin.io.whole_files import write_text_whole
from gem_plugin.landscape.checks import states as of_states
from gem_plugin.landscape.checks.diagnostic import Diagnostic, not_measured
from gem_plugin.landscape.checks.known_checks import done_in_words
from gem_plugin.progress import Progress
from gem_plugin.results.checks import LONG, RunChecks
from gem_plugin.results.masks import original_grid, read_mask_on_grid
from gem_plugin.results.recognise import check_is_run
from gem_plugin.results.run import Run
from gem_plugin.steps.diagnose.particle_checks import check_particles, check_training
from gem_plugin.steps.diagnose.settings import DiagnoseSettings
from gem_plugin.steps.diagnose.state_checks import check_states, decoded_maps


def run_diagnose(files: RunFiles, settings: DiagnoseSettings, progress: Progress) -> dict[str, Any]:
    """Add the long checks to checks.csv and say every bad finding."""
    run = Run(files)
    _check_inputs(run, settings)
    earlier = RunChecks.load(files)
    generator = np.random.default_rng(settings.seed)
    found = [
        *check_particles(run, generator, progress),
        *check_training(run, settings.other_run, generator, progress),
    ]
    with progress.waiting("states and masks"):
        found += [*check_states(run, generator), *_check_masks(run, settings)]
    checks = earlier.with_found(found, LONG, files)
    checks.save(files)
    content = {"diagnostics": checks.as_plain()}
    write_text_whole(files.diagnostics, json.dumps(content, indent=2) + "\n")
    bad = [one for one in checks.rows if one.is_bad]
    for one in bad:
        progress.say(f"{one.name.upper()}: {one.sentence} {one.advice}")
    progress.say(f"{done_in_words(checks.as_plain())}.")
    for line in checks.lines_of_states(list(run.state_maps)):
        progress.say(line)
    unknown = sum(one.number is None for one in checks.rows)
    return {"checks": len(checks.rows), "bad": len(bad), "not_measured": unknown}


def _check_inputs(run: Run, settings: DiagnoseSettings) -> None:
    """Refuse a mask or another run that does not fit, before any work."""
    if settings.other_run is not None:
        check_is_run(settings.other_run)
    if settings.mask is not None:
        _mask_on_grid(run, settings.mask)


def _mask_on_grid(run: Run, path: Path) -> np.ndarray:  # (d, d, d) float32
    """On the grid of the states; before there are any, on that of the images."""
    original = original_grid(run.files)
    if run.state_maps:
        grid = read_map(next(iter(run.state_maps.values())))
        return read_mask_on_grid(path, len(grid.volume), grid.pixel_size_in_angstroms, original)
    table = run.particles
    return read_mask_on_grid(path, table.box_size, table.pixel_size_in_angstroms, original)


def _check_masks(run: Run, settings: DiagnoseSettings) -> list[Diagnostic]:
    """The mask that was given, else that of the consensus step, against the decoded states."""
    name = "consensus mask"
    path = settings.mask or _recorded_mask(run)
    maps = decoded_maps(run)
    if path is None or not Path(path).is_file() or not maps:
        why = "No mask was used, or there are no states."
        return [
            not_measured(
                f"{name} cuts through motion", of_states.MAXIMUM_FRACTION_OUTSIDE, why, "Give --mask."
            )
        ]
    fitted = _mask_on_grid(run, Path(path))
    return [of_states.check_mask(name, fitted, maps)]


def _recorded_mask(run: Run) -> Path | None:
    for step in ("consensus", "prepare"):
        if mask := run.settings(step).get("mask"):
            return Path(run.settings(GENERAL_TABLE).get("working_folder", ".")) / mask
    return None
