"""write-cs: chosen particles of a CryoSPARC run as .cs and .csg, rows as in the original."""

from typing import Any

import numpy as np

from gem_plugin.errors import InputError
from gem_plugin.io.array_files import read_array, read_rows
from gem_plugin.io.cryosparc.groups import write_particle_group
from gem_plugin.io.cryosparc.jobs import read_cryosparc
from gem_plugin.io.run.files import RunFiles
from gem_plugin.particles.prepared import load_prepared_table
from gem_plugin.progress import Progress
from gem_plugin.steps.write_cs.settings import WriteCsSettings


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
