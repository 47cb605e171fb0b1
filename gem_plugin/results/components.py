"""The volume components of a landscape, saved and loaded in one place."""

from dataclasses import dataclass

import numpy as np

from gem_plugin.errors import InputError
from gem_plugin.io.array_files import read_array, read_arrays, write_array, write_arrays
from gem_plugin.io.run.landscape_files import LandscapeFiles
from gem_plugin.landscape.volume_pca import VolumePca
from gem_plugin.landscape.volume_source import VolumeSource

MADE_BY = "gem-em landscape"


@dataclass(frozen=True)
class VolumeComponents:
    """Principal components of the masked sketch maps, and the grid and model that they belong to."""

    pca: VolumePca
    distances: np.ndarray  # (k, k) float64 between the masked sketch maps
    mask: np.ndarray  # (d, d, d), 0 to 1
    most_negative_masked_value: float  # before negative values were set to 0
    pixel_size_in_angstroms: float
    is_flipped: bool  # maps are of the other hand
    identity: str  # of the model that the maps were decoded with

    @property
    def box_size(self) -> int:
        return len(self.mask)

    def check_source(self, source: VolumeSource) -> None:
        """Components of one model mean nothing for another."""
        if source.identity != self.identity or source.box_size != self.box_size:
            raise InputError(
                "The model was trained again, or changed, since its landscape was made. "
                f"Run `{MADE_BY}` again."
            )

    def save(self, files: LandscapeFiles) -> None:
        """Components, scores and distances; everything that load reads."""
        write_arrays(
            files.volume_pca,
            mean=self.pca.mean,
            components=self.pca.components,
            explained_variance=self.pca.explained_variance,
            explained_variance_ratio=self.pca.explained_variance_ratio,
            mask=self.mask,
            most_negative_masked_value=np.float64(self.most_negative_masked_value),
            pixel_size_in_angstroms=np.float64(self.pixel_size_in_angstroms),
            is_flipped=np.bool_(self.is_flipped),
            identity=np.array(self.identity),
        )
        write_array(files.volume_pca_scores, self.pca.scores)
        write_array(files.distances, self.distances)

    @staticmethod
    def load_distances(files: LandscapeFiles) -> np.ndarray:  # (k, k) float64
        """Only the distances between the sketch maps, without the components, which are large."""
        return read_array(files.distances, MADE_BY)

    @classmethod
    def load(cls, files: LandscapeFiles) -> "VolumeComponents":
        """The components of a finished landscape."""
        arrays = read_arrays(files.volume_pca, MADE_BY)
        pca = VolumePca(
            mean=arrays["mean"],
            components=arrays["components"],
            scores=read_array(files.volume_pca_scores, MADE_BY),
            explained_variance=arrays["explained_variance"],
            explained_variance_ratio=arrays["explained_variance_ratio"],
        )
        return cls(
            pca,
            cls.load_distances(files),
            arrays["mask"],
            float(arrays["most_negative_masked_value"]),
            float(arrays["pixel_size_in_angstroms"]),
            bool(arrays["is_flipped"]),
            str(arrays["identity"]),
        )
