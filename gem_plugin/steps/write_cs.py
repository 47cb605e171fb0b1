"""write-cs: chosen particles of a CryoSPARC run as .cs and .csg, rows as in the original."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from gem_plugin.errors import InputError
from gem_plugin.io.array_files import read_array, read_rows
from gem_plugin.io.cryosparc_groups import write_particle_group
from gem_plugin.io.cryosparc_jobs import read_cryosparc
from gem_plugin.io.run_files import RunFiles
from gem_plugin.particles.prepared import load_prepared_table
from gem_plugin.progress import Progress
from gem_plugin.settings import setting


@dataclass(frozen=True)
class WriteCsSettings:
    """Which particles to write, and where."""

    rows: Path | None = setting(None, "Text file of particle rows, counted from 0, one a line; default: all.")
    out: Path | None = setting(None, "The .cs file to write; default: particles.cs in the run.")
    latents: bool = setting(True, "Add the latents as components_mode_0, 1, ..., as 3D Variability does.")
    title: str = setting("GEM particles", "Title that CryoSPARC shows for the group.")


def run_write_cs(run: RunFiles, settings: WriteCsSettings, progress: Progress) -> dict[str, Any]:
    """Write the .cs and the .csg that Import Result Group takes."""
    original = load_prepared_table(run)[2].particle_file
    if original.suffix == ".star":
        raise InputError(
            f"{original}: this run started from a star file. Use `gem-em write-star {run.root}`."
        )
    out = settings.out or run.root / "particles.cs"
    with progress.waiting(f"writing {out.name}"):
        particles = read_cryosparc(original)
        chosen = None if settings.rows is None else read_rows(settings.rows, len(particles))
        latents = read_array(run.latents, f"gem-em train {run.root}") if settings.latents else None
        n_written = len(particles) if chosen is None else len(chosen)
        text = f"{n_written} of the {len(particles)} particles of {particles.source.name}, written by GEM"
        csg = write_particle_group(out, particles, chosen, settings.title, text, latents)
    progress.say(f"In CryoSPARC: Import Result Group, group path {csg.absolute()}")
    return {"particles": n_written, "cs": str(out), "csg": str(csg)}


def write_latents_cs(run: RunFiles, latents: np.ndarray) -> None:  # (n, latent_size)
    """particles.cs and .csg in the run: the input rows with the latents added."""
    particles = read_cryosparc(load_prepared_table(run)[2].particle_file)
    description = f"The particles of {particles.source.name} with the latents of GEM"
    write_particle_group(run.root / "particles.cs", particles, None, "GEM particles", description, latents)
