"""Folders and files that a user names for the results of a step: what a failed step must leave as it was."""

from pathlib import Path
from typing import Any

from gem_plugin.errors import InputError
from gem_plugin.io.new_files import free_name
from gem_plugin.io.run.aside import can_be_made_aside, holds_landscape, is_free, is_inside_folders_of
from gem_plugin.io.run.files import RunFiles
from gem_plugin.io.run.manifest import read_manifest
from gem_plugin.io.run.settings import read_run_settings
from gem_plugin.io.run.state_files import PARTICLE_SUFFIXES

FOLDER_SETTINGS = {  # another folder for the results: the first one that is given is filled
    "landscape": ("outdir",),
    "landscape-full": ("outdir", "landscape_dir"),
    "eval-vol": ("out",),
    "export-ply": ("out",),
}
FILE_STEPS = ("select", "write-star", "write-cs")  # their --out is a file


def named_folder(step: str, settings: Any) -> tuple[str, Path] | None:
    """The setting and the folder that the step fills instead of its own."""
    for name in FOLDER_SETTINGS.get(step, ()):
        if (folder := getattr(settings, name, None)) is not None:
            return name, folder
    return None


def replaced_files(step: str, run: RunFiles, settings: Any) -> list[Path]:
    """The files outside of its folders that a step may replace."""
    if step not in FILE_STEPS:
        return []
    usual = [path(suffix) for path in (run.particles, run.selected) for suffix in PARTICLE_SUFFIXES]
    out = getattr(settings, "out", None)
    of_out = [] if out is None else [out, out.with_suffix(PARTICLE_SUFFIXES[-1])]
    return [*of_out, *usual]


def check_outdir(step: str, run: RunFiles, settings: Any) -> None:
    """Refuse a folder for a landscape that holds other things, or a landscape that the last start did not make."""
    outdir = getattr(settings, "outdir", None)
    if outdir is None or is_inside_folders_of(step, run, outdir):
        return
    advice = f"Give a new folder, such as -o {free_name(outdir)}."
    if not can_be_made_aside(step, run, outdir):
        raise InputError(f"-o {outdir} {_what_it_is(run, outdir)}; its files could be lost. {advice}")
    if holds_landscape(outdir) and not _is_of_the_last_start(step, run, outdir):
        raise InputError(
            f"-o {outdir} holds a landscape that the last gem-em {step} of {run.root} did not make, and that would be "
            f"lost. {advice}"
        )


def _what_it_is(run: RunFiles, folder: Path) -> str:
    if folder.exists() and not folder.is_dir():
        return "is a file"
    if run.root.resolve().is_relative_to(folder.resolve()):
        return "holds the run"
    return "is the working folder" if is_free(folder) else "holds other things than a landscape"


def _is_of_the_last_start(step: str, run: RunFiles, outdir: Path) -> bool:
    recorded = read_run_settings(run).get(step, {}).get("outdir")
    folder = Path(read_manifest(run).get(step, {}).get("working_folder", "."))
    return recorded is not None and (folder / recorded).resolve() == outdir.resolve()
