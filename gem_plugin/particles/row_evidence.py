"""What tells particles apart in files of both programs: image, place in the micrograph, pose, defocus; and pairs that agree.

A pair is (row of the star file, row of the CryoSPARC data set).
"""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath

import numpy as np
import pandas as pd
from scipy.spatial import cKDTree
from scipy.spatial.transform import Rotation

from gem_plugin.errors import InputError
from gem_plugin.io.cryosparc.columns import texts_of
from gem_plugin.io.star.columns import read_columns
from gem_plugin.io.star.particles import IMAGE_NAME, RelionFile, split_image_names
from gem_plugin.particles.from_cryosparc import stack_names

LEADING_UID = re.compile(r"^\d{9,}_")  # that CryoSPARC puts before the names of imported files
SAME_DEFOCUS_IN_ANGSTROMS = 0.05  # rounding of both files
OTHER_DEFOCUS_IN_ANGSTROMS = 3000.0  # no refinement of the CTF moves a particle so far
ANGLES = ("_rlnAngleRot", "_rlnAngleTilt", "_rlnAnglePsi")
DEFOCI = ("_rlnDefocusU", "_rlnDefocusV")
COORDINATES = ("_rlnCoordinateX", "_rlnCoordinateY")
MICROGRAPH = "_rlnMicrographName"


@dataclass(frozen=True)
class Evidence:
    """One value a row; None for what the file does not have."""

    stacks: np.ndarray  # (n,) object array of str
    slices: np.ndarray  # (n,) int64, from 0
    defoci: np.ndarray | None  # (n, 2) U and V in Angstrom
    rotations: Rotation | None  # n
    micrographs: np.ndarray | None  # (n,) object array of str
    positions: np.ndarray | None  # (n, 2) pixels of the micrograph, ordered xy
    heights: np.ndarray | None = None  # (n,) pixels of the micrograph along y

    def __len__(self) -> int:
        return len(self.slices)


def evidence_of_star(file: RelionFile) -> Evidence:
    """As far as the star file has the columns; InputError without image names."""
    labels = set(file.particles.labels)
    if IMAGE_NAME not in labels:
        raise InputError(f"{file.path} has no column {IMAGE_NAME}. Give a star file of particles.")
    columns = read_columns(
        file.document, file.particles, (*ANGLES, *DEFOCI, *COORDINATES), (IMAGE_NAME, MICROGRAPH)
    )
    stacks, slices = split_image_names(file, columns[IMAGE_NAME])

    def together(names: tuple[str, ...]) -> np.ndarray | None:
        return np.stack([columns[name] for name in names], axis=1) if set(names) <= labels else None

    angles, positions = together(ANGLES), together(COORDINATES)
    rotations = None if angles is None else Rotation.from_euler("ZYZ", angles, degrees=True)
    micrographs = columns.get(MICROGRAPH) if positions is not None else None
    return Evidence(stacks, slices, together(DEFOCI), rotations, micrographs, positions)


def evidence_of_rows(rows: np.ndarray) -> Evidence:
    """As far as the rows have the slots ctf, alignments3D and location."""
    present = set(rows.dtype.names or ())
    defoci = positions = heights = rotations = micrographs = None
    if {"ctf/df1_A", "ctf/df2_A"} <= present:
        defoci = np.stack([rows["ctf/df1_A"], rows["ctf/df2_A"]], axis=1).astype(np.float64)
    if "alignments3D/pose" in present:
        rotations = Rotation.from_rotvec(rows["alignments3D/pose"].astype(np.float64))
    if {
        f"location/{name}"
        for name in ("micrograph_path", "micrograph_shape", "center_x_frac", "center_y_frac")
    } <= present:
        heights, widths = rows["location/micrograph_shape"].astype(np.float64).T
        positions = np.stack(
            [rows["location/center_x_frac"] * widths, rows["location/center_y_frac"] * heights], axis=1
        )
        paths, which = texts_of(rows["location/micrograph_path"])
        micrographs = np.array(paths, dtype=object)[which]
    return Evidence(
        stack_names(rows),
        rows["blob/idx"].astype(np.int64),
        defoci,
        rotations,
        micrographs,
        positions,
        heights,
    )


def pairs_by_image(star: Evidence, own: Evidence, file: RelionFile) -> np.ndarray:  # (p, 2) int64
    """All pairs of the same slice of the same stack; names agree up to folders, endings and CryoSPARC's leading uid."""
    partner = _partners(star.stacks.tolist(), own.stacks.tolist(), file)
    left = pd.DataFrame({"stack": [partner[name] for name in star.stacks.tolist()], "slice": star.slices})
    right = pd.DataFrame({"stack": own.stacks, "slice": own.slices})
    left["star"], right["own"] = np.arange(len(star)), np.arange(len(own))
    both = left.dropna().merge(right, on=["stack", "slice"])
    return both[["star", "own"]].to_numpy(dtype=np.int64).reshape(-1, 2)


def pairs_by_position(
    star: Evidence,
    own: Evidence,
    tolerance_in_pixels: float,
) -> tuple[
    np.ndarray, np.ndarray
]:  # (q, 2) int64; (k,) bool: the micrograph of the star's row is known to both
    """All pairs that lie at one place of one micrograph, with y counted from the side on which more rows agree."""
    has_place = np.zeros(len(star), dtype=bool)
    none = np.zeros((0, 2), dtype=np.int64)
    if star.micrographs is None or star.positions is None or own.positions is None or own.micrographs is None:
        return none, has_place
    own_names, star_names = _names_in_one_folder(own.micrographs), _names_in_one_folder(star.micrographs)
    has_place = np.isin(star_names, own_names[own_names != ""]) & (star_names != "")
    assert own.heights is not None
    flipped = np.stack([own.positions[:, 0], own.heights - own.positions[:, 1]], axis=1)
    found = [
        _near(star_names, star.positions, own_names, positions, tolerance_in_pixels)
        for positions in (own.positions, flipped)
    ]
    return max(found, key=lambda pairs: len(np.unique(pairs[:, 0]))), has_place


def _names_in_one_folder(paths: np.ndarray) -> np.ndarray:  # (n,) str
    """Short names of micrographs; empty where two paths share a short name, which then says nothing."""
    short = {path: _short_name(path) for path in set(paths.tolist())}
    counts = Counter(short.values())
    return np.array([short[path] if counts[short[path]] == 1 else "" for path in paths.tolist()], dtype=str)


def _near(
    star_names: np.ndarray,
    star_positions: np.ndarray,
    own_names: np.ndarray,
    own_positions: np.ndarray,
    tolerance: float,
) -> np.ndarray:  # (q, 2) int64
    rows_of = pd.Series(np.arange(len(own_names))).groupby(own_names).indices
    pairs = [np.zeros((0, 2), dtype=np.int64)]
    for name, rows in pd.Series(np.arange(len(star_names))).groupby(star_names).indices.items():
        own_rows = rows_of.get(name)
        if name == "" or own_rows is None:
            continue
        near = cKDTree(star_positions[rows]).query_ball_tree(cKDTree(own_positions[own_rows]), tolerance)
        firsts = np.repeat(rows, [len(one) for one in near])
        seconds = own_rows[np.concatenate([np.asarray(one, dtype=np.int64) for one in near])]
        pairs.append(np.stack([firsts, seconds], axis=1))
    return np.concatenate(pairs)


def angles_between(star: Evidence, own: Evidence, pairs: np.ndarray) -> np.ndarray:  # (p,) degrees
    """The rotation between the two poses; infinite where one has none."""
    if star.rotations is None or own.rotations is None or len(pairs) == 0:
        return np.full(len(pairs), np.inf)
    return np.rad2deg((star.rotations[pairs[:, 0]].inv() * own.rotations[pairs[:, 1]]).magnitude())


def defoci_contradict(star: Evidence, own: Evidence, pairs: np.ndarray) -> np.ndarray:  # (p,) bool
    """Whether the two are too far apart in defocus to be one particle."""
    if star.defoci is None or own.defoci is None:
        return np.zeros(len(pairs), dtype=bool)
    difference = star.defoci[pairs[:, 0]].mean(axis=1) - own.defoci[pairs[:, 1]].mean(axis=1)
    return np.abs(difference) > OTHER_DEFOCUS_IN_ANGSTROMS


def has_own_defocus(star: Evidence, own: Evidence, pairs: np.ndarray) -> np.ndarray:  # (p,) bool
    """Whether the two have the same defocus, and no other image of that stack has it: then it tells images apart."""
    if star.defoci is None or own.defoci is None:
        return np.zeros(len(pairs), dtype=bool)
    same = np.abs(star.defoci[pairs[:, 0]] - own.defoci[pairs[:, 1]]).max(axis=1) <= SAME_DEFOCUS_IN_ANGSTROMS
    table = pd.DataFrame(
        {"stack": own.stacks, "slice": own.slices, "u": own.defoci[:, 0], "v": own.defoci[:, 1]}
    )
    table[["u", "v"]] = table[["u", "v"]].round(1)
    n_images = table.groupby(["stack", "u", "v"])["slice"].transform("nunique").to_numpy()
    return same & (n_images[pairs[:, 1]] == 1)


def _short_name(path: str) -> str:
    """The name of a file without folder, ending and CryoSPARC's leading uid."""
    return LEADING_UID.sub("", PurePosixPath(path.removeprefix(">")).stem)


def _partners(
    star_stacks: Iterable[str], own_stacks: Iterable[str], file: RelionFile
) -> dict[str, str | None]:
    """For each stack of the star the stack of the data set of that name; the longer common path where several have it."""
    by_stem: dict[str, list[str]] = {}
    by_short_name: dict[str, list[str]] = {}
    for own in dict.fromkeys(own_stacks):
        by_stem.setdefault(PurePosixPath(own).stem, []).append(own)
        by_short_name.setdefault(_short_name(own), []).append(own)
    partners: dict[str, str | None] = {}
    for stack in dict.fromkeys(star_stacks):
        candidates = by_stem.get(PurePosixPath(stack).stem) or by_short_name.get(_short_name(stack), [])
        if len(candidates) > 1:
            parts = PurePosixPath(stack).with_suffix("").parts
            longer = [
                own for own in candidates if _is_end_of(PurePosixPath(own).with_suffix("").parts, parts)
            ]
            candidates = longer or candidates
        if len(candidates) > 1:
            raise InputError(
                f"{file.path}: the stack {stack} can be any of {', '.join(candidates[:3])}. "
                "Use a star file that GEM converted, which has the column _gemCryosparcUid."
            )
        partners[stack] = candidates[0] if candidates else None
    return partners


def _is_end_of(own_parts: tuple[str, ...], star_parts: tuple[str, ...]) -> bool:
    return star_parts[-len(own_parts) :] == own_parts
