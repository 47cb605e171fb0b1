"""Settings of import-gaussianem."""

from dataclasses import dataclass
from pathlib import Path

from gem_plugin.settings import setting


@dataclass(frozen=True)
class ImportGaussianemSettings:
    """Where GaussianEM's files are."""

    source: Path | None = setting(None, "Folder of GaussianEM with cfg.json, point_cloud.ply and weights.")
    out: Path = setting(Path("gaussianem_run"), "Folder of the run that is made.")
    cfg: Path | None = setting(None, "cfg.json, where it is elsewhere.")
    gaussians: Path | None = setting(None, "point_cloud.ply, where it is elsewhere.")
    model_weight: Path | None = setting(None, "weights.N.pkl; default: the one with the largest N.")
    latent: Path | None = setting(None, "weights.N.output.pkl; default: the one beside the weights.")
    width_change: bool = setting(
        False, "Apply the change of widths; GaussianEM never trains it, so only for corrected versions."
    )
