"""Writing chosen particles as .cs and .csg, the pair that CryoSPARC's Import Result Group takes."""

import os
import time
from pathlib import Path

import numpy as np

from gem_plugin.errors import InputError
from gem_plugin.io.cryosparc.columns import texts_of
from gem_plugin.io.cryosparc.files import write_cs_rows, write_csg
from gem_plugin.io.cryosparc.jobs import CryosparcParticles

LATENT_SLOT = "components_mode_"  # the slots in which 3D Variability and 3D Flex keep their coordinates


def write_particle_group(
    cs_path: Path,  # "RUN/state_1.cs"; state_1.csg is written beside it
    particles: CryosparcParticles,
    chosen_rows: np.ndarray | None,  # (k,) int64, 0-based, kept in this order; None: all
    title: str,
    description: str,
    latents: np.ndarray | None = None,  # (n, latent_size), of all particles
) -> Path:  # the .csg
    """Write the chosen rows, every field byte for byte; the latents, when given, as components_mode_k."""
    if cs_path.suffix != ".cs":
        raise InputError(f"{cs_path}: expected a name that ends in .cs.")
    chosen: slice | np.ndarray = slice(None) if chosen_rows is None else chosen_rows
    rows = particles.rows[chosen]
    if latents is not None:
        _check_latents(particles, latents)
        rows = rows_with_latents(rows, latents[chosen])
    link_relative_stacks(rows, particles.image_folder, cs_path.parent)
    write_cs_rows(cs_path, rows)
    created = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime())
    write_csg(cs_path.with_suffix(".csg"), cs_path.name, rows, title, description, created)
    return cs_path.with_suffix(".csg")


def _check_latents(particles: CryosparcParticles, latents: np.ndarray) -> None:
    if len(latents) != len(particles):
        raise InputError(
            f"{particles.source} has {len(particles)} particles, the run has latents of {len(latents)}. "
            "Give the particles that the run was made with."
        )


def rows_with_latents(rows: np.ndarray, latents: np.ndarray) -> np.ndarray:
    """The rows with components_mode_k/component (k) and /value appended; modes of the same number are replaced."""
    new_fields = []
    for mode in range(latents.shape[1]):
        new_fields += [(f"{LATENT_SLOT}{mode}/component", "<u4"), (f"{LATENT_SLOT}{mode}/value", "<f4")]
    replaced = {name for name, _ in new_fields}
    kept = [name for name in rows.dtype.names or () if name not in replaced]
    longer = np.empty(len(rows), dtype=np.dtype([*((name, rows.dtype[name]) for name in kept), *new_fields]))
    for name in kept:
        longer[name] = rows[name]
    for mode in range(latents.shape[1]):
        longer[f"{LATENT_SLOT}{mode}/component"] = mode
        longer[f"{LATENT_SLOT}{mode}/value"] = latents[:, mode]
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
