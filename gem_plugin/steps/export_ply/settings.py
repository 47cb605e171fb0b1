"""Settings of export-ply."""

from dataclasses import dataclass
from pathlib import Path

from gem_plugin.settings import setting


@dataclass(frozen=True)
class ExportPlySettings:
    """Which cloud, and where to."""

    out: Path | None = setting(
        None, "Folder for point_cloud.ply and cfg.json; default: gaussianem in the run."
    )
    particle: int | None = setting(
        None, "Row of a particle, from 0, whose cloud is written. Default: the consensus.", 0
    )
    overwrite: bool = setting(False, "Replace files that are there already.")
