"""Settings of consensus."""

from dataclasses import dataclass
from pathlib import Path

from gem_plugin.settings import setting


@dataclass(frozen=True)
class ConsensusSettings:
    """How the map becomes Gaussians."""

    map: Path | None = setting(
        None,
        "Consensus map of these particles (.mrc); one of another box or pixel size is resampled about its centre.",
        reads_file=True,
    )
    mask: Path | None = setting(
        None, "Mask of the molecule (.mrc), 0 to 1: Gaussians start inside it only.", reads_file=True
    )
    threshold: float | None = setting(
        None,
        "Density above which a voxel belongs to the molecule. Default: 4 noise standard deviations and a tenth of the peak.",
    )
    n_gaussians: int | None = setting(
        None, "Number of Gaussians. Default: one per voxel above the threshold, at most 8192.", 1, 200_000
    )
    gaussian_width: float = setting(
        0.5,
        "Standard deviation of each Gaussian in pixels of the working box; wider ones lose the last shells, narrower ones alias.",
        0.3,
        4.0,
    )
    fit_images: int = setting(
        20_000,
        "Particle images for the short fit of positions and amplitudes; 0 fits the grey scale only.",
        0,
        10_000_000,
    )
    seed: int = setting(0, "Seed of the choice of images.", 0, 2**31 - 1)
    threads: int | None = setting(None, "CPU threads. Default: all that this process may use.", 1, 1024)
