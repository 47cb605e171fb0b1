"""Settings of write-star."""

from dataclasses import dataclass
from pathlib import Path

from gem_plugin.settings import setting


@dataclass(frozen=True)
class WriteStarSettings:
    """Which particles to write, and where."""

    rows: Path | None = setting(
        None, "Text file of particle rows, counted from 0, one per line; default: all.", reads_file=True
    )
    out: Path | None = setting(
        None,
        "The star file to write; default: particles.star in the run, of all particles with their latents, else selected/particles.star.",
    )
    latents: bool = setting(True, "Add the latents as columns _gemLatent1, _gemLatent2, ...")
    refined_poses: bool = setting(
        False,
        "Write the poses that training refined, and how far each moved, in place of those of the input; by default into "
        "particles_refined.star.",
    )
    overwrite: bool = setting(False, "Replace the file where it is there already.")
