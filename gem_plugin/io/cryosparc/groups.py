"""Writing chosen particles as .cs and .csg, the pair that CryoSPARC's Import Result Group takes."""

import os
import time
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from gem_plugin.errors import InputError
from gem_plugin.io.cryosparc.columns import texts_of
from gem_plugin.io.cryosparc.files import slots_of, write_cs_rows, write_csg
from gem_plugin.io.cryosparc.jobs import CryosparcParticles
from gem_plugin.notices import warn

LATENT_SLOT = "components_mode_"  # the slots in which 3D Variability and 3D Flex keep their coordinates


def write_particle_group(
    cs_path: Path,  # "RUN/state_1.cs"; state_1.csg is written beside it
    particles: CryosparcParticles,
    chosen_rows: np.ndarray | None,  # (k,) int64, 0-based, kept in this order; None: all
    title: str,
    description: str,
    new_fields: Mapping[str, np.ndarray] | None = None,  # name -> (k,), in the order of the chosen rows
) -> Path:  # the .csg
    """Write the chosen rows, every field byte for byte, with new fields behind them."""
    if cs_path.suffix != ".cs":
        raise InputError(f"{cs_path}: expected a name that ends in .cs.")
    rows = particles.rows if chosen_rows is None else particles.rows[chosen_rows]
    if new_fields:
        _say_which_components_go(rows, new_fields, particles.source)
        rows = rows_with_fields(rows, new_fields)
    link_relative_stacks(rows, particles.image_folder, cs_path.parent)
    write_cs_rows(cs_path, rows)
    created = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime())
    write_csg(
        cs_path.with_suffix(".csg"), cs_path.name, rows, title, description, created, particles.slot_types
    )
    return cs_path.with_suffix(".csg")


def latent_fields(
    latents: np.ndarray,  # (k, latent_size)
    first_mode: int = 0,
) -> dict[str, np.ndarray]:
    """Latents as components_mode_k/component (k) and /value."""
    fields: dict[str, np.ndarray] = {}
    for mode, values in enumerate(latents.T, start=first_mode):
        fields[f"{LATENT_SLOT}{mode}/component"] = np.full(len(latents), mode, dtype="<u4")
        fields[f"{LATENT_SLOT}{mode}/value"] = values.astype("<f4")
    return fields


def _say_which_components_go(rows: np.ndarray, new_fields: Mapping[str, np.ndarray], source: Path) -> None:
    earlier = [slot for slot in slots_of(rows) if slot.startswith(LATENT_SLOT)]
    if earlier and _hold_latents(new_fields):
        warn(
            f"{source}: {', '.join(earlier)} of an earlier job (such as 3D Variability) are left out of the particles that "
            "GEM writes, so that they are not taken for latents of GEM, which have the same names. The file itself keeps them."
        )


def _hold_latents(names: Iterable[str]) -> bool:
    return any(name.startswith(LATENT_SLOT) for name in names)


def rows_with_fields(rows: np.ndarray, new_fields: Mapping[str, np.ndarray]) -> np.ndarray:
    """The rows with fields appended; fields of the same name are replaced, and by latents all components of other jobs."""
    present = rows.dtype.names or ()
    if _hold_latents(new_fields):
        present = tuple(name for name in present if not name.startswith(LATENT_SLOT))
    columns = {name: rows[name] for name in present} | dict(new_fields)  # replaced where they were
    described = [(name, values.dtype, values.shape[1:]) for name, values in columns.items()]
    longer = np.empty(len(rows), dtype=described)
    for name, values in columns.items():
        longer[name] = values
    return longer


def _first_part(path: str) -> str:  # ">J42/particles.mrcs" -> "J42"
    """The name to be linked. Anything but a plain name would make a link outside the folder of results."""
    parts = Path(path[1:]).parts
    if not parts or parts[0] in ("/", "..") or "\0" in parts[0]:
        raise InputError(
            f"The stack {path!r} does not lie below the folder of its .csg. Export the group again."
        )
    return parts[0]


def link_relative_stacks(rows: np.ndarray, image_folder: Path, folder: Path) -> None:
    """Paths that start with > count from the .csg: link what they start with, so that they hold beside the new one."""
    paths = texts_of(rows["blob/path"])[0] if "blob/path" in (rows.dtype.names or ()) else []
    first_parts = {_first_part(path) for path in paths if path.startswith(">") and path != ">"}
    for part in sorted(first_parts):
        target, link = image_folder.absolute() / part, folder.absolute() / part
        if link.exists() or not target.exists():
            continue
        folder.mkdir(parents=True, exist_ok=True)
        link.unlink(missing_ok=True)  # a link that leads nowhere any more
        link.symlink_to(os.path.relpath(target, folder.absolute()))
