"""The table of the files of the analyze step."""

import re
from dataclasses import dataclass
from pathlib import Path

from gem_plugin.io.run.names import component_folder, component_folders

KMEANS_NAME = re.compile(r"kmeans(\d+)")


@dataclass(frozen=True)
class KmeansFiles:
    """Paths inside the folder of the k-means maps; the maps are a series beside these."""

    root: Path

    @property
    def latents(self) -> Path:  # (k, latent_size) text
        return self.root / "centers.txt"

    @property
    def rows(self) -> Path:  # (k,) text: rows of the particles, counted from 0
        return self.root / "centers_ind.txt"

    @property
    def labels(self) -> Path:  # (n,) int64 from 1: number of the map of every particle
        return self.root / "labels.npy"


@dataclass(frozen=True)
class AnalyzeFiles:
    """Paths inside RUN/analyze."""

    root: Path

    @property
    def umap(self) -> Path:  # (n, 2) float32: UMAP of the latents
        return self.root / "umap.npy"

    def kmeans(self, n_maps: int) -> KmeansFiles:
        return KmeansFiles(self.root / f"kmeans{n_maps}")

    def all_kmeans(self) -> dict[int, KmeansFiles]:
        """By number of maps."""
        found = [
            (match, path) for path in self.root.glob("kmeans*") if (match := KMEANS_NAME.fullmatch(path.name))
        ]
        return {
            number: KmeansFiles(path)
            for number, path in sorted((int(match[1]), path) for match, path in found)
        }

    def component_folder(self, number: int) -> Path:  # maps along a latent component, and their latents
        return component_folder(self.root, number)

    def component_folders(self) -> dict[int, Path]:
        return component_folders(self.root)
