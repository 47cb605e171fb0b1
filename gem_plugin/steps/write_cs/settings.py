"""Settings of write-cs."""

from dataclasses import dataclass
from pathlib import Path

from gem_plugin.settings import setting


@dataclass(frozen=True)
class WriteCsSettings:
    """Which particles to write, and where."""

    rows: Path | None = setting(
        None, "Text file of particle rows, counted from 0, one per line; default: all.", reads_file=True
    )
    out: Path | None = setting(
        None,
        "The .cs file to write; default: particles.cs in the run, of all particles with their latents, else selected/particles.cs.",
    )
    latents: bool = setting(True, "Add the latents as components_mode_0, 1, ..., as 3D Variability does.")
    title: str = setting("GEM particles", "Title that CryoSPARC shows for the group.")
    refined_poses: bool = setting(
        False,
        "Write the poses that training refined, and how far each moved, in place of those of the input; by default into "
        "particles_refined.cs.",
    )
    overwrite: bool = setting(False, "Replace the file where it is there already.")
