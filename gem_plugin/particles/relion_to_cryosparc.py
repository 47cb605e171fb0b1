"""The way back: which rows of a CryoSPARC data set a RELION star file holds, by uid or by image name."""

from pathlib import Path, PurePosixPath

import numpy as np

from gem_plugin.errors import InputError
from gem_plugin.io.cryosparc.jobs import CryosparcParticles
from gem_plugin.io.star.columns import read_columns
from gem_plugin.io.star.particles import RelionFile, read_image_names, read_relion_file, split_image_names
from gem_plugin.particles.cryosparc_to_relion import UID_COLUMN
from gem_plugin.particles.from_cryosparc import stack_names


def rows_in_star(
    particles: CryosparcParticles, star_path: Path
) -> np.ndarray:  # (k,) int64, in the star's order
    """Rows of the data set that the star file names; every row of the star must be found."""
    file = read_relion_file(star_path)
    if f"_{UID_COLUMN}" in file.particles.labels:
        return _rows_by_uid(particles, file)
    return _rows_by_image_name(particles, file)


def _rows_by_uid(particles: CryosparcParticles, file: RelionFile) -> np.ndarray:
    texts = read_columns(file.document, file.particles, text_labels=[f"_{UID_COLUMN}"])[f"_{UID_COLUMN}"]
    try:
        requested = texts.astype(np.uint64)  # through text: a float would lose the last digits
    except (ValueError, OverflowError) as error:
        raise InputError(f"{file.path}, column _{UID_COLUMN}: expected whole numbers ({error}).") from None
    order = np.argsort(particles.rows["uid"])
    in_order = particles.rows["uid"][order]
    positions = np.searchsorted(in_order, requested).clip(max=len(in_order) - 1)
    _check_all_found(particles, file, in_order[positions] == requested, f"column _{UID_COLUMN}")
    return order[positions]


def _rows_by_image_name(particles: CryosparcParticles, file: RelionFile) -> np.ndarray:
    stacks, slices = split_image_names(file, read_image_names(file))
    own_stacks = stack_names(particles.rows)
    partner = _partners(dict.fromkeys(stacks.tolist()), dict.fromkeys(own_stacks.tolist()), file)
    rows_by_image = {
        image: row for row, image in enumerate(zip(own_stacks.tolist(), particles.rows["blob/idx"].tolist()))
    }
    rows = np.array(
        [
            rows_by_image.get((partner[stack], index), -1)
            for stack, index in zip(stacks.tolist(), slices.tolist())
        ]
    )
    _check_all_found(particles, file, rows >= 0, "column _rlnImageName")
    return rows


def _partners(
    star_stacks: dict[str, None], own_stacks: dict[str, None], file: RelionFile
) -> dict[str, str | None]:
    """For each stack of the star the stack of the data set whose path, without its ending, it ends with."""
    by_stem: dict[str, list[str]] = {}
    for own in own_stacks:
        by_stem.setdefault(PurePosixPath(own).stem, []).append(own)
    partners: dict[str, str | None] = {}
    for stack in star_stacks:
        candidates = by_stem.get(PurePosixPath(stack).stem, [])
        if len(candidates) > 1:
            parts = PurePosixPath(stack).with_suffix("").parts
            candidates = [
                own for own in candidates if _is_end_of(PurePosixPath(own).with_suffix("").parts, parts)
            ]
        if len(candidates) > 1:
            raise InputError(
                f"{file.path}: the stack {stack} can be any of {', '.join(candidates[:3])}. "
                f"Use a star file that GEM converted, which has the column _{UID_COLUMN}."
            )
        partners[stack] = candidates[0] if candidates else None
    return partners


def _is_end_of(own_parts: tuple[str, ...], star_parts: tuple[str, ...]) -> bool:
    return star_parts[-len(own_parts) :] == own_parts


def _check_all_found(particles: CryosparcParticles, file: RelionFile, is_found: np.ndarray, by: str) -> None:
    missing = np.flatnonzero(~is_found)
    if len(missing):
        raise InputError(
            f"{file.at(int(missing[0]))}, {by}: {len(missing)} of {len(is_found)} particles are not in {particles.source}. "
            "Give the CryoSPARC job that these particles came from with --original."
        )
