"""Settings of analyze."""

from dataclasses import dataclass

from gem_plugin.settings import setting


@dataclass(frozen=True)
class AnalyzeSettings:
    """What to show of the latent space."""

    ksample: int = setting(20, "Number of k-means maps; 20 can still be looked at one by one.", minimum=1)
    pc: int = setting(
        3, "Number of latent principal components along which trajectories are made.", minimum=0
    )
    trajectory_points: int = setting(
        10, "Maps of each trajectory, from the 5th to the 95th percentile.", minimum=2
    )
    skip_vol: bool = setting(False, "Make plots and tables only, no maps.")
    skip_umap: bool = setting(False, "Skip UMAP, the slowest part for very many particles.")
    flip: bool = setting(False, "Mirror all maps along z: the other hand.")
    seed: int = setting(0, "Seed of k-means and UMAP; the same seed gives the same result.", minimum=0)
