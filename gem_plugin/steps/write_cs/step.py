"""write-cs: chosen particles of a CryoSPARC run as .cs and .csg, rows as in the original."""

from typing import Any

from gem_plugin.io.run.files import RunFiles
from gem_plugin.progress import Progress
from gem_plugin.results.written_particles import write_particles_of_run
from gem_plugin.steps.write_cs.settings import WriteCsSettings


def run_write_cs(files: RunFiles, settings: WriteCsSettings, progress: Progress) -> dict[str, Any]:
    """Write the .cs and the .csg that Import Result Group takes."""
    (cs, csg), n_written = write_particles_of_run(
        files,
        "write-cs",
        settings.rows,
        settings.out,
        settings.latents,
        progress,
        settings.title,
        settings.overwrite,
        settings.refined_poses,
    )
    progress.say(f"In CryoSPARC: Import Result Group, group path {csg.absolute()}")
    return {"particles": n_written, "cs": str(cs), "csg": str(csg)}
