"""Settings of eval-vol."""

from dataclasses import dataclass
from pathlib import Path

from gem_plugin.settings import setting


@dataclass(frozen=True)
class EvalVolSettings:
    """Which maps to decode, and how large."""

    particles: Path | None = setting(
        None, "Text file of particle rows, counted from 0, one per line.", reads_file=True
    )
    z_values: Path | None = setting(None, "Text file of latents, one map per line.", reads_file=True)
    out: Path | None = setting(None, "Folder for vol_000.mrc, vol_001.mrc, ...; default: volumes in the run.")
    downsample: int | None = setting(
        None, "Box of the maps in voxels; default: the model's.", minimum=8, flag="-d"
    )
    apix: float | None = setting(None, "Pixel size for the headers, Angstrom.", minimum=0.01, flag="--Apix")
    flip: bool = setting(False, "Mirror the maps along z: the other hand.")
    overwrite: bool = setting(False, "Replace the maps that are in the folder already.")
