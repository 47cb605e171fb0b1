"""Settings of diagnose."""

from dataclasses import dataclass
from pathlib import Path

from gem_plugin.settings import setting


@dataclass(frozen=True)
class DiagnoseSettings:
    """What to compare the run with."""

    other_run: Path | None = setting(
        None, "Run folder of a second training on the same particles (another --seed): do the latents agree?"
    )
    mask: Path | None = setting(
        None, "Mask to be checked against the motion; default: the consensus mask.", reads_file=True
    )
    seed: int = setting(0, "Seed of shuffles and subsets.", minimum=0)
