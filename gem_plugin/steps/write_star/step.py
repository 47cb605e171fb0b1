"""write-star: chosen particles of a RELION run as a star file, rows as in the original, latents added."""

from typing import Any

from gem_plugin.io.run.files import RunFiles
from gem_plugin.progress import Progress
from gem_plugin.results.written_particles import write_particles_of_run
from gem_plugin.steps.write_star.settings import WriteStarSettings


def run_write_star(files: RunFiles, settings: WriteStarSettings, progress: Progress) -> dict[str, Any]:
    """Write particles.star: original header and rows, and the latents behind them."""
    written, n_written = write_particles_of_run(
        files,
        "write-star",
        settings.rows,
        settings.out,
        settings.latents,
        progress,
        overwrite=settings.overwrite,
        refined_poses=settings.refined_poses,
    )
    progress.say(f"{n_written} particles written to {written[0]}")
    return {"particles": n_written, "star": str(written[0])}
