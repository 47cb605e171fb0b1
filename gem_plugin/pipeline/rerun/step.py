"""rerun: repeat a recorded run in a new folder, with the same inputs, settings and seeds."""

from pathlib import Path
from typing import Any

import numpy as np

from gem_plugin.errors import InputError
from gem_plugin.io.run.files import RunFiles
from gem_plugin.io.run.manifest import check_identity, read_manifest
from gem_plugin.io.run.settings import GENERAL_TABLE, read_run_settings, recorded_versions
from gem_plugin.pipeline.rerun.settings import RerunSettings
from gem_plugin.pipeline.run_steps import run_step
from gem_plugin.pipeline.settings_of_steps import settings_from_plain
from gem_plugin.pipeline.step_table import STEPS
from gem_plugin.progress import Progress


def run_rerun(old: RunFiles, settings: RerunSettings, progress: Progress) -> dict[str, Any]:
    """Check that the inputs are the recorded ones, then do every recorded step again in the new folder."""
    new = RunFiles(settings.out or old.root.with_name(old.root.resolve().name + "_again"))
    tables, manifest = read_run_settings(old), read_manifest(old)
    names = [name for name in STEPS if name in tables]
    if not names:
        raise InputError(f"{old.settings} has no settings of any step, so there is nothing to repeat.")
    if new.root.exists() and any(new.root.iterdir()):
        raise InputError(f"{new.root} is not empty. Give another folder with --out.")
    inputs = [(name, one) for name in names for one in manifest.get(name, {}).get("inputs", {}).values()]
    for name, recorded in progress.track(inputs, "checking the inputs", unit="file"):
        if not Path(recorded["path"]).is_relative_to(old.root.resolve()):
            check_identity(name, recorded)
    _say_other_versions(tables.get(GENERAL_TABLE, {}), progress)
    for name in names:
        folder = manifest.get(name, tables.get(GENERAL_TABLE, {})).get("working_folder", ".")
        again = settings_from_plain(STEPS[name], tables[name], Path(folder), old.root, new.root)
        run_step(STEPS[name], new, again, progress)
    return {"steps": names, "folder": str(new.root), **_compare(old, new, progress)}


def _say_other_versions(recorded: dict[str, Any], progress: Progress) -> None:
    for name, version in recorded_versions().items():
        if name in recorded and name != "working_folder" and recorded[name] != version:
            progress.say(
                f"The run was made with {name} {recorded[name]}; here it is {version}. Numbers may differ."
            )


def _compare(old: RunFiles, new: RunFiles, progress: Progress) -> dict[str, Any]:
    if not (old.latents.is_file() and new.latents.is_file()):
        return {}
    first, second = (np.load(run.latents, allow_pickle=False) for run in (old, new))
    if first.shape != second.shape:
        return {"largest_latent_difference": None}
    largest = float(np.abs(first - second).max())
    progress.say(f"The latents differ by at most {largest:.3g} from those of {old.root}.")
    return {"largest_latent_difference": largest}
