"""Image stacks under names that RELION takes: it reads .mrcs, CryoSPARC writes .mrc."""

import os
from pathlib import Path

import numpy as np

from gem_plugin.errors import InputError
from gem_plugin.io.mrc.stacks import open_stack, write_stack
from gem_plugin.progress import Progress, Track, untracked

IMAGES_AT_A_TIME = 512


def mrcs_name(stack_name: str) -> str:
    """The stack's name with the ending .mrcs; an absolute path becomes a relative one."""
    return str(Path(stack_name.lstrip("/")).with_suffix(".mrcs"))


def link_stacks(stack_paths: dict[str, Path], folder: Path, track: Track = untracked) -> dict[str, Path]:
    """Make folder/<name>.mrcs a link to each stack, and give the links by the stack's name."""
    links = _targets(stack_paths, folder)
    for name, link in track(links.items(), "links to stacks", len(links), "stack"):
        target = stack_paths[name].resolve()
        if link.is_symlink():
            link.unlink()
        elif link.exists():
            raise InputError(f"{link} is a file already, not a link. Choose another --stack-folder.")
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(os.path.relpath(target, link.parent.resolve()))
    return links


def write_inverted_stacks(
    stack_paths: dict[str, Path], folder: Path, pixel_size_in_angstroms: float, progress: Progress
) -> dict[str, Path]:
    """Write every stack times -1 as folder/<name>.mrcs (float32): dark particles become white ones."""
    copies = _targets(stack_paths, folder)
    for name, copy in progress.track(copies.items(), "stacks", len(copies), "stack"):
        images = open_stack(stack_paths[name])
        with write_stack(copy, pixel_size_in_angstroms) as writer:
            for start in range(0, len(images), IMAGES_AT_A_TIME):
                writer.append(-np.asarray(images[start : start + IMAGES_AT_A_TIME], dtype=np.float32))
    return copies


def _without_steps_upwards(name: str) -> Path:
    return Path(*(part for part in Path(name).parts if part != ".."))


def _targets(stack_paths: dict[str, Path], folder: Path) -> dict[str, Path]:
    """Where each stack goes: below the folder, whatever its name says."""
    targets = {name: folder / _without_steps_upwards(mrcs_name(name)) for name in stack_paths}
    if len(set(targets.values())) < len(targets):
        twice = next(name for name in targets if list(targets.values()).count(targets[name]) > 1)
        raise InputError(
            f"{twice} and another stack differ only in their ending, so both would be {targets[twice]}."
        )
    return targets
