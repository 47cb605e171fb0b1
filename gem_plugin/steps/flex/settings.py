"""Settings of flex."""

from dataclasses import dataclass
from pathlib import Path

from gem_plugin.settings import setting

ORIGINS = ("corner", "centre")


@dataclass(frozen=True)
class FlexSettings:
    """Which model, and how it lies."""

    model: Path | None = setting(
        None, "Atomic model (PDB or mmCIF) fitted into the consensus map.", reads_file=True
    )
    origin: str = setting(
        "corner",
        "Where the model has its origin: at the first voxel, as ChimeraX fits, or at the centre.",
        choices=ORIGINS,
    )
    z_values: Path | None = setting(
        None,
        "Text file of latents, one conformation per line, besides states and trajectories.",
        reads_file=True,
    )
    seed: int = setting(0, "Seed for the choice of particles that stand for all.", minimum=0)
