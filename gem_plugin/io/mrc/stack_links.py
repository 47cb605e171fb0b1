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


def check_links(stack_paths: dict[str, Path], links: dict[str, Path], overwrite: bool) -> None:
    """Refuse to replace a file by a link, and a link to another stack unless that is asked for."""
    for name, link in links.items():
        if link.exists() and not link.is_symlink():
            raise InputError(f"{link} is a file already, not a link. Choose another --stack-folder.")
        if link.is_symlink() and link.resolve() != stack_paths[name].resolve() and not overwrite:
            raise InputError(
                f"{link} is a link to {link.resolve()}, not to {stack_paths[name].resolve()}, and would be lost. "
                "Choose another --stack-folder, or give --overwrite."
            )


def link_stacks(stack_paths: dict[str, Path], links: dict[str, Path], track: Track = untracked) -> None:
    """Make a link to each stack; those that are there already lead to it from now on."""
    for name, link in track(links.items(), "links to stacks", len(links), "stack"):
        link.parent.mkdir(parents=True, exist_ok=True)
        link.unlink(missing_ok=True)
        link.symlink_to(os.path.relpath(stack_paths[name].resolve(), link.parent.resolve()))


def write_inverted_stacks(
    stack_paths: dict[str, Path],
    copies: dict[str, Path],  # of stack_targets
    pixel_size_in_angstroms: float,
    progress: Progress,
) -> None:
    """Write every stack times -1 (float32): dark particles become white ones."""
    for name, copy in progress.track(copies.items(), "stacks", len(copies), "stack"):
        images = open_stack(stack_paths[name])
        with write_stack(copy, pixel_size_in_angstroms) as writer:
            for start in range(0, len(images), IMAGES_AT_A_TIME):
                writer.append(-np.asarray(images[start : start + IMAGES_AT_A_TIME], dtype=np.float32))


def _without_steps_upwards(name: str) -> Path:
    return Path(*(part for part in Path(name).parts if part != ".."))


def stack_targets(stack_paths: dict[str, Path], folder: Path) -> dict[str, Path]:
    """folder/<name>.mrcs for each stack: below the folder, whatever its name says."""
    targets = {name: folder / _without_steps_upwards(mrcs_name(name)) for name in stack_paths}
    if len(set(targets.values())) < len(targets):
        twice = next(name for name in targets if list(targets.values()).count(targets[name]) > 1)
        raise InputError(
            f"{twice} and another stack differ only in their ending, so both would be {targets[twice]}."
        )
    return targets
