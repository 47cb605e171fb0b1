"""Settings of demo."""

from dataclasses import dataclass
from pathlib import Path

from gem_plugin.settings import setting


@dataclass(frozen=True)
class DemoSettings:
    """Size of the demonstration."""

    out: Path = setting(Path("demo_project"), "Folder of the RELION project that is made; must be new.")
    n_particles: int = setting(3000, "Number of particles.", 200, 1_000_000)
    box: int = setting(64, "Box in pixels, even.", 32, 256)
    pixel_size: float = setting(4.0, "Pixel size in Angstrom.", 1, 10, flag="--apix")
    snr: float = setting(0.05, "Signal-to-noise ratio of the images (ratio of variances).", 1e-4, 100)
    epochs: int = setting(60, "Passes over the particles in training; enough for a clear picture.", 1, 10_000)
    sketch_size: int = setting(300, "Number of sketch maps.", 10, 10_000)
    threads: int = setting(2, "Threads, as in RELION's Running tab.", 1, 1024, flag="-j")
    seed: int = setting(0, "Random seed.", 0)
