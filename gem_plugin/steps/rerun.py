"""rerun: repeat a recorded run in a new folder, with the same inputs, settings and seeds."""

import dataclasses
import types
import typing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from gem_plugin.errors import InputError
from gem_plugin.io.provenance import check_identity, read_manifest
from gem_plugin.io.run_files import RunFiles
from gem_plugin.io.run_settings import GENERAL_TABLE, read_run_settings, recorded_versions
from gem_plugin.progress import Progress
from gem_plugin.settings import setting
from gem_plugin.steps.run_all import run_step
from gem_plugin.steps.step_table import STEPS, Step


@dataclass(frozen=True)
class RerunSettings:
    """Where to."""

    out: Path | None = setting(None, "New folder; default: the old name with _again.")


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


def settings_from_plain(
    step: Step, values: dict[str, Any], folder: Path, old_root: Path, new_root: Path
) -> Any:
    """The settings dataclass from what settings.toml holds; paths into the old run point into the new one."""
    fields = {field.name: field for field in dataclasses.fields(step.settings_class)}
    unknown = set(values) - set(fields)
    if unknown:
        raise InputError(
            f"The step '{step.name}' of this version has no setting {', '.join(sorted(unknown))}. "
            "Repeat the run with the version that made it (see settings.toml)."
        )

    def moved(text: str) -> Path:
        path = (folder / text).resolve()
        inside = path.is_relative_to(old_root.resolve())
        return new_root.resolve() / path.relative_to(old_root.resolve()) if inside else path

    def restored(name: str, value: Any) -> Any:
        kinds = _kinds(fields[name].type)
        if isinstance(value, list):
            return tuple(moved(item) if Path in kinds else item for item in value)
        return moved(value) if Path in kinds and isinstance(value, str) else value

    return step.settings_class(**{name: restored(name, value) for name, value in values.items()})


def _kinds(annotation: Any) -> set[Any]:
    """The plain types inside `Path | None` or `tuple[Path, ...]`."""
    if typing.get_origin(annotation) in (typing.Union, types.UnionType, tuple):
        return set().union(*(_kinds(part) for part in typing.get_args(annotation)))
    return {annotation}


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
