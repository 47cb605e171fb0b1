"""Volume components of a landscape: saved and loaded in one place."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from gem_plugin.errors import InputError
from gem_plugin.io.array_files import read_array, read_arrays, write_array, write_arrays
from gem_plugin.io.run.landscape_files import LandscapeFiles
from gem_plugin.landscape.volume_pca import VolumePca
from gem_plugin.landscape.volume_source import VolumeSource

pass


class Components(NamedTuple):
    """Volume components of the sketch, and how far its maps are from each other."""

    pca: VolumePca
    distances: np.ndarray  # (k, k)


def load_components(files: LandscapeFiles) -> Components:
    """The volume components of an earlier run."""
    made_by = "gem-em landscape"
    arrays = read_arrays(files.volume_pca, made_by)
    pca = VolumePca(
        mean=arrays["mean"],
        components=arrays["components"],
        scores=read_array(files.volume_pca_scores, made_by),
        explained_variance=arrays["explained_variance"],
        explained_variance_ratio=arrays["explained_variance_ratio"],
    )
    return Components(pca, read_array(files.distances, made_by))


def _save_components(
    files: LandscapeFiles,
    components: Components,
    mask: np.ndarray,
    most_negative: float,
    source: VolumeSource,
) -> None:
    pca = components.pca
    write_arrays(
        files.volume_pca,
        mean=pca.mean,
        components=pca.components,
        explained_variance=pca.explained_variance,
        explained_variance_ratio=pca.explained_variance_ratio,
        mask=mask,
        most_negative_masked_value=np.float64(most_negative),
        pixel_size_in_angstroms=np.float64(source.pixel_size_in_angstroms),
        is_flipped=np.bool_(source.is_flipped),
        identity=np.array(source.identity),
    )
    write_array(files.volume_pca_scores, pca.scores)
    write_array(files.distances, components.distances)


MADE_BY = "gem-em landscape"


@dataclass(frozen=True)
class SketchBasis:
    """What the landscape step found and the full one builds on."""

    pca: VolumePca
    mask: np.ndarray  # (d, d, d)
    pixel_size_in_angstroms: float
    is_flipped: bool
    identity: str  # of the model that the components were made with

    @property
    def box_size(self) -> int:
        return len(self.mask)

    def check_source(self, source: VolumeSource) -> None:
        """Components of one model mean nothing for another."""
        if source.identity != self.identity or source.box_size != self.box_size:
            raise InputError(
                "The model was trained again, or changed, since its landscape was made. Run `gem-em landscape` again."
            )


def load_basis(files: LandscapeFiles) -> SketchBasis:
    """Read mask and components of the sketch."""
    arrays = read_arrays(files.volume_pca, MADE_BY)
    pca = VolumePca(
        mean=arrays["mean"],
        components=arrays["components"],
        scores=read_array(files.volume_pca_scores, MADE_BY),
        explained_variance=arrays["explained_variance"],
        explained_variance_ratio=arrays["explained_variance_ratio"],
    )
    return SketchBasis(
        pca,
        arrays["mask"],
        float(arrays["pixel_size_in_angstroms"]),
        bool(arrays["is_flipped"]),
        str(arrays["identity"]),
    )
