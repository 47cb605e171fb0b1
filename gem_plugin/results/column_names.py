"""The one table of particle columns: their names, what they mean, and the step that makes them.

The explorer shows these names, `select --where` takes them, the Python interface and the report use them.
Imports nothing heavy, so that --help can show the table. How each column is read is in particle_columns.py.
"""

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass

MAXIMUM_NAMES_SUGGESTED = 3


@dataclass(frozen=True)
class ColumnFamily:
    """Columns that are read together."""

    pattern: str  # regular expression of the whole name
    shown: str  # as help and documentation show the names
    meaning: str  # with the unit
    made_by: str  # the step

    def has(self, name: str) -> bool:
        return re.fullmatch(self.pattern, name) is not None


COLUMN_FAMILIES = (
    ColumnFamily(r"umap_[12]", "umap_1, umap_2", "UMAP of the latents (arbitrary units)", "analyze"),
    ColumnFamily(r"state", "state", "state of landscape; 0: none", "landscape"),
    ColumnFamily(r"sample", "sample", "sample that --compare or --samples names; 0: none", "landscape"),
    ColumnFamily(r"sketch_map", "sketch_map", "number of the sketch map; -1: none", "landscape"),
    ColumnFamily(r"volume_pc_\d+", "volume_pc_1, ...", "volume component (map units)", "landscape-full"),
    ColumnFamily(r"full_state", "full_state", "state of landscape-full", "landscape-full"),
    ColumnFamily(r"leiden", "leiden", "Leiden community of landscape-full", "landscape-full"),
    ColumnFamily(
        r"volume_umap_[12]",
        "volume_umap_1, volume_umap_2",
        "UMAP of the volume components (arbitrary units)",
        "landscape-full",
    ),
    ColumnFamily(
        r"(occupancy|motion)_.+",
        "occupancy_NAME, motion_NAME",
        "occupancy (fraction of its mean) and motion (Å) of a region",
        "landscape-full",
    ),
    ColumnFamily(r"kmeans\d+", "kmeans20", "number of the k-means map", "analyze"),
    ColumnFamily(
        r"latent_pc_\d+", "latent_pc_1, ...", "principal component of the latents (latent units)", "train"
    ),
    ColumnFamily(r"latent_\d+", "latent_1, ...", "latent (latent units)", "train"),
    ColumnFamily(r"latent_norm", "latent_norm", "length of the latent (latent units)", "train"),
    ColumnFamily(
        r"latent_std",
        "latent_std",
        "standard deviation of the latent, mean over its axes (latent units)",
        "train",
    ),
    ColumnFamily(
        r"contrast", "contrast", "contrast of the particle image; 1 is usual, near 0: no molecule", "train"
    ),
    ColumnFamily(
        r"outlier",
        "outlier",
        "probability that the image shows noise alone, or no molecule where its pose says (0 to 1)",
        "train",
    ),
    ColumnFamily(
        r"pose_change|shift_change",
        "pose_change, shift_change",
        "how far training moved the orientation (degrees) and the centre (Å)",
        "train",
    ),
    ColumnFamily(r"rot|tilt|psi", "rot, tilt, psi", "Euler angles (degrees)", "prepare"),
    ColumnFamily(r"shift_[xy]", "shift_x, shift_y", "shift (Å)", "prepare"),
    ColumnFamily(r"defocus", "defocus", "mean defocus (µm)", "prepare"),
    ColumnFamily(r"row", "row", "row of the run, from 0", "prepare"),
    ColumnFamily(
        r"particle|image|symmetry_copy",
        "particle, image, symmetry_copy",
        "where particles have several views: number of the particle, of its image, and of the copy, from 0",
        "prepare",
    ),
    ColumnFamily(r"half_set", "half_set", "half-set; 0: none", "prepare"),
    ColumnFamily(r"optics_group", "optics_group", "optics group", "prepare"),
    ColumnFamily(
        r"tilt_images|tomogram",
        "tilt_images, tomogram",
        "of tilt series: number of tilt images, and of the tomogram, from 1",
        "prepare",
    ),
    ColumnFamily(
        r"position_[xyz]",
        "position_x, position_y, position_z",
        "of tilt series: position in the tomogram, from its centre (Å)",
        "prepare",
    ),
)
SHORT_NAMES = (  # as versions before 0.2 called them
    (re.compile(r"PC(\d+)"), r"volume_pc_\1"),
    (re.compile(r"z(\d+)"), r"latent_\1"),
    (re.compile(r"umap(\d)"), r"umap_\1"),
)


def full_name(name: str) -> str:
    """The name of a column for one of its short names: PC1 is volume_pc_1, z2 is latent_2."""
    for pattern, replacement in SHORT_NAMES:
        if match := pattern.fullmatch(name):
            return match.expand(replacement)
    return name


def family_of(name: str) -> ColumnFamily | None:
    """The family that a name belongs to; None for columns of the particle file."""
    return next((family for family in COLUMN_FAMILIES if family.has(name)), None)


def fixed_names() -> list[str]:
    """The names in the table that hold no number or region."""
    shown = [name for family in COLUMN_FAMILIES for name in family.shown.split(", ")]
    return [name for name in shown if name == name.lower() and "..." not in name]


def columns_in_words() -> str:
    """All columns on one line, for help texts."""
    return "; ".join(f"{family.shown} ({family.meaning})" for family in COLUMN_FAMILIES)


def nearest_names(name: str, known: Sequence[str], not_made_yet: Sequence[str] = ()) -> str:
    """A sentence on what may have been meant: of the `known` names, or of those that only another step makes."""
    near = difflib.get_close_matches(name, [*known, *not_made_yet], n=MAXIMUM_NAMES_SUGGESTED, cutoff=0.5)
    if near:
        return f"Did you mean {' or '.join(near)}?"
    shown = ", ".join(known[:8])
    return f"It has {shown}{', ...' if len(known) > 8 else ''}."
